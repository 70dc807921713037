"""Start other programs: the only home of `subprocess`.

Every program gets an argv sequence and never a shell, no terminal, `LC_ALL=C` (we read what tools
print), none of the variables that change rsync or ssh behind our back, and a session of its own, so
that the whole group can be ended. A status other than 0 is a value here; the module that knows the
tool judges it. Python 3.9 and newer, since the Desktop runs it too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Union

from backupjump.errors import ProgramMissing

log = logging.getLogger(__name__)

Word = Union[str, bytes]  # noqa: UP007 (evaluated, and the floor is 3.9)

DISCARDED = subprocess.DEVNULL
"""As `stdout` or `stderr` of `spawn` and `running`: nobody reads it."""
PIPED = subprocess.PIPE
"""As `stdin` of these: the caller writes to `Child.stdin`."""

# RSYNC_* changes options, the remote shell and proxies (rsync(1), ENVIRONMENT VARIABLES); SSH_ASKPASS,
# SSH_AUTH_SOCK and SSH_SK_PROVIDER would bring keys and prompts from outside the config (ssh(1), ENVIRONMENT).
_DROPPED_PREFIXES = ("RSYNC_", "SSH_", "LC_")
_DROPPED = frozenset({"LANG", "LANGUAGE", "CVSIGNORE", "DISPLAY", "WAYLAND_DISPLAY", "BASH_ENV", "ENV"})


@dataclass(frozen=True)
class Completed:
    """A program that has ended: its exit status (-N after signal N) and all that it printed."""

    argv: tuple[Word, ...]
    status: int
    stdout: bytes
    stderr: bytes


class TimedOut(Exception):
    """A program was ended because its time was over. `argv` and `seconds` say which and when."""

    def __init__(self, argv: Sequence[Word], seconds: float) -> None:
        super().__init__(f"{shown_argv(argv)} did not end within {seconds:g} s")
        self.argv = tuple(argv)
        self.seconds = seconds


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment that every child gets: ours without what could change the tools, plus `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)
    }
    return {**kept, "LC_ALL": "C", **(extra or {})}


def shown_argv(argv: Sequence[Word]) -> str:
    """Return `argv` as one line that a person can paste into a shell."""
    return shlex.join(os.fsdecode(word) for word in argv)


class Child:
    """A running program in a session of its own; `with` ends the whole group on the way out."""

    def __init__(self, popen: subprocess.Popen[bytes], argv: Sequence[Word]) -> None:
        self._popen = popen
        self.argv = tuple(argv)

    @property
    def pid(self) -> int:
        """The process id, which is the id of the group and of the session too."""
        return self._popen.pid

    @property
    def stdin(self) -> IO[bytes]:
        """The writing end of its standard input; only where `spawn` was asked for a pipe."""
        assert self._popen.stdin is not None
        return self._popen.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The reading end of its standard output."""
        assert self._popen.stdout is not None
        return self._popen.stdout

    @property
    def stderr(self) -> IO[bytes]:
        """The reading end of its standard error."""
        assert self._popen.stderr is not None
        return self._popen.stderr

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self._popen.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status once it has ended; raise `TimedOut` after `timeout` seconds."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(self.argv, error.timeout) from error

    def stop(self, *, grace: float = 10.0) -> int:
        """End the whole group: TERM, after `grace` seconds KILL; return the exit status of the first process.

        rsync uses the grace to move its half-written file to the partial folder.
        """
        self._signal_group(signal.SIGTERM)
        deadline = time.monotonic() + grace
        while self._group_lives() and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(0.05)
            if self._popen.returncode is not None:
                time.sleep(0.02)
        self._signal_group(signal.SIGKILL)
        return self._popen.wait()

    def _group_lives(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        # What has ended answers too until its parent has asked for its status, and init takes its time
        # with an orphan (in a container, for ever).
        return not _all_have_ended(self.pid)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        with signals_held():
            self.stop()
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def _all_have_ended(group: int) -> bool:
    """Say whether each process of a group is a zombie; False where there is no /proc. Source: proc_pid_stat(5)."""
    found = False
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = path.read_bytes().rpartition(b")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group:
            found = True
            if state not in b"ZX":
                return False
    return found


def spawn(
    argv: Sequence[Word],
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
    pass_fds: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> Child:
    """Start `argv` and return at once. The child inherits `pass_fds`; raises `ProgramMissing` if it can't start."""
    log.debug("starting %s", shown_argv(argv))
    try:
        popen = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_fds),
            env=clean_environment(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise _cannot_start(argv, error) from error
    return Child(popen, argv)


@contextlib.contextmanager
def running(
    argv: Sequence[Word],
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
    pass_fds: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """Start `argv` as `spawn` does; however the block is left, and whenever a signal comes, the group has ended."""
    with contextlib.ExitStack() as stack:
        with signals_held():
            child = spawn(argv, stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=pass_fds, environment=environment)
            stack.enter_context(child)
        yield child


def run(
    argv: Sequence[Word],
    *,
    timeout: float,
    stdin: bytes = b"",
    pass_fds: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> Completed:
    """Run `argv` to its end with `stdin` as its input and return what came of it, whatever its status.

    After `timeout` seconds the group is ended and `TimedOut` is raised; `ProgramMissing` if it can't start.
    """
    with running(argv, stdin=subprocess.PIPE, pass_fds=pass_fds, environment=environment) as child:
        try:
            stdout, stderr = child._popen.communicate(stdin, timeout)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(argv, timeout) from error
        return Completed(argv=tuple(argv), status=child._popen.returncode, stdout=stdout, stderr=stderr)


@contextlib.contextmanager
def signals_as_exceptions(raised: type[BaseException], *numbers: int) -> Iterator[None]:
    """Within the block, each of the signals `numbers` raises `raised(number)` in the main thread, once.

    A second signal during the clean-up is ignored, so that children are always ended in order.
    """

    def interrupt(number: int, _frame: object) -> None:
        # Not SIG_IGN: Python tells of one that came in the same moment (Ctrl-C and the hang-up behind it) as a fault.
        for each in numbers:
            signal.signal(each, lambda _number, _frame: None)
        if _hold.depth:
            _hold.waiting = raised(number)
        else:
            raise raised(number)

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Hold:
    """How many blocks hold signals back in the main thread, and what a signal has yet to raise."""

    depth = 0
    waiting: BaseException | None = None


_hold = _Hold()


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Within the block `signals_as_exceptions` raises nothing; what came meanwhile is raised at its end.

    For the few steps between starting something and being ready to end it. Unlike a mask of the kernel's,
    no child inherits it. In another thread than the main one it does nothing: no signal is raised there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _hold.depth += 1
    try:
        yield
    finally:
        _hold.depth -= 1
        if not _hold.depth and _hold.waiting is not None:
            waiting, _hold.waiting = _hold.waiting, None
            raise waiting


def _cannot_start(argv: Sequence[Word], error: OSError) -> ProgramMissing:
    program = os.fsdecode(argv[0])
    return ProgramMissing(
        f"{program} can't be started on this machine: {error.strerror}",
        hint=f"is it installed? on Debian or Ubuntu: sudo apt-get install {_PACKAGES.get(program, program)}",
    )


_PACKAGES = {"ssh": "openssh-client", "ssh-keygen": "openssh-client", "sshd": "openssh-server"}
