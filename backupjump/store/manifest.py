"""The list of all that a snapshot holds: one JSON line an entry, in a zstd stream beside the tree.

`zstdcat manifest.jsonl.zst` shows it to anyone. The first line is a header. The entries stand
depth-first, the names of each folder in byte order, so that two manifests can be compared by reading
each once. A path starts at the source (`home/me/…`), without a leading slash; the folders above a
source are not listed. Names with the same `ino` are hard links of one file; a folder's `ino` tells nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, cast, get_args

import zstandard

from backupjump.errors import StoreError
from backupjump.escape import shown

MANIFEST_NAME = "manifest.jsonl.zst"
MANIFEST_FORMAT = 1

Source = tuple[int, int, int]
"""What a file was on the Desktop when its tree was listed: inode, ctime in nanoseconds, number of names."""

EntryType = Literal["file", "dir", "symlink", "fifo", "socket", "char", "block"]

_BLOCK_BYTES = 1 << 20
_LINES_AT_ONCE = 500
_PATH_AT = len('{"path":"')
_TYPES = frozenset(get_args(EntryType))
_quoted = json.JSONEncoder().encode
_decoded = json.JSONDecoder().raw_decode


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One name in a snapshot, as it was on the Desktop.

    `mode` holds permission bits alone. `target` is a symlink's, `rdev` a device's (major, minor).
    `xattrs` is a digest of all extended attributes and ACLs, None when there are none. `hash` is of a
    regular file's content, with its algorithm (`xxh128:…`, `md5:…`), None where it could not be read.
    `ino` is the inode in the store. `source` is what it was on the Desktop when that was listed before the transfer,
    None where nothing was listed or it had just changed; it is no part of what the entry is.
    """

    path: bytes
    type: EntryType
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    ino: int
    target: bytes | None = None
    rdev: tuple[int, int] | None = None
    xattrs: str | None = None
    hash: str | None = None
    source: Source | None = field(default=None, compare=False)

    def with_hash(self, content: str | None) -> Entry:
        """Return it with another hash. By dataclasses.replace that would be half of what recording a new file takes."""
        return Entry(
            path=self.path,
            type=self.type,
            mode=self.mode,
            uid=self.uid,
            gid=self.gid,
            size=self.size,
            mtime_ns=self.mtime_ns,
            ino=self.ino,
            target=self.target,
            rdev=self.rdev,
            xattrs=self.xattrs,
            hash=content,
            source=self.source,
        )


@dataclass(frozen=True, kw_only=True)
class Written:
    """A manifest that was written: the SHA-256 of the file and how many entries it has."""

    sha256: str
    entries: int


def sort_key(path: bytes) -> bytes:
    """Return what puts paths into a manifest's order: a folder, then what is in it, then its next neighbour."""
    return path.replace(b"/", b"\0")


def to_line(entry: Entry) -> str:
    """Return an entry as one line of ASCII JSON; a byte that is no UTF-8 becomes a lone surrogate (`\\udcff`)."""
    return line_with(entry, entry.source)


def line_with(entry: Entry, source: Source | None) -> str:
    """Return an entry as `to_line` does, with this `source` in place of its own."""
    # Put together by hand: there are millions of lines, and json.dumps takes six times as long.
    line = (
        f'{{"path":{_quoted(_to_text(entry.path))},"type":"{entry.type}","mode":"{entry.mode:04o}","uid":{entry.uid}'
        f',"gid":{entry.gid},"size":{entry.size},"mtime_ns":{entry.mtime_ns},"ino":{entry.ino}'
    )
    if entry.target is not None:
        line += f',"target":{_quoted(_to_text(entry.target))}'
    if entry.rdev is not None:
        line += f',"rdev":[{entry.rdev[0]},{entry.rdev[1]}]'
    if entry.xattrs is not None:
        line += f',"xattrs":{_quoted(entry.xattrs)}'
    if entry.hash is not None:
        line += f',"hash":{_quoted(entry.hash)}'
    if source is not None:
        line += f',"source":[{source[0]},{source[1]},{source[2]}]'
    return line + "}\n"


def from_line(line: str) -> Entry:
    """Read what `to_line` wrote; anything else raises ValueError."""
    values, end = _decoded(line)
    try:
        if values["type"] not in _TYPES or line[end:].strip():
            raise ValueError(f"unknown type {values['type']!r}, or something behind the entry")
        target, rdev = values.get("target"), values.get("rdev")
        return Entry(
            path=_to_bytes(values["path"]),
            type=values["type"],
            mode=int(values["mode"], 8),
            uid=int(values["uid"]),
            gid=int(values["gid"]),
            size=int(values["size"]),
            mtime_ns=int(values["mtime_ns"]),
            ino=int(values["ino"]),
            target=None if target is None else _to_bytes(target),
            rdev=None if rdev is None else (int(rdev[0]), int(rdev[1])),
            xattrs=values.get("xattrs"),
            hash=values.get("hash"),
            source=_to_source(values.get("source")),
        )
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"not an entry: {error!r}") from error


def write_lines(path: Path, texts: Iterable[str]) -> Written:
    """Write a new manifest of lines that `to_line` made, in its order, or a file in its form; nothing is synced yet."""
    count = 0
    with path.open("xb") as file:
        path.chmod(0o600)
        digesting = _Digesting(file)
        with zstandard.ZstdCompressor(level=3).stream_writer(cast("IO[bytes]", digesting), closefd=False) as stream:
            lines = io.BufferedWriter(cast("io.RawIOBase", stream), 1 << 16)
            lines.write(json.dumps({"format": MANIFEST_FORMAT}).encode() + b"\n")
            texts = iter(texts)
            while block := list(islice(texts, _LINES_AT_ONCE)):
                lines.write("".join(block).encode("ascii"))
                count += len(block)
            lines.flush()
            lines.detach()
    return Written(sha256=digesting.digest.hexdigest(), entries=count)


def read_manifest(path: Path) -> Iterator[Entry]:
    """Yield the entries of a manifest in its order, read as they are asked for.

    A file that is missing, cut short, damaged or of a newer format raises `StoreError`, perhaps only
    after some entries: compare `sha256_of` with meta.json first where half a list would do harm.
    """
    with _told(path):
        for line in read_lines(path):
            yield from_line(line)


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a manifest, each an entry for `from_line`; fails as `read_manifest` does.

    Two equal lines are two equal entries, and comparing them takes a tenth of the time of reading them.
    """
    with _told(path), path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        lines = io.TextIOWrapper(stream, encoding="ascii", newline="\n")
        _check_header(lines.readline())
        yield from lines


def find_entry(path: Path, wanted: bytes) -> Entry | None:
    """Return the entry of the path `wanted`, None when the manifest has none; fails as `read_manifest` does.

    No other line is read as JSON: what `to_line` writes begins with the path, and has no newline within.
    """
    begins = f'\n{{"path":{_quoted(_to_text(wanted))},'.encode("ascii")
    with _told(path), path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        header = stream.read(_BLOCK_BYTES)
        _check_header(header.partition(b"\n")[0].decode("ascii"))
        seen = header
        while (at := seen.find(begins)) < 0 or seen.find(b"\n", at + 1) < 0:
            block = stream.read(_BLOCK_BYTES)
            if not block:
                return None
            seen = (seen[at:] if at >= 0 else seen[-len(begins) :]) + block
        return from_line(seen[at + 1 : seen.find(b"\n", at + 1)].decode("ascii"))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell what a manifest that can't be read fails with as a StoreError."""
    try:
        yield
    except (OSError, zstandard.ZstdError, ValueError, EOFError) as error:
        raise StoreError(
            f"the manifest {shown(str(path))} can't be read: {error}",
            hint="the files beside it in tree/ may still be whole",
        ) from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, as meta.json keeps it of the manifest."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_header(line: str) -> None:
    header = json.loads(line)
    found = header.get("format") if isinstance(header, Mapping) else None
    if not isinstance(found, int) or found > MANIFEST_FORMAT:
        raise ValueError(f"its format is {found!r}, this program reads up to {MANIFEST_FORMAT}")


def quoted_path(path: bytes) -> str:
    """Return how a line begins whose entry has this path, up to the comma behind it."""
    return f'{{"path":{_quoted(_to_text(path))},'


def type_mark(kind: EntryType) -> str:
    """Return what stands in the line of each entry of one type, and in no other line."""
    return f'","type":"{kind}","'


def path_of(line: str) -> bytes:
    """Return the path of a line that begins as `to_line` lets it, without reading the rest; else ValueError."""
    text = line[_PATH_AT : line.index('","type":"')]
    return _to_bytes(_decoded(f'"{text}"')[0] if "\\" in text else text)


def _to_source(values: Any) -> Source | None:
    if values is None:
        return None
    ino, ctime_ns, links = values
    return int(ino), int(ctime_ns), int(links)


def _to_text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class _Digesting:
    """A file to write to that keeps the SHA-256 of what went through."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, block: bytes) -> int:
        self.digest.update(block)
        return self._file.write(block)

    def flush(self) -> None:
        self._file.flush()
