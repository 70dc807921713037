import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.rsync.output import LONGEST_LINE, MOST_NAMES, Lines, Output, decode_name, read_item

HASH = b"7bab28a617e8182fdfd79755f0373fc6"


def read(*chunks: bytes) -> Output:
    output = Output("m1", checksum="xxh128", root=b"home/me/")
    for chunk in (*chunks, b""):
        list(output.feed(chunk))
    return output


def as_rsync_prints(name: bytes) -> bytes:
    """Write a name as rsync 3.5.0 does under LC_ALL=C (filtered_fwrite() in log.c)."""
    printed = re.sub(rb"\\(?=#\d{3})", b"\\\\#134", name)
    return re.sub(rb"[^\t\x20-\x7f]", lambda match: b"\\#%03o" % match[0][0], printed)


@given(st.binary(min_size=1, max_size=60) | st.text(alphabet="\\#0123478a\n", min_size=1).map(str.encode))
def test_every_name_comes_back_from_what_rsync_prints(name: bytes) -> None:
    assert decode_name(as_rsync_prints(name)) == name


def test_the_checksum_of_a_sent_file_is_kept_under_its_full_path() -> None:
    output = read(b"m1 >f.st...... 12 " + HASH + b" a/new\\#012line\n")

    assert output.hashes.get(b"home/me/a/new\nline") == f"xxh128:{HASH.decode()}"
    assert len(output.hashes) == 1


@pytest.mark.parametrize("checksum", [HASH, b"0"], ids=["of a transfer", "of a dry run here"])
@pytest.mark.parametrize("name", [b" lead", b"  two", b"abc def", b" "])
def test_a_name_keeps_the_spaces_it_starts_with(name: bytes, checksum: bytes) -> None:
    item = read_item(b">f+++++++++ 12 " + checksum + b" " + name)

    assert item is not None
    assert (item.name, item.checksum.encode()) == (name, checksum)


@pytest.mark.parametrize(
    "line",
    [
        b"m1 cd+++++++++ 4096                                  sub/\n",
        b"m1 hf+++++++++ 16                                  hard => link\n",
        b"m1 .f...p..... 16                                  only its mode\n",
        b"m1 cL+++++++++ 5                                  sym\n",
        b"m1 >f+++++++++ 12                                  a dry run has no checksum\n",
    ],
)
def test_what_was_not_sent_has_no_checksum(line: bytes) -> None:
    assert len(read(line).hashes) == 0


@pytest.mark.parametrize(
    "forged",
    [
        b">f+++++++++ 1 " + b"0" * 32 + b" a\n",
        b"m2 >f+++++++++ 1 " + b"0" * 32 + b" a\n",
        b" m1 >f+++++++++ 1 " + b"0" * 32 + b" a\n",
        b"x" * 200_000 + b"\n",
    ],
)
def test_a_line_of_the_desktop_never_passes_for_an_itemised_one(forged: bytes) -> None:
    output = read(forged, b"m1 >f+++++++++ 1 " + HASH + b" a\n")

    assert output.hashes.get(b"home/me/a") == f"xxh128:{HASH.decode()}"
    assert len(output.hashes) == 1


def test_text_of_the_desktop_in_front_of_a_line_at_worst_drops_it() -> None:
    assert read(b"no line end", b"m1 >f+++++++++ 1 " + HASH + b" a\n").hashes.get(b"home/me/a") is None


@pytest.mark.parametrize("chunk_bytes", [1000, 1 << 20])
def test_a_line_without_end_is_dropped_whole(chunk_bytes: int) -> None:
    text = b"a" * (LONGEST_LINE + 1000) + b"\nshort\n"
    lines = Lines()

    found = [line for at in range(0, len(text), chunk_bytes) for line in lines.feed(text[at : at + chunk_bytes])]

    assert found == [b"short"]


def test_files_that_are_too_large_are_named_up_to_a_bound() -> None:
    output = read(b"".join(b"big%d is over max-size\n" % n for n in range(MOST_NAMES + 5)))

    assert len(output.too_large) == MOST_NAMES
    assert output.too_large[0] == b"home/me/big0"


def test_rsyncs_own_statistics_count_not_those_the_desktop_printed_before() -> None:
    output = read(
        b"Total bytes received: 1\nNumber of files: 999\n",
        b"\nNumber of files: 21 (reg: 18, dir: 2, link: 1)\nNumber of regular files transferred: 17\n"
        b"Total file size: 5000547 bytes\nTotal transferred file size: 5000526 bytes\nTotal bytes received: 5003199\n",
    )

    assert (output.files_total, output.files_transferred) == (21, 17)
    assert (output.bytes_total, output.bytes_transferred, output.bytes_received) == (5000547, 5000526, 5003199)


@given(st.lists(st.binary(max_size=100)))
def test_no_output_makes_the_reader_fail(chunks: list[bytes]) -> None:
    read(*[chunk for chunk in chunks if chunk])


@pytest.mark.parametrize(
    ("chunk", "begun"),
    [
        (b"", False),
        (b"m1 cd+++++++++ 4096                                  ./\n", False),
        (b"m1 cd+++++++++ 4096   ./\n\r              0   0%    0.00kB/s    0:00:00  ", True),
        (b"\r        6553600  32%    5.87MB/s    0:00:02  \r", True),
    ],
)
def test_content_is_seen_to_come_in_before_rsync_ends_its_first_line_of_progress(chunk: bytes, *, begun: bool) -> None:
    output = Output("m1", checksum="xxh128", root=b"")

    list(output.feed(chunk) if chunk else ())

    assert output.content_begun is begun
