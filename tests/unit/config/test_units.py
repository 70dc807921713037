from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.checks import read_share, write_share
from backupjump.config.units import read_rate, read_size, write_rate, write_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("500 kB", 500_000), ("2GB", 2 * 10**9), ("2 GiB", 2 * 2**30), ("1.5 MB", 1_500_000), ("7 B", 7)],
)
def test_a_size_is_read_in_powers_of_ten_or_two(text: str, size_bytes: int) -> None:
    assert read_size(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["10 Mb", "10 mbit", "10M", "10", "-5 MB", "5 apples", "", "1 MB/s", 5, None, "9" * 99 + " GB"]
)
def test_what_is_not_clearly_a_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        read_size(text)


@pytest.mark.parametrize("text", ["10 MB", "10 Mb/s", "10/s", "10 MB/h", "", 5])
def test_what_is_not_clearly_a_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        read_rate(text)


def test_a_rate_is_never_below_what_rsync_can_count() -> None:
    assert read_rate("10 MB/s") == 10_000_000
    assert read_rate("1 B/s") == 1024


@pytest.mark.parametrize("text", ["101%", "-1%", "25", "0.25", "%", 25, None])
def test_what_is_not_a_share_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        read_share(text)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_written_size_reads_as_the_same(size_bytes: int) -> None:
    assert read_size(write_size(size_bytes)) == size_bytes


@given(st.integers(min_value=1024, max_value=10**15))
def test_a_written_rate_reads_as_the_same(bytes_per_second: int) -> None:
    assert read_rate(write_rate(bytes_per_second)) == bytes_per_second


@given(st.integers(min_value=0, max_value=100_000))
def test_a_written_share_reads_as_the_same(thousandths: int) -> None:
    share = read_share(f"{thousandths / 1000}%")

    assert read_share(write_share(share)) == share
