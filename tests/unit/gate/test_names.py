import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.gate.names import names_in_order
from gate_world import open_files

# Bytes that are no UTF-8 stand between the first and the last characters of Unicode as bytes, and not as text.
ODD = [
    b"\xff",
    b"\xef\xbf\xbd",
    b"\xf0\x9f\x98\x80",
    b"\xed\xb3\xbf",
    b"\x80",
    b"\xee\x80\x80",
    b"a\n",
    b"a",
    b"A",
    b"~",
]


@contextmanager
def folder_of(path: Path, names: list[bytes]) -> Iterator[int]:
    path.mkdir()
    fd = os.open(path, os.O_RDONLY)
    for name in names:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    try:
        yield fd
    finally:
        os.close(fd)


@pytest.mark.parametrize("at_once", [1, 2, 3, 10, 11, 50_000])
def test_names_come_in_the_order_of_their_bytes_however_many_are_held_at_once(tmp_path: Path, at_once: int) -> None:
    with folder_of(tmp_path / "folder", ODD) as fd:
        found = [os.fsencode(name) for name in names_in_order(fd, at_once=at_once)]

    assert found == sorted(ODD)


def test_an_empty_folder_has_no_names(tmp_path: Path) -> None:
    with folder_of(tmp_path / "folder", []) as fd:
        assert [*names_in_order(fd, at_once=1), *names_in_order(fd)] == []


@given(st.sets(st.binary(min_size=1, max_size=6).filter(lambda name: not {0, 47} & set(name)), max_size=8))
def test_no_name_is_lost_and_none_made_up(tmp_path_factory: pytest.TempPathFactory, names: set[bytes]) -> None:
    made = [name for name in names if name not in (b".", b"..")]
    with folder_of(tmp_path_factory.mktemp("names") / "folder", made) as fd:
        found = [[os.fsencode(name) for name in names_in_order(fd, at_once=most)] for most in (1, 3, 100)]

    assert found == [sorted(made)] * 3


def test_what_is_no_folder_is_an_error_and_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    before = open_files()

    with pytest.raises(NotADirectoryError):
        names_in_order(fd)

    assert open_files() == before
    os.close(fd)
