"""Manifests: what is written comes back, in one order, whatever the names."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.errors import StoreError
from backupjump.process import run
from backupjump.store.manifest import (
    Entry,
    EntryType,
    find_entry,
    from_line,
    read_manifest,
    sha256_of,
    sort_key,
    to_line,
    write_lines,
)

NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: not set(name) & {0, ord("/")})
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)
DIGESTS = st.one_of(st.none(), st.just("xxh128:00ff"), st.just("md5:00ff"))
TYPES: tuple[EntryType, ...] = ("file", "dir", "symlink", "fifo", "socket", "char", "block")
ENTRIES = st.builds(
    Entry,
    path=PATHS,
    type=st.sampled_from(TYPES),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 1),
    gid=st.integers(0, 2**32 - 1),
    size=st.integers(0, 2**63 - 1),
    mtime_ns=st.integers(-(2**70), 2**70),
    ino=st.integers(0, 2**64 - 1),
    target=st.one_of(st.none(), st.binary(max_size=300)),
    rdev=st.one_of(st.none(), st.tuples(st.integers(0, 4095), st.integers(0, 2**20))),
    xattrs=DIGESTS,
    hash=DIGESTS,
)


def entry(path: bytes, **values: object) -> Entry:
    fields: dict[str, object] = {"type": "file", "mode": 0o644, "uid": 0, "gid": 0, "size": 1, "mtime_ns": 1, "ino": 1}
    return Entry(path=path, **{**fields, **values})  # type: ignore[arg-type]


@given(ENTRIES)
def test_an_entry_comes_back_byte_for_byte_and_stays_on_one_line_of_ascii(written: Entry) -> None:
    line = to_line(written)

    assert from_line(line) == written
    assert line.isascii()
    assert line.count("\n") == 1
    assert line.endswith("\n")


@given(st.lists(PATHS, max_size=20, unique=True))
def test_the_order_is_depth_first_with_the_names_of_a_folder_in_byte_order(paths: list[bytes]) -> None:
    by_key = sorted(paths, key=sort_key)

    assert by_key == sorted(paths, key=lambda path: path.split(b"/"))


@pytest.mark.parametrize(
    "name",
    [
        b"a\nb",
        b"\x1b[2J",
        "\u202egpj.exe".encode(),
        b"\xff\xfe",
        b"n" * 255,
        "\U0001f600\udcff".encode(errors="surrogateescape"),
        b"-rf",
        b" ",
    ],
)
def test_a_file_of_entries_comes_back_with_names_that_bite(tmp_path: Path, name: bytes) -> None:
    entries = [entry(name), entry(name + b"/x", target=name)]

    written = write_lines(tmp_path / "m.zst", map(to_line, entries))

    assert list(read_manifest(tmp_path / "m.zst")) == entries
    assert written.entries == 2
    assert written.sha256 == sha256_of(tmp_path / "m.zst")


def test_zstdcat_shows_a_manifest_line_by_line(tmp_path: Path) -> None:
    write_lines(tmp_path / "m.zst", map(to_line, [entry(b"home/me/a.txt")]))

    shown = run(["zstdcat", str(tmp_path / "m.zst")], timeout=10).stdout

    header, line = shown.splitlines()
    assert header == b'{"format": 1}'
    assert b'"path":"home/me/a.txt"' in line


def test_a_manifest_that_was_cut_short_is_an_error_not_a_shorter_list(tmp_path: Path) -> None:
    path = tmp_path / "m.zst"
    write_lines(path, map(to_line, [entry(b"%d" % number, size=number * 7919) for number in range(5000)]))
    whole = path.read_bytes()

    for length in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(StoreError, match="can't be read"):
            list(read_manifest(path))


def test_a_manifest_that_is_missing_garbled_or_too_new_is_an_error(tmp_path: Path) -> None:
    import zstandard

    (tmp_path / "garbled").write_bytes(b"not zstd at all")
    (tmp_path / "newer").write_bytes(zstandard.compress(b'{"format": 2}\n'))
    (tmp_path / "listed").write_bytes(zstandard.compress(b"[1]\n"))
    (tmp_path / "nonsense").write_bytes(zstandard.compress(b'{"format": 1}\n{"path": 1}\n'))

    for name in ("missing", "garbled", "newer", "listed", "nonsense"):
        with pytest.raises(StoreError, match="can't be read"):
            list(read_manifest(tmp_path / name))


@given(st.lists(ENTRIES, max_size=12, unique_by=lambda each: each.path), PATHS)
def test_one_entry_is_found_without_reading_the_others(entries: list[Entry], absent: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        write_lines(path, map(to_line, entries))

        assert [find_entry(path, each.path) for each in entries] == entries
        if absent not in {each.path for each in entries}:
            assert find_entry(path, absent) is None


@pytest.mark.parametrize("at", [0, 20_000, 39_999])
def test_an_entry_is_found_wherever_it_lies_among_the_blocks_that_are_read(tmp_path: Path, at: int) -> None:
    path = tmp_path / "m"
    entries = [entry(b"f%06d/%s" % (number, b"x" * (number % 90))) for number in range(40_000)]
    write_lines(path, map(to_line, entries))

    assert find_entry(path, entries[at].path) == entries[at]
    assert find_entry(path, b"f%06d" % at) is None


def test_to_look_for_an_entry_fails_as_reading_does(tmp_path: Path) -> None:
    for name, content in (("empty", b""), ("garbled", b"no zstd at all")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StoreError, match="can't be read"):
            find_entry(tmp_path / name, b"f")
    with pytest.raises(StoreError, match="can't be read"):
        find_entry(tmp_path / "missing", b"f")
