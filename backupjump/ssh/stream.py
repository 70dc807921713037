"""What a command on the Desktop says, read as it comes: as much as the reader takes, and no more.

Before it is read the far end may send no more than the window of an SSH channel (RFC 4254, 5.2; paramiko's is 2 MiB).
So a slow reader holds the sender up, and costs no memory.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from backupjump.errors import LinkLost, WindowOver
from backupjump.escape import shown
from backupjump.process import Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from backupjump.errors import BackupjumpError

_READ_BYTES = 1 << 15
_KEPT_BYTES = 1 << 16
_BREAKING_SECONDS = 0.5


class Stream:
    """A command that was started on the Desktop. Leaving it ends the command's channel, whatever is left in it.

    All of it must be over by `deadline` (of time.monotonic), and no more than `idle_seconds` may pass without a byte.
    """

    def __init__(
        self,
        channel: Any,
        *,
        desktop: str,
        broken: tuple[type[BaseException], ...],
        why_broken: Callable[[str], BackupjumpError],
        read_on: Callable[[], None],
        idle_seconds: float,
        deadline: float,
    ) -> None:
        self._channel = channel
        self._desktop = desktop
        self._broken = broken
        self._why_broken = why_broken
        self._read_on = read_on
        self._idle_seconds = idle_seconds
        self._deadline = deadline
        self._stderr = b""
        self.judge: Callable[[Completed], Completed] = lambda done: done
        """What looks at the end of the command before the caller does."""

    def start(self, command: str, argv: Sequence[str]) -> None:
        """Let a shell over there run `command`, which means `argv`."""
        self._argv = tuple(argv)
        # It waits for the far end's yes, and has no limit of its own.
        watchdog = threading.Timer(self._left(), self._channel.close)
        watchdog.start()
        try:
            self._channel.exec_command(command)
        except self._broken as error:
            self._left()
            raise self._silent() if watchdog.finished.is_set() else self._why_broken(shown(str(error))) from error
        finally:
            watchdog.cancel()

    def chunks(self) -> Iterator[bytes]:
        """Yield what the command writes, 32 KiB at the most at once, to its end.

        LinkLost when the connection breaks or nothing comes for too long, WindowOver past the deadline. DesktopUnfit
        for a far end that floods us with what nobody asked for.
        """
        while chunk := self._next():
            yield chunk

    def end(self) -> Completed:
        """Return how the command ended, with no stdout, and the end of its stderr; raises as `chunks`."""
        if not self._channel.status_event.wait(self._left()):
            raise self._silent()
        if (status := self._channel.exit_status) == -1:
            # A connection that breaks closes its channels first, and is seen to be broken a moment later.
            self._channel.transport.join(_BREAKING_SECONDS)
            if not self._channel.transport.is_active():
                raise self._why_broken("it ended")
        self._listen()
        return self.judge(Completed(argv=self._argv, status=status, stdout=b"", stderr=self._stderr))

    def close(self) -> None:
        """End the channel; the connection stays."""
        self._channel.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _next(self) -> bytes:
        self._channel.settimeout(self._left())
        try:
            chunk: bytes = self._channel.recv(_READ_BYTES)
            self._read_on()
            self._listen()
        except TimeoutError as error:
            self._left()
            raise self._silent() from error
        except self._broken as error:
            raise self._why_broken(shown(str(error))) from error
        return chunk

    def _listen(self) -> None:
        # Unread, it would use up the window that both share.
        while self._channel.recv_stderr_ready():
            self._stderr = (self._stderr + self._channel.recv_stderr(_READ_BYTES))[-_KEPT_BYTES:]

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise WindowOver(f"desktop {self._desktop} was not done with {self._argv[0]} in its time; ended")
        return min(left, self._idle_seconds)

    def _silent(self) -> LinkLost:
        return LinkLost(
            f"desktop {self._desktop} said nothing for {self._idle_seconds:.3g} s",
            hint="is it asleep, or its disk stuck?",
        )
