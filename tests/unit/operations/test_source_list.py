"""The reader of a gate's list, with streams as they come, and as a hostile Desktop would send them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.models import Job
from backupjump.errors import BackupjumpError, LinkLost, ListUnusable, WindowOver
from backupjump.gate.grammar import Listing, read_request
from backupjump.operations.source_list import SourceList, list_words, omitted_folders
from backupjump.process import Completed
from backupjump.rsync.filters import DEFAULT_EXCLUDES
from backupjump.ssh.control import backslashed

HEADER: dict[str, Any] = {"list": 1, "root": "/home/me", "at_ns": 5, "dev": 2049, "filesystem": "ext4"}
ENTRY = '{{"path":"{}","type":"dir","mode":"0755","uid":0,"gid":0,"size":0,"mtime_ns":0,"source":[1,1,1]}}\n'
ENTRIES = [ENTRY.format(path) for path in ("home/me", "home/me/a", "home/me/a/b", "home/me/c")]


class Recorded:
    """A stream that has been: what came, in pieces, and how it ended."""

    def __init__(
        self, came: bytes, *, status: int = 0, stderr: bytes = b"", piece: int = 7, lost: BackupjumpError | None = None
    ) -> None:
        self.pieces = [came[at : at + piece] for at in range(0, len(came), piece)]
        self.done = Completed(argv=("bj1", "list"), status=status, stdout=b"", stderr=stderr)
        self.lost = lost

    def chunks(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.lost is not None:
            raise self.lost

    def end(self) -> Completed:
        return self.done


def text_of(entries: Sequence[str] = ENTRIES, *, header: Any = HEADER, trailer: str | None = None) -> bytes:
    first = json.dumps(header, separators=(",", ":")) if isinstance(header, dict) else header
    last = f'{{"entries":{len(entries)}}}' if trailer is None else trailer
    return f"{first}\n{''.join(entries)}{last}\n".encode()


def packed(text: bytes) -> bytes:
    return zlib.compress(text, 1)


def read(stream: Any, root: str = "/home/me") -> tuple[SourceList, list[str]]:
    listed = SourceList(stream, root)
    return listed, list(listed.lines())


def test_a_list_tells_of_itself_and_gives_its_lines() -> None:
    listed, lines = read(Recorded(packed(text_of())))

    assert (listed.root, listed.at_ns, listed.dev, listed.filesystem) == ("/home/me", 5, 2049, "ext4")
    assert lines == ENTRIES


@pytest.mark.parametrize("root", ["/", '/home/é"\\', "/home/me"])
def test_the_paths_begin_with_that_of_the_source(root: str) -> None:
    inside = [ENTRY.format(json.dumps(f"{root}/{name}".strip("/").replace("//", "/"))[1:-1]) for name in ("", "x")]

    _listed, lines = read(Recorded(packed(text_of(inside, header={**HEADER, "root": root}))), root)

    assert lines == inside


@given(st.integers(1, 400), st.integers(0, 1000))
def test_it_is_all_the_same_in_which_pieces_a_list_comes(piece: int, entries: int) -> None:
    many = [ENTRIES[0], *(ENTRY.format(f"home/me/{number:06}") for number in range(entries))]

    _listed, lines = read(Recorded(packed(text_of(many)), piece=piece))

    assert lines == many


def test_a_later_gate_may_say_more_of_the_list() -> None:
    listed, _lines = read(Recorded(packed(text_of(header={**HEADER, "moon": "full"}))))

    assert listed.at_ns == 5


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (b"", "cut short"),
        (b"Welcome!\n" + packed(text_of()), "no list"),
        (packed(text_of())[:-1], "cut short"),
        (packed(text_of())[: len(packed(text_of())) // 2], "cut short"),
        (packed(text_of()) + b"x", "behind the end"),
        (packed(text_of()) + packed(text_of()), "behind the end"),
        (packed(text_of())[:40] + b"\xff\xff\xff" + packed(text_of())[43:], "no list"),
        (text_of(), "no list"),
        (packed(b""), "begins with nothing"),
        (packed(b"\n"), "begins with nothing"),
        (packed(text_of(header="[" * 60_000)), "begins with"),
        (packed(text_of(header="x" * 70_000)), "line that is too long"),
        (packed(text_of([*ENTRIES, ENTRY.format("home/me/" + "x" * 70_000)])), "line that is too long"),
        (packed(text_of([*ENTRIES, ENTRY.format("home/me/\xe9")])), "not ASCII"),
        (packed(text_of([])), "begins with"),
        (packed(text_of(ENTRIES[1:])), "begins with"),
        (packed(text_of([*ENTRIES, ENTRY.format("home/me2")])), "ends with"),
        (packed(text_of([*ENTRIES, ENTRY.format("etc")])), "ends with"),
        (packed(text_of([*ENTRIES, "\n"])), "ends with"),
        (packed(text_of(trailer='{"entries":3}')), "ends with"),
        (packed(text_of(trailer='{"entries":5}')), "ends with"),
        (packed(text_of(trailer='{"entries":4.0}')), "ends with"),
        (packed(text_of(trailer='{"entries":4}\n' + ENTRIES[0][:-1])), "ends with"),
        (packed(text_of(trailer='{"entries":4}\n{"entries":4}')), "ends with"),
        (packed(text_of(trailer='{"entries":4}\n')), "ends with"),
        (packed(text_of()[:-1]), "not whole"),
        (packed(text_of()[:-14]), "ends with nothing"),
        (packed(text_of()[:-20]), "not whole"),
        *(
            (packed(text_of(header={**HEADER, **lie})), "another kind")
            for lie in (
                {"list": 2}, {"list": True}, {"list": "1"}, {"list": None}, {"root": "/home"}, {"root": "/home/me/"},
                {"root": ["/home/me"]}, {"at_ns": "5"}, {"at_ns": 5.5}, {"at_ns": 2**64}, {"dev": None}, {"dev": True},
                {"filesystem": None}, {"filesystem": "x" * 65}, {"filesystem": "\x1b[2J"}, {"filesystem": "a b"},
            )
        ),
        (packed(text_of(header="7")), "another kind"),
        (packed(text_of(header="[]")), "another kind"),
    ],
)  # fmt: skip
def test_what_is_no_whole_list_is_unusable_and_told_short_and_harmless(came: bytes, said: str) -> None:
    with pytest.raises(ListUnusable, match=said) as raised:
        read(Recorded(came, piece=1000))

    assert len(str(raised.value)) < 400
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("status", "stderr", "said"),
    [
        (64, b"backupjump-gate: refused: not-understood: none of the words of the gate\n", "none of the words"),
        (64, b"backupjump-gate: refused: outside: no folder that\n", "refused: outside"),
        (1, b"backupjump-gate: failed: [Errno 5] \x1b[2J\n", "can't answer"),
        (127, b"sh: 1: bj1: not found\n", "ended with 127: sh: 1: bj1: not found"),
        (-1, b"", "ended with -1: nobody says why"),
    ],
)
def test_a_gate_that_sends_none_says_why(status: int, stderr: bytes, said: str) -> None:
    with pytest.raises(ListUnusable, match=said) as raised:
        read(Recorded(b"", status=status, stderr=stderr))

    assert str(raised.value).isprintable()


def test_a_whole_list_of_a_gate_that_ended_badly_is_unusable() -> None:
    with pytest.raises(ListUnusable, match="ended with 1"):
        read(Recorded(packed(text_of()), status=1))


def test_a_lost_link_stays_one_and_an_end_of_time_is_no_list() -> None:
    half = packed(text_of())[:20]

    with pytest.raises(LinkLost, match="broke"):
        read(Recorded(half, lost=LinkLost("the connection broke")))
    with pytest.raises(ListUnusable, match="in its time"):
        read(Recorded(half, lost=WindowOver("not done in its time")))


def test_a_bomb_is_never_unpacked_as_a_whole() -> None:
    bomb = zlib.compress(text_of()[:-15] + b"x" * 500_000_000, 9)
    peak = peak_memory()

    with pytest.raises(ListUnusable, match="too long"):
        read(Recorded(bomb, piece=32768))

    assert peak_memory() - peak < 8 << 20


def peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


@given(st.data())
def test_no_stream_breaks_the_reader(data: st.DataObject) -> None:
    whole = packed(text_of())
    at = data.draw(st.integers(0, len(whole)))
    came = whole[:at] + data.draw(st.binary(max_size=20)) + whole[at + data.draw(st.integers(0, 9)) :]

    outcome: object = None
    try:
        outcome = read(Recorded(came))[1]
    except ListUnusable as error:
        outcome = str(error).isprintable()

    assert outcome in (ENTRIES, True)


def asked(words: Sequence[str]) -> Any:
    return read_request(backslashed(words).encode())


@pytest.mark.parametrize("root", ["/", "/home/me", "/home/a b$(touch x);'*\\é~", "/ "])
def test_the_gate_understands_what_it_is_asked(root: str) -> None:
    omitted = [".cache/", f'{root.rstrip("/")}/a "b/', "/etc2/x/", f"{root.rstrip('/')}/"]

    request = asked(list_words(root, one_file_system=True, omitted=omitted))

    below = tuple(word for word in omitted[:3] if word[0] != "/" or word.startswith(f"{root.rstrip('/')}/"))
    assert request == Listing(f"{root.rstrip('/')}/", below, one_file_system=True)


def test_only_as_many_folders_are_named_as_a_gate_reads() -> None:
    omitted = [f"folder {number}/" for number in range(1000)]

    words = list_words("/home/me", one_file_system=False, omitted=omitted)

    assert 200 < len(words) < 400
    assert asked(words).omitted == tuple(omitted[: len(words) - 3])


@pytest.mark.parametrize("root", ["/home/a\nb", "/home/\x1b", "/home/\udcff", "/home/" + "x" * 4096, "/" + " " * 2100])
def test_a_source_that_no_gate_can_be_asked_for_has_no_list(root: str) -> None:
    with pytest.raises(ListUnusable, match="can't be asked for") as raised:
        list_words(root, one_file_system=True)

    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("exclude", "omitted"),
    [
        (["node_modules/", "/home/me/big/", "/srv/x y/"], ("node_modules/", "/home/me/big/", "/srv/x y/")),
        (["*.tmp", "cache", "/home/me/file", "a/b/", ".var/app/*/x/", "x?/", "[ab]/", "/home/me/*/", "a\\b/"], ()),
        (["/home/me/x/***", "**/", "/home/../x/", "/home//x/", "./", "../", "/", "//", " a/", "a /", " /"], ()),
        (["/home/me/é/", "-x/", "+ a/", "!/"], ("!/", "+ a/", "-x/", "/home/me/é/")),
        (["a\x1bb/", "a/", "a/"], ("a/",)),
    ],
)
def test_only_what_the_excludes_name_letter_by_letter_is_left_out(exclude: list[str], omitted: tuple[str, ...]) -> None:
    job = Job(name="n", desktop="d", sources=("/home/me",), exclude=tuple(exclude), default_excludes=False)

    assert omitted_folders(job) == omitted


def test_the_default_excludes_are_left_out_as_far_as_they_are_names() -> None:
    job = Job(name="n", desktop="d", sources=("/home/me",), exclude=("/home/me/x/",))

    assert omitted_folders(job) == (".Trash/", ".cache/", ".thumbnails/", "lost+found/", "/home/me/x/")
    assert set(omitted_folders(job)[:-1]) < set(DEFAULT_EXCLUDES)


def test_where_something_is_included_all_the_same_nothing_is_left_out() -> None:
    job = Job(name="n", desktop="d", sources=("/home/me",), exclude=("a/",), include=("a/",))

    assert omitted_folders(job) == ()
