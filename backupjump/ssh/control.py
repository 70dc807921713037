"""The control plane: one connection a run to the Desktop, for the words that are not data."""

from __future__ import annotations

import contextlib
import re
import shlex
import threading
import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from backupjump.errors import LinkLost
from backupjump.ssh.answers import Answers
from backupjump.ssh.hop_errors import no_gate_behind_relay, tunnel_not_open
from backupjump.ssh.link import Link, open_link
from backupjump.ssh.second_shell import nested_command
from backupjump.ssh.verdicts import Leg, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from backupjump.errors import BackupjumpError
    from backupjump.process import Completed
    from backupjump.ssh.route import Route
    from backupjump.ssh.stream import Stream
    from backupjump.ssh.strict_fabric import StrictConnection

_SSH_ITSELF_FAILED = 255
_LATE_SECONDS = 10.0
_FEWEST_ANSWERS = 5


class Control:
    """An open login to the Desktop; on route nested to the JumpNode, which logs in anew for each command."""

    def __init__(self, route: Route, connection: StrictConnection, link: Link) -> None:
        self._route = route
        self._connection = connection
        self._link = link
        self._closed = False
        self.log_in_again: Callable[[float], Control] = partial(_open_within, route)
        """What logs in anew, in so many seconds; a Desktop with several ways is not bound to this one."""

    @property
    def route(self) -> Route:
        """The way that it goes."""
        return self._route

    def run(self, argv: Sequence[str], *, timeout: float) -> Completed:
        """Run `argv` on the Desktop, each word arriving as one, and return what came of it, whatever its status.

        At most `timeout` seconds and 64 KiB for each of its outputs. Raises LinkLost when time is over or the
        connection breaks, DesktopUnfit for more output; on route nested the verdict on its second hop too.
        """
        self._check_open()
        done = self._connection.completed(self._asked(shlex.join(argv)), argv, timeout=timeout)
        return self._judged(done)

    def stream(self, argv: Sequence[str], *, idle_seconds: float, deadline: float) -> Stream:
        """Start `argv` on the Desktop and return what it says, to be read while it runs; the caller leaves it.

        Each word arrives as one, at a gate too, but a control character arrives nowhere. Other commands may run
        meanwhile. Raises LinkLost, WindowOver past the `deadline` (of time.monotonic) and DesktopUnfit for a flood,
        as reading it does.
        """
        self._check_open()
        asked = self._asked(backslashed(argv))
        stream = self._connection.stream(asked, argv, idle_seconds=idle_seconds, deadline=deadline)
        stream.judge = self._judged
        return stream

    def _check_open(self) -> None:
        if self._closed:
            raise LinkLost(f"the control connection to desktop {self._route.desktop} is closed")

    def _asked(self, command: str) -> str:
        alias = self._route.jump_alias
        return command if alias is None or self._route.relay else nested_command(alias, command)

    def _judged(self, done: Completed) -> Completed:
        if self._route.jump_alias is not None and done.status == _SSH_ITSELF_FAILED:
            raise verdict(done.stderr.decode("utf-8", "replace"), done.status, route=self._route, leg=Leg.BEYOND)
        return done

    def time_answers(self, *, seconds: float, late_seconds: float = _LATE_SECONDS) -> Answers:
        """Measure for `seconds` how long the Desktop's sshd takes to answer; the Desktop needs no gate for it.

        Not on route nested, where the JumpNode's would answer. LinkLost if the connection ends, or if it is
        not over `late_seconds` later.
        """
        assert self._route.jump_alias is None
        watchdog = threading.Timer(seconds + late_seconds, self._link.cut)
        watchdog.start()
        alone: list[float] = []
        behind: list[float] = []
        try:
            until = time.monotonic() + seconds
            while len(alone) < _FEWEST_ANSWERS or time.monotonic() < until:
                alone.append(self._connection.answer_seconds(behind_another=False))
                behind.append(self._connection.answer_seconds(behind_another=True))
        finally:
            watchdog.cancel()
        return Answers(alone_seconds=median(alone), behind_another_seconds=median(behind), count=len(alone))

    def knock(self, *, seconds: float) -> None:
        """On route nested, log in to the Desktop once so that the verdict on that hop comes now; else do nothing.

        What is asked is what a gate answers; without one, a shell that does not know the word is as good. By a
        relay only a gate will do, else DesktopUnfit: a key that has a shell on the JumpNode after all would have us
        back up the JumpNode.
        """
        if self._route.jump_alias is None:
            return
        try:
            done = self.run(["bj1", "probe"], timeout=seconds)
        except LinkLost as error:
            raise tunnel_not_open(self._route, str(error)) from error
        if self._route.relay and done.status != 0:
            raise no_gate_behind_relay(self._route, done)

    def reopen(self, *, seconds: float) -> None:
        """Log in anew after the connection broke, for what a new tunnel brought back; raises as `open_control`.

        If that fails it stays closed, and is not tried again.
        """
        self._check_open()
        self.close()
        self.go_on_with(self.log_in_again(seconds))

    def go_on_with(self, fresh: Control) -> None:
        """End this connection, broken or closed as it may be, and take over that of `fresh`, by whichever way."""
        self.close()
        self._route, self._connection, self._link, self._closed = fresh._route, fresh._connection, fresh._link, False

    def close(self) -> None:
        """End the connection and the ssh behind it."""
        self._closed = True
        self._connection.close()
        self._link.close()

    def __enter__(self) -> Control:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def backslashed(words: Sequence[str]) -> str:
    """Return `words` as a command that a shell and a gate read alike: a gate knows no quotes (gate/words.py)."""
    return " ".join(re.sub(r"([^\w@%+=:,./-])", r"\\\1", word) for word in words)


def open_control(route: Route, *, deadline_seconds: float = 15) -> Control:
    """Log in to the Desktop within `deadline_seconds`; the route has been prepared.

    Raises one verdict a hop, each naming the machine: JumpNodeUnreachable, HostKeyRefused, KeyRefused,
    ForwardRefused, TunnelNotOpen, or DesktopAway when the Desktop hangs up without a word.
    """
    deadline = time.monotonic() + deadline_seconds
    with contextlib.ExitStack() as undo:
        link = undo.enter_context(open_link(route, seconds=deadline_seconds))
        # Not at the top: ssh logs in to the JumpNode while Python reads 0.3 s worth of modules.
        from backupjump.ssh.strict_fabric import StrictConnection

        connection = StrictConnection(route, route.hops[-1], link.sock, seconds=_left(deadline))
        undo.callback(connection.close)
        _log_in(connection, link, seconds=_left(deadline))
        control = Control(route, connection, link)
        control.knock(seconds=_left(deadline))
        undo.pop_all()
    return control


def _open_within(route: Route, seconds: float) -> Control:
    return open_control(route, deadline_seconds=seconds)


def _left(deadline: float) -> float:
    return max(0.1, deadline - time.monotonic())


def _log_in(connection: StrictConnection, link: Link, *, seconds: float) -> None:
    late = threading.Event()

    def cut() -> None:
        late.set()
        link.cut()

    def why_lost() -> BackupjumpError:
        return link.why_lost(in_time=not late.is_set())

    watchdog = threading.Timer(seconds, cut)
    watchdog.start()
    try:
        connection.log_in(why_lost)
    finally:
        watchdog.cancel()
