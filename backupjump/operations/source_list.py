"""Ask the gate of a Desktop what lies in a source, and read its list as it comes: `bj1 list`.

The list comes over the run's control connection, packed, and is never held as a whole. What sends it is a stranger:
lines, their number and the memory to unpack them are bounded. Whatever is wrong with it is ListUnusable, since a pull
can do without; a link that is lost stays LinkLost.
"""

from __future__ import annotations

import json
import re
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backupjump.errors import ListUnusable, WindowOver
from backupjump.escape import shown, shown_lines
from backupjump.rsync.filters import DEFAULT_EXCLUDES
from backupjump.rsync.refusal import refusal
from backupjump.ssh.control import backslashed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from backupjump.config.models import Job
    from backupjump.ssh.control import Control
    from backupjump.ssh.stream import Stream

LIST_FORMAT = 1
# gate/words.py reads no longer command.
_COMMAND_BYTES = 4096
_UNSAYABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# The gate sends something every few seconds; a disk that wakes up, or one folder of millions, takes longer.
_IDLE_SECONDS = 120.0
_UNPACKED_BYTES = 1 << 16
_LONGEST_LINE = 1 << 16
_MOST_ENTRIES = 50_000_000
_FILE_SYSTEM = re.compile(r"[!-~]{0,64}")
_WILD_OR_ESCAPE = re.compile(r"[*?\[\\]")


class SourceList:
    """The list of one source. `root` is its path on the Desktop, `at_ns` the Desktop's clock before anything was read.

    `dev` is the device that `root` is on, `filesystem` what kind of file system that is, empty if not known.
    """

    def __init__(self, stream: Stream, root: str) -> None:
        self.root = root
        self._lines = _text_lines(_unpacked(_chunks(stream)))
        header = _header(next(self._lines, ""), root)
        self.at_ns: int = header["at_ns"]
        self.dev: int = header["dev"]
        self.filesystem: str = header["filesystem"]

    def lines(self) -> Iterator[str]:
        """Yield the line of each name, with its newline, as they come; source_entry.parse_line reads one.

        The first is that of the source itself, the path of all others begins with its path. That they are all, and
        whole, is known only once the last one has come and nothing was raised: ListUnusable, or LinkLost.
        """
        path = json.dumps(self.root.strip("/"))
        itself, below = f'{{"path":{path},', f'{{"path":{path[:-1]}/' if self.root != "/" else '{"path":"'
        line, count = next(self._lines, ""), 0
        if not line.startswith(itself):
            raise ListUnusable(f"a list that begins with {shown(line, limit=80) or 'nothing'}")
        while line.startswith((below, itself)):
            count += 1
            if count > _MOST_ENTRIES:
                raise ListUnusable(f"a list of more than {_MOST_ENTRIES} names")
            yield line + "\n"
            line = next(self._lines, "")
        if line != f'{{"entries":{count}}}' or next(self._lines, None) is not None:
            raise ListUnusable(f"a list that ends with {shown(line, limit=80) or 'nothing'} behind {count} names")


@contextmanager
def open_source_list(
    control: Control, root: str, *, one_file_system: bool, omitted: Sequence[str] = (), deadline: float
) -> Iterator[SourceList]:
    """Ask for the list of the source `root`, to be read within the block and by `deadline` (of time.monotonic).

    `omitted` are folders to leave out, as `omitted_folders` has them: as many as a command can name. ListUnusable for
    all that is wrong with the answer, be it a gate that refuses or does not know the word; LinkLost, and DesktopUnfit
    for a far end that floods us.
    """
    words = list_words(root, one_file_system=one_file_system, omitted=omitted)
    try:
        stream = control.stream(words, idle_seconds=_IDLE_SECONDS, deadline=deadline)
    except WindowOver as error:
        raise ListUnusable(str(error)) from error
    with stream:
        yield SourceList(stream, root)


def list_words(root: str, *, one_file_system: bool, omitted: Sequence[str] = ()) -> list[str]:
    """Return what to ask the gate for; of `omitted` what is below `root` and fits. ListUnusable for an odd `root`."""
    folder = root.rstrip("/") + "/"
    words = ["bj1", "list", *(["-x"] if one_file_system else []), folder]
    if _UNSAYABLE.search(root) or _size(words) > _COMMAND_BYTES:
        raise ListUnusable(f"a gate can't be asked for {shown(root, limit=200)}")
    for word in omitted:
        of_another = word.startswith("/") and not (word.startswith(folder) and word != folder)
        if not of_another and _size([*words, word]) <= _COMMAND_BYTES:
            words.append(word)
    return words


def omitted_folders(job: Job) -> tuple[str, ...]:
    """Return the folders that rsync's filter leaves out of `job` whole, whatever they hold: full paths and bare names.

    Each has a slash at its end, the names come first. Only what the excludes name letter by letter; nothing where an
    include may win over them. Source: rsync(1), PATTERN MATCHING RULES: without a wildcard a pattern is a plain text,
    with a slash at its end it matches folders alone, and with no other slash at any depth.
    """
    if job.include:
        return ()
    patterns = (*job.exclude, *(DEFAULT_EXCLUDES if job.default_excludes else ()))
    return tuple(sorted({each for each in patterns if _names_a_folder(each)}, key=lambda each: (each[0] == "/", each)))


def _names_a_folder(pattern: str) -> bool:
    if not pattern.endswith("/") or _WILD_OR_ESCAPE.search(pattern) or _UNSAYABLE.search(pattern):
        return False
    parts = pattern[:-1].split("/")
    if pattern.startswith("/"):
        return len(parts) > 1 and {"", ".", ".."}.isdisjoint(parts[1:])
    # rsync's own parser of rules has an eye for a space in front.
    return len(parts) == 1 and parts[0] not in (".", "..") and parts[0].strip() == parts[0] != ""


def _size(words: Sequence[str]) -> int:
    return len(backslashed(words).encode("utf-8", "surrogatepass"))


def _chunks(stream: Stream) -> Iterator[bytes]:
    """Yield what the gate sends, to a good end; ListUnusable if it ended badly, and says why."""
    try:
        yield from stream.chunks()
        done = stream.end()
    except WindowOver as error:
        raise ListUnusable(str(error)) from error
    if done.status != 0:
        said = refusal(done.stderr.splitlines(), host="the Desktop")
        why = str(said) if said else shown_lines(done.stderr, lines=2, limit=200)
        raise ListUnusable(f"`bj1 list` ended with {done.status}: {why or 'nobody says why'}")


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what is packed in `chunks`, at most 64 KiB at once, however much a byte of it may stand for."""
    unpacker, ended = zlib.decompressobj(), False
    for chunk in chunks:
        packed, full = chunk, False
        # Of a full piece the rest may come with no further byte.
        while not ended and (packed or full):
            try:
                piece = unpacker.decompress(packed, _UNPACKED_BYTES)
            except zlib.error as error:
                raise ListUnusable(f"what answers is no list: {error}") from error
            packed, full, ended = unpacker.unconsumed_tail, len(piece) == _UNPACKED_BYTES, unpacker.eof
            yield piece
            packed = packed or unpacker.unused_data
        if packed:
            raise ListUnusable("something behind the end of a list")
    if not ended:
        raise ListUnusable("a list that is cut short")


def _text_lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of `pieces` without their newlines; ListUnusable for one that is too long, or not whole."""
    rest = ""
    for piece in pieces:
        try:
            *lines, rest = (rest + piece.decode("ascii")).split("\n")
        except UnicodeDecodeError as error:
            raise ListUnusable("a list that is not ASCII") from error
        if max(map(len, (*lines, rest))) > _LONGEST_LINE:
            raise ListUnusable("a list with a line that is too long")
        yield from lines
    if rest:
        raise ListUnusable("a list whose last line is not whole")


def _header(line: str, root: str) -> dict[str, Any]:
    """Return the values of the first line; what else a later gate says there is passed over."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ListUnusable(f"a list that begins with {shown(line, limit=80) or 'nothing'}") from error
    if not (
        isinstance(found, dict)
        and type(found.get("list")) is int
        and found["list"] == LIST_FORMAT
        and found.get("root") == root
        and all(type(found.get(key)) is int and abs(found[key]) < 1 << 64 for key in ("at_ns", "dev"))
        and isinstance(found.get("filesystem"), str)
        and _FILE_SYSTEM.fullmatch(found["filesystem"])
    ):
        raise ListUnusable(f"a list of another kind, or of another folder: {shown(line, limit=200)}")
    return found
