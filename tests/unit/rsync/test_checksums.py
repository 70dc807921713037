"""The checksums of transferred files, kept small: they behave as a dict would."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.rsync.checksums import CHECKSUM_BYTES, Checksums, joined

PATHS = st.binary(min_size=1, max_size=6)
VALUES = st.binary(min_size=CHECKSUM_BYTES, max_size=CHECKSUM_BYTES).map(bytes.hex)


@given(st.lists(st.tuples(PATHS, VALUES)), PATHS)
def test_they_give_what_was_noted_last_of_a_path(told: list[tuple[bytes, str]], another: bytes) -> None:
    checksums, expected = Checksums("md5"), dict(told)

    for path, value in told:
        checksums.note(path, value)

    assert len(checksums) == len(expected)
    for path in (*expected, another):
        assert checksums.get(path) == (f"md5:{expected[path]}" if path in expected else None)


@given(st.lists(st.dictionaries(PATHS, VALUES), min_size=1))
def test_parts_are_joined(parts: list[dict[bytes, str]]) -> None:
    expected = {path: value for part in parts for path, value in part.items()}
    told = []
    for part in parts:
        told.append(Checksums())
        for path, value in part.items():
            told[-1].note(path, value)

    both = joined(told)

    assert len(both) == len(expected)
    assert {path: both.get(path) for path in expected} == {path: f"xxh128:{value}" for path, value in expected.items()}


def test_many_are_found_again_and_stay_small() -> None:
    tracemalloc.start()
    try:
        checksums = Checksums()
        for number in range(50_000):
            checksums.note(b"home/me/photos/2019/%d.jpg" % number, f"{number:032x}")
        size_bytes = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert all(
        checksums.get(b"home/me/photos/2019/%d.jpg" % number) == f"xxh128:{number:032x}" for number in range(50_000)
    )
    assert size_bytes < 50_000 * 80


@pytest.mark.parametrize("checksum", ["", "0" * 16, "0" * 31, "0" * 40])
def test_a_checksum_of_another_length_is_passed_over(checksum: str) -> None:
    checksums = Checksums()

    checksums.note(b"home/me/a", checksum)

    assert (len(checksums), checksums.get(b"home/me/a")) == (0, None)
