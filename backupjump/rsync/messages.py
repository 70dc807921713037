"""Read rsync's stderr: which paths had which trouble, on which side, and what ssh said first.

    rsync: [sender] send_files failed to open "/home/me/secret": Permission denied (13)
    rsync: [receiver] mkstemp "/srv/…/.big.YegbWk" failed: No space left on device (28)
    file has vanished: "/home/me/tmp"

What ssh and a login shell say comes on the same stream. Names are quoted and escaped as on stdout. What
the Desktop says can be anything, so every list is bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backupjump.rsync.output import MOST_NAMES, Lines, decode_name

_TROUBLE = re.compile(
    rb'rsync: \[(?P<side>\w+)\] (?P<what>[^"]*)"(?P<path>.*)"[^"]*?(?: failed)?: '
    rb'(?P<why>[^:"]+) \((?P<errno>\d{1,5})\)',
    re.DOTALL,
)
_DISCARDED = re.compile(rb"ERROR: (?P<path>.*) failed verification -- update \w+.*", re.DOTALL)
# Where rsync 3.5.0 over there has nothing at all to send it is gone before all is said to it. That a link broke while
# there was, the status tells.
_TOO_LATE = b"rsync: [Receiver] write error: Broken pipe (32)"
# Other lines are from ssh (a banner, a warning about keys) or only sum up.
_RSYNCS_OWN = (b"rsync: ", b"--link-dest")
_VANISHED = re.compile(rb'(?:file|directory) has vanished: "(?P<path>.*)"', re.DOTALL)
_RECEIVED = re.compile(rb"rsync: connection unexpectedly closed \((\d{1,18}) bytes received so far\).*")
_LINES_KEPT = 40


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What failed with one path. `here` says whether it was on this machine; `errno` 0 means unknown."""

    path: bytes
    here: bool
    what: str
    why: str
    errno: int = 0


# A path of Linux has 4096 bytes at most; longer lines are counted, not kept: a Desktop can write thousands.
_LONGEST_KEPT = 5000


class Messages:
    """What rsync and ssh have said on stderr so far, read as it comes."""

    def __init__(self) -> None:
        self._lines = Lines()
        self.first: list[bytes] = []
        self.last: list[bytes] = []
        self.troubles: list[Trouble] = []
        self.troubles_total = 0
        self.vanished: list[bytes] = []
        self.vanished_total = 0
        self.unexplained: list[bytes] = []
        self.bytes_received = 0

    def feed(self, chunk: bytes) -> None:
        """Take in a chunk of stderr; an empty chunk ends the stream."""
        for line in self._lines.feed(chunk) if chunk else self._lines.rest():
            self._read(line)

    @property
    def lines(self) -> list[bytes]:
        """The first and the last lines, in order; what lies between is not kept."""
        return self.first + self.last

    def _read(self, line: bytes) -> None:
        kept = self.first if len(self.first) < _LINES_KEPT else self.last
        kept.append(line)
        del self.last[:-_LINES_KEPT]
        if (trouble := read_trouble(line)) is not None:
            self.troubles_total += 1
            if len(self.troubles) < MOST_NAMES and len(line) <= _LONGEST_KEPT:
                self.troubles.append(trouble)
        elif (match := _VANISHED.fullmatch(line)) is not None:
            self.vanished_total += 1
            if len(self.vanished) < MOST_NAMES and len(line) <= _LONGEST_KEPT:
                self.vanished.append(decode_name(match["path"]))
        elif (match := _RECEIVED.fullmatch(line)) is not None:
            self.bytes_received = max(self.bytes_received, int(match[1]))
        elif line.startswith(_RSYNCS_OWN) and line != _TOO_LATE and len(self.unexplained) < _LINES_KEPT:
            self.unexplained.append(line)


def read_trouble(line: bytes) -> Trouble | None:
    """Read one of rsync's `rsync: [side] what "path" failed: why (errno)`; None if it is something else."""
    if (discarded := _DISCARDED.fullmatch(line)) is not None:
        return Trouble(path=decode_name(discarded["path"]), here=False, what="read", why="it changed while it was read")
    match = _TROUBLE.fullmatch(line)
    if match is None:
        return None
    what = match["what"].strip().decode("utf-8", "replace")
    # Calls for extended attributes name two things: ("path","user.name").
    path = match["path"].rpartition(b'","')[0] if what.endswith("xattr(") else match["path"]
    return Trouble(
        # Of what lies right in the source they have a dot for the folder: /home/me/./name.
        path=decode_name(path).replace(b"/./", b"/"),
        here=match["side"].lower() not in (b"sender", b"server"),
        what=what,
        why=match["why"].strip().decode("utf-8", "replace"),
        errno=int(match["errno"]),
    )
