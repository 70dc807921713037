"""Start the rsync of a transfer by a list before it is known what the list has for it: it logs in meanwhile.

To log in takes as long as to find out what the rules take of a list. Until the names come on its standard input rsync
waits for them, on both sides.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from backupjump.process import PIPED, Child, running, signals_held
from backupjump.rsync.argv import pull_argv

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from backupjump.process import Word
    from backupjump.rsync.plan import Plan, Transfer


class HeadStart:
    """An rsync that has been started ahead, or none. Leaving the block ends one that nobody has taken."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._argv: tuple[Word, ...] = ()
        self._marker = ""
        self._end = ExitStack()

    def begin(self, plan: Plan, one: Transfer, *, pass_fds: Sequence[int] = ()) -> None:
        """Start the rsync of `one`, a transfer of `plan` by a list; its names need not be known."""
        self.end()
        self._marker = secrets.token_hex(8)
        self._argv = pull_argv(plan, one, marker=self._marker)
        with signals_held():
            self._child = self._end.enter_context(running(self._argv, stdin=PIPED, pass_fds=pass_fds))

    @contextmanager
    def running(
        self, plan: Plan, one: Transfer, *, after: Transfer | None, pass_fds: Sequence[int] = ()
    ) -> Iterator[tuple[Child, str]]:
        """Run the rsync of `one` and tell it its names; yields it and its marker, as `pull_argv` has one.

        It is the one that was started ahead if that is what would be started now, word for word; else that ends.
        That of the transfer `after` it is started ahead then, if it is by a list.
        """
        if self._child is not None and pull_argv(plan, one, marker=self._marker) != self._argv:
            self.end()
        with ExitStack() as stack:
            if self._child is not None:
                child, marker = self._child, self._marker
                with signals_held():
                    stack.push(self._end.pop_all())
                    self._child = None
            else:
                marker = secrets.token_hex(8)
                argv = pull_argv(plan, one, marker=marker)
                child = stack.enter_context(running(argv, stdin=PIPED, pass_fds=pass_fds))
            _feed(child, one.files_from if one.by_list else None)
            if after is not None and after.by_list:
                self.begin(plan, after, pass_fds=pass_fds)
            yield child, marker

    def end(self) -> None:
        """End what was started ahead and has not been taken."""
        self._child = None
        self._end.close()

    def __enter__(self) -> HeadStart:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()


def _feed(child: Child, names: Path | None) -> None:
    """Write `names` to the child's standard input and close it; in a thread, since rsync may have to speak first."""
    if names is None:
        child.stdin.close()
        return

    def write() -> None:
        # It may have ended, which is told by its status.
        with suppress(OSError, ValueError), names.open("rb") as file, child.stdin:
            shutil.copyfileobj(file, child.stdin)

    threading.Thread(target=write, name="names for rsync", daemon=True).start()
