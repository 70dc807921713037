"""A program on a terminal of its own, read and written to as by a person: for what asks, and for what is pasted."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from program import Said

# asm-generic/ioctls.h: TIOCSPTLCK and TIOCGPTN, which Python 3.11 has no names for.
_UNLOCK, _NUMBER = 0x40045431, 0x80045430


class Terminal:
    """A running program whose standard input and output are one terminal; killed at the end of the `with` block.

    The terminal is one of the machine whose `devices` folder is given, and belongs to `owner` there.
    """

    def __init__(self, argv: Sequence[str], *, devices: Path, owner: int) -> None:
        self._argv, self._devices, self._owner = argv, devices, owner
        self._read_so_far = b""
        self._seen = 0

    def __enter__(self) -> Terminal:
        self._master = os.open(self._devices / "ptmx", os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(self._master, _UNLOCK, struct.pack("i", 0))
        number = struct.unpack("i", fcntl.ioctl(self._master, _NUMBER, b"0000"))[0]
        slave = os.open(self._devices / f"pts/{number}", os.O_RDWR | os.O_NOCTTY)
        os.fchown(slave, self._owner, -1)
        try:
            self.process = subprocess.Popen(
                self._argv,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )
        finally:
            os.close(slave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing the terminal hangs up on all that runs on it; what does not care is killed.
        os.close(self._master)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait(timeout=20)

    @property
    def text(self) -> str:
        """All that was on the screen so far, what was typed included."""
        return self._read_so_far.decode(errors="surrogateescape").replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Type or paste `text`; a long one goes in as the program reads it."""
        for line in text.splitlines(keepends=True):
            os.write(self._master, line.encode())
            self._read(seconds=0)

    def expect(self, pattern: str, *, seconds: float = 30) -> re.Match[str]:
        """Return the first match of `pattern` in what came since the last one; fail after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.compile(pattern, re.MULTILINE | re.DOTALL).search(self.text, self._seen)
            if found is not None:
                self._seen = found.end()
                return found
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} did not come within {seconds} s, but: {self.text[self._seen :]}"
            assert self._read(seconds=left), f"ended without {pattern!r}: {self.text[self._seen :]}"

    def end(self, *, seconds: float = 60) -> Said:
        """Wait for the program's own end and return all that it said, as `out`."""
        deadline = time.monotonic() + seconds
        while self._read(seconds=max(0, deadline - time.monotonic())):
            assert time.monotonic() < deadline, f"still running after {seconds} s: {self.text}"
        return Said(self.process.wait(timeout=20), self.text, "")

    def _read(self, *, seconds: float) -> bool:
        """Take in what came; False when the last program on the terminal has ended."""
        if select.select([self._master], [], [], seconds)[0]:
            try:
                chunk = os.read(self._master, 65536)
            except OSError:
                return False  # EIO: nobody has the terminal open any more
            self._read_so_far += chunk
        return True
