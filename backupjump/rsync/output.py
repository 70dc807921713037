"""Read rsync's stdout: progress lines, itemised lines and the closing statistics, in chunks of any size.

The Desktop can put text of its own on our stdout (rsync passes its messages on), so an itemised line counts
only with this run's secret marker in front, a line is cut off at 64 KiB, and lists of names are bounded.
Within a message rsync writes control and high bytes as `\\#ooo`, so a name can't start a new line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backupjump.rsync.checksums import Checksums
from backupjump.rsync.progress import Progress, after_progress, read_progress

LONGEST_LINE = 1 << 16
MOST_NAMES = 10_000

_ESCAPE = re.compile(rb"\\#([0-3][0-7]{2})")
_ITEM = re.compile(
    rb"(?P<flags>[<>ch.*][fdLDS][^ ]{9}) (?P<size>\d{1,19}) (?:(?P<hash>[0-9a-f]+) | *)(?P<name>.+)", re.DOTALL
)
_TOO_LARGE = re.compile(rb"(?P<name>.+) is over max-size")
_NO_DEVICE = re.compile(rb'skipping non-regular file "(?P<name>.+)"')
_FOLDERS = re.compile(rb"Number of files: .*\bdir: (?P<number>\d{1,19})\b.*")
_STATISTIC = re.compile(
    rb"(?P<what>Number of files|Total file size|Total transferred file size|Number of regular files transferred"
    rb"|Total bytes received): (?P<number>\d{1,19})\b.*"
)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One itemised line: rsync's eleven flags, the size, the whole-file checksum if it was sent, the name."""

    flags: str
    size: int
    checksum: str
    name: bytes

    @property
    def transferred(self) -> bool:
        """Whether this is a regular file whose content came from the Desktop."""
        return self.flags.startswith(">f")


class Lines:
    """Cut a stream into lines at CR and LF; a line longer than 64 KiB is dropped whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._too_long = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the lines that `chunk` completes, without their ends; empty ones are left out."""
        *complete, rest = re.split(rb"[\r\n]", self._rest + chunk)
        for line in complete:
            if line and not self._too_long and len(line) <= LONGEST_LINE:
                yield line
            self._too_long = False
        self._too_long = self._too_long or len(rest) > LONGEST_LINE
        self._rest = b"" if self._too_long else rest

    @property
    def unfinished(self) -> bytes:
        """What has come of the line that has not ended yet."""
        return self._rest

    def rest(self) -> Iterator[bytes]:
        """Yield what came after the last line end, once the stream has ended."""
        if self._rest:
            yield self._rest
        self._rest = b""


class Output:
    """What rsync has printed so far, read as it comes. `root` is put before every name."""

    def __init__(self, marker: str, *, checksum: str, root: bytes) -> None:
        self._marker = marker.encode() + b" "
        self._root = root
        self._lines = Lines()
        self._statistics: dict[bytes, int] = {}
        self.folders_total = 0
        self.progress = Progress()
        self.hashes = Checksums(checksum)
        self.too_large: list[bytes] = []
        self.not_kept: list[bytes] = []
        self.started = False

    def feed(self, chunk: bytes) -> Iterator[Item]:
        """Take in a chunk of stdout and yield its itemised lines; an empty chunk ends the stream."""
        for glued in self._lines.feed(chunk) if chunk else self._lines.rest():
            line = after_progress(glued)
            if line.startswith(self._marker):
                if (item := read_item(line[len(self._marker) :])) is not None:
                    self._note(item)
                    yield item
            else:
                self._read_other(line)

    @property
    def content_begun(self) -> bool:
        """Whether content of files comes in: rsync says so at the first block, by a line that ends a second later."""
        return self.progress != Progress() or read_progress(self._lines.unfinished, self.progress) is not None

    @property
    def files_total(self) -> int:
        """Entries of all kinds below the source, once rsync has ended well; else 0."""
        return self._statistics.get(b"Number of files", 0)

    @property
    def bytes_total(self) -> int:
        """Size of all files below the source."""
        return self._statistics.get(b"Total file size", 0)

    @property
    def files_transferred(self) -> int:
        """Regular files whose content was sent, or would be in a dry run."""
        return self._statistics.get(b"Number of regular files transferred", 0)

    @property
    def bytes_transferred(self) -> int:
        """Size of these files."""
        return self._statistics.get(b"Total transferred file size", 0)

    @property
    def bytes_received(self) -> int | None:
        """What came in on the connection; None until rsync has ended well."""
        return self._statistics.get(b"Total bytes received")

    def _note(self, item: Item) -> None:
        self.started = True
        if item.transferred and item.checksum:
            self.hashes.note(self._root + item.name, item.checksum)

    def _read_other(self, line: bytes) -> None:
        if (progress := read_progress(line, self.progress)) is not None:
            self.progress = progress
            self.started = self.started or progress.bytes_done > 0
        elif (statistic := _STATISTIC.fullmatch(line)) is not None:
            # The last one counts: rsync's own statistics come after all that the Desktop could say.
            self._statistics[statistic["what"]] = int(statistic["number"])
            if (folders := _FOLDERS.fullmatch(line)) is not None:
                self.folders_total = int(folders["number"])
        else:
            for pattern, names in ((_TOO_LARGE, self.too_large), (_NO_DEVICE, self.not_kept)):
                if (match := pattern.fullmatch(line)) is not None and len(names) < MOST_NAMES:
                    names.append(self._root + decode_name(match["name"]))


def read_item(line: bytes) -> Item | None:
    """Read `%i %l %C %n`; None if it is nothing of the kind."""
    match = _ITEM.fullmatch(line)
    if match is None:
        return None
    return Item(
        flags=match["flags"].decode("ascii", "replace"),
        size=int(match["size"]),
        checksum=(match["hash"] or b"").decode(),
        name=decode_name(match["name"]),
    )


def decode_name(text: bytes) -> bytes:
    """Return the name that rsync printed as `text`: `\\#ooo` stands for the byte with that octal number.

    A backslash that would look like such an escape is itself printed as one, so nothing is ambiguous.
    Source: rsync(1), --8-bit-output; filtered_fwrite() in log.c.
    """
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), text)
