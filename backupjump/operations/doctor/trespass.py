"""Try with one of our keys what it must not do on a machine: ports, sockets, a command, files.

Nothing is read from the other side's config: its sshd is asked, by one login for all forwards, one for a command
and one for sftp. The Desktop runs this file too: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import os
import re
import select
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from backupjump import process

_SSH_ITSELF_FAILED = 255
_AUTHENTICATED = b"Authenticated to "
_KEPT_LINES = 2000
_LONGEST_LINE_BYTES = 8192
_ANSWER_SECONDS = 4.0
_LAST_WORDS_SECONDS = 2.0
_REPLY = re.compile(r"debug1: remote forward (success|failure) for: ")
# A shell works it out, so neither an echo of the command nor an error text can pass for the answer.
_COMMAND, _ANSWER = "echo backupjump-$((6*7))", b"backupjump-42"
# SSH_FXP_INIT of version 3; an sftp-server answers SSH_FXP_VERSION.  Source: draft-ietf-secsh-filexfer-02, 4.
_SFTP_INIT, _SFTP_VERSION = b"\x00\x00\x00\x05\x01\x00\x00\x00\x03", b"\x02"


@dataclass(frozen=True)
class Way:
    """A way that a login asked for: where `to`, whether it was granted, and what sshd said if not."""

    to: str
    granted: bool
    why: str = ""


@dataclass(frozen=True)
class Forwards:
    """What came of a login that asked for forwards; `said` is what `ssh -vv` said, `status` 0 unless it failed.

    `listened` and `reached` are in the order in which they were asked for, without what had no answer.
    """

    logged_in: bool
    said: str
    status: int = 0
    listened: tuple[Way, ...] = ()
    reached: tuple[Way, ...] = ()


@dataclass(frozen=True)
class Session:
    """What came of asking for a command and a terminal: whether there was each, and what `ssh -v` said.

    Where not both logins were let in, nothing is known.
    """

    logged_in: bool
    ran: bool
    terminal: bool
    said: str


def try_forwards(config: Path, alias: str, *, listen: Sequence[str], reach: Sequence[str], seconds: float) -> Forwards:
    """Log in to `alias` of the ssh_config `config` and ask for ways, for `seconds`; return which it got.

    `listen` are ends on that machine (`127.0.0.1:0`, or the path of a unix socket), which lead to a port of this one
    that nobody listens on; `reach` are host:port, or such paths, as seen from there.
    """
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="bj-") as folder:
        ends = {to: Path(folder) / str(number) for number, to in enumerate(reach)}
        with _heard(_argv(config, alias, listen, ends)) as ssh:
            ssh.wait_for(lambda lines: _is_ready(lines, len(listen)), deadline)
            if not _logged_in(ssh.lines):
                return Forwards(logged_in=False, said="\n".join(ssh.lines), status=ssh.status)
            replies = [found[1] == "success" for line in list(ssh.lines) if (found := _REPLY.match(line))]
            listened = tuple(Way(to, granted) for to, granted in zip(listen, replies))  # noqa: B905 (3.9)
            asked = [_reach(ssh, end, to) for to, end in ends.items() if time.monotonic() < deadline]
            reached = tuple(way for way in asked if way is not None)
            return Forwards(logged_in=True, said="\n".join(ssh.lines), listened=listened, reached=reached)


def try_command(config: Path, alias: str, *, seconds: float) -> Session:
    """Log in to `alias` and ask for a command, and once more for a terminal; TimedOut after twice `seconds`.

    Two logins, for ssh gives up on the command where it is refused the terminal (seen).
    """
    plain = process.run(["ssh", "-v", "-T", "-F", str(config), alias, _COMMAND], timeout=seconds)
    done = process.run(["ssh", "-v", "-tt", "-F", str(config), alias, _COMMAND], timeout=seconds)
    said = done.stderr.decode("utf-8", "replace").replace("\r", "")
    terminal = done.status != _SSH_ITSELF_FAILED and "PTY allocation request failed" not in said
    logged_in = all(_AUTHENTICATED in each.stderr for each in (plain, done))
    return Session(logged_in=logged_in, ran=_ANSWER in plain.stdout + done.stdout, terminal=terminal, said=said)


def try_sftp(config: Path, alias: str, *, seconds: float) -> bool | None:
    """Log in to `alias` and say whether it offers files by sftp; None where there was no login, or no answer."""
    argv = ["ssh", "-v", "-T", "-F", str(config), "-s", alias, "sftp"]
    deadline = time.monotonic() + seconds
    # At the end of its input an sftp-server leaves without a word, so the pipe stays open until it has answered.
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as theirs, os.fdopen(writing, "wb", buffering=0) as ours:
        ours.write(_SFTP_INIT)
        with process.running(argv, stdin=theirs) as child:
            answer, ended = b"", False
            while not ended and len(answer) < len(_SFTP_INIT) and _readable(child.stdout, deadline):
                answer += (chunk := os.read(child.stdout.fileno(), 64))
                ended = not chunk
            if answer[4:5] == _SFTP_VERSION:
                return True
            child.stop(grace=_LAST_WORDS_SECONDS)
            return False if (ended or answer) and _AUTHENTICATED in child.stderr.read() else None


class _Ssh:
    """A running ssh; a thread takes in what it says."""

    def __init__(self, child: process.Child) -> None:
        self.lines: list[str] = []
        self._child = child
        self._ended = False
        self._changed = threading.Condition()
        self._listener = threading.Thread(target=self._listen, name="trespass", daemon=True)
        self._listener.start()

    @property
    def status(self) -> int:
        """Its exit status; that of an ssh that failed while it has none."""
        with suppress(process.TimedOut):
            return self._child.wait(_LAST_WORDS_SECONDS)
        return _SSH_ITSELF_FAILED

    def wait_for(self, holds: Callable[[Sequence[str]], bool], deadline: float) -> None:
        """Return once `holds(lines)`, ssh has ended, or it is too late."""
        with self._changed:
            seconds = max(0.0, deadline - time.monotonic())
            self._changed.wait_for(lambda: self._ended or holds(self.lines), seconds)

    def stop(self) -> None:
        """End it."""
        self._child.stop(grace=2.0)
        self._listener.join()

    def _listen(self) -> None:
        while line := self._child.stderr.readline(_LONGEST_LINE_BYTES):
            with self._changed:
                if len(self.lines) < _KEPT_LINES:
                    self.lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@contextmanager
def _heard(argv: Sequence[str]) -> Iterator[_Ssh]:
    with process.running(argv) as child:
        ssh = _Ssh(child)
        try:
            yield ssh
        finally:
            ssh.stop()


def _argv(config: Path, alias: str, listen: Sequence[str], ends: dict[str, Path]) -> tuple[str, ...]:
    # ssh keeps the first value that it meets, so these stand above the file's. A refused -R must not end it.
    options = ("-o", "ClearAllForwardings=no", "-o", "ExitOnForwardFailure=no")
    asked = [word for to in listen for word in ("-R", f"{to}:127.0.0.1:9")]
    asked += [word for to, end in ends.items() for word in ("-L", f"{end}:{to}")]
    return ("ssh", "-vv", "-N", "-T", "-F", str(config), *options, *asked, alias)


def _logged_in(lines: Sequence[str]) -> bool:
    return any(line.startswith("Authenticated to ") for line in lines)


def _is_ready(lines: Sequence[str], asked: int) -> bool:
    """Whether ssh is in, has made its local ends, and has an answer to each -R."""
    started = any(line.startswith("debug1: Entering interactive session") for line in lines)
    return started and sum(_REPLY.match(line) is not None for line in lines) >= asked


def _reach(ssh: _Ssh, end: Path, to: str) -> Way | None:
    """Ask for `to` through the local `end`, which ssh closes as soon as it is refused; None where nobody answered."""
    before = len(ssh.lines)
    with socket.socket(socket.AF_UNIX) as way:
        try:
            way.connect(str(end))
            stays = not _readable(way, time.monotonic() + _ANSWER_SECONDS) or way.recv(1) != b""
        except OSError:
            return None
    if stays:
        return Way(to, granted=True)
    ssh.wait_for(lambda lines: _refusal(lines[before:]) != "", time.monotonic() + _LAST_WORDS_SECONDS)
    if not (why := _refusal(ssh.lines[before:])):
        return None
    # Of a unix socket sshd says so in either case.  Source: OpenSSH serverloop.c; seen.
    return Way(to, granted=why.startswith("connect failed") and not to.startswith("/"), why=why)


def _refusal(lines: Sequence[str]) -> str:
    return next((line.partition("open failed: ")[2] for line in lines if "open failed: " in line), "")


def _readable(stream: IO[bytes] | socket.socket, deadline: float) -> bool:
    return bool(select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0])
