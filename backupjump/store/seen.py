"""What the Desktop's own list said of each file before the transfer, to be kept in the manifest for the next run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from backupjump.store.change_list import settled_source
from backupjump.store.manifest import Entry, line_with, path_of, quoted_path, read_lines, sort_key, to_line


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A list that was written down: its file, in a manifest's form, and when the first began by the Desktop's clock.

    Of `doubtful` paths nothing is kept: they did not arrive as they are.
    """

    path: Path
    listed_at_ns: int
    doubtful: Collection[bytes] = ()

    def lines(self, entries: Iterable[Entry]) -> Iterator[str]:
        """Yield the manifest's line of each of `entries`, which stand in its order, with what the list had on it."""
        lines = read_lines(self.path)
        line = next(lines, None)
        for entry in entries:
            begin = quoted_path(entry.path)
            while line is not None and not line.startswith(begin) and sort_key(path_of(line)) < sort_key(entry.path):
                line = next(lines, None)
            if line is None or not line.startswith(begin) or entry.path in self.doubtful:
                yield to_line(entry)
            else:
                yield line_with(entry, settled_source(line, listed_at_ns=self.listed_at_ns))
