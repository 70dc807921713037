from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.rsync.output import Output
from backupjump.rsync.progress import Progress, after_progress, read_progress

# Captured from rsync 3.5.0.
CAPTURED = (
    b"\r              0   0%    0.00kB/s    0:00:00  \r      1,0"[:1]
    + b"        5000000  99%  476.84MB/s    1:02:03 (xfr#1, ir-chk=1019/2021)\n"
    b"m1 >f+++++++++ 5000000 7bab28a617e8182fdfd79755f0373fc6 big\n"
    b"\r        5000014 100%   12.50kB/s    0:00:00 (xfr#2, to-chk=0/2021)\n"
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b"        5000000  99%  476.84MB/s    1:02:03 (xfr#1, ir-chk=1019/2021)",
            Progress(
                bytes_done=5_000_000,
                percent=99,
                rate_bytes=round(476.84 * 1024 * 1024),
                eta=timedelta(hours=1, minutes=2, seconds=3),
                files_done=1,
                checked=1002,
                total=2021,
                listing=True,
            ),
        ),
        (
            b"             14 100%   12.50kB/s    0:00:00 (xfr#2, to-chk=0/7)",
            Progress(
                bytes_done=14,
                percent=100,
                rate_bytes=12800,
                eta=timedelta(),
                files_done=2,
                checked=7,
                total=7,
                listing=False,
            ),
        ),
        (
            b"             14 100%    0.00kB/s   ??:??:??",
            Progress(bytes_done=14, percent=100, files_done=5, checked=1, total=3, listing=False),
        ),
    ],
)
def test_a_progress_line_is_read(line: bytes, expected: Progress) -> None:
    before = Progress(files_done=5, checked=1, total=3, listing=False)

    assert read_progress(line, before) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"Number of files: 21 (reg: 18, dir: 2, link: 1)",
        b"100% done",
        b"9" * 5000 + b" 1% 1.00kB/s 0:00:00",
        b"1 1% 1.2.3kB/s 0:00:00",
        b"1 1% 1.00kB/s 99999999999999:00:00",
        b"",
    ],
)
def test_other_and_hostile_lines_are_no_progress(line: bytes) -> None:
    assert read_progress(line, Progress()) is None


@given(st.binary(max_size=300))
def test_no_line_makes_the_reader_fail(line: bytes) -> None:
    read_progress(line, Progress())


@given(st.lists(st.integers(0, len(CAPTURED)), max_size=12))
def test_it_does_not_matter_how_the_stream_is_cut_into_chunks(cuts: list[int]) -> None:
    output = Output("m1", checksum="xxh128", root=b"home/me/")
    ends = sorted({0, *cuts, len(CAPTURED)})

    items = [item.name for start, end in pairwise(ends) for item in output.feed(CAPTURED[start:end])]

    assert items == [b"big"]
    assert output.progress == Progress(
        bytes_done=5_000_014,
        percent=100,
        rate_bytes=12800,
        eta=timedelta(),
        files_done=2,
        checked=2021,
        total=2021,
        listing=False,
    )


@pytest.mark.parametrize(
    ("line", "more"),
    [
        (b"  0   0%    0.00kB/s    0:00:00 (xfr#0, ir-chk=1002/1014)big is over max-size", b"big is over max-size"),
        (b"  5000014  99%  476.84MB/s    0:00:00  big is over max-size", b"big is over max-size"),
        (b"  5000014  99%  476.84MB/s    0:00:00    two spaces is over max-size", b"  two spaces is over max-size"),
        (b"big is over max-size", b"big is over max-size"),
    ],
)  # fmt: skip
def test_what_another_process_of_rsync_wrote_behind_progress_is_a_line_of_its_own(line: bytes, more: bytes) -> None:
    assert after_progress(line) == more
