import pytest

from backupjump.rsync.compression import ContentMix, compression

MB = 1_000_000


@pytest.mark.parametrize(
    ("name", "compressible"),
    [
        (b"notes.txt", True),
        (b"home/me/mail/cur/1700000000.M1P2.host:2,S", True),
        (b"Makefile", True),
        (b"zip", True),
        (b"pictures.zip/index", True),
        (b"disk.qcow2", True),
        (b"photo.jpg", False),
        (b"PHOTO.JPG", False),
        (b"dump.sql.gz", False),
        (b"letter.odt", False),
        (b".zst", False),
        (b"b\xff\nad.mp4", False),
        (b"", True),
    ],
)
def test_a_file_s_name_tells_whether_it_is_compressed_already(name: bytes, *, compressible: bool) -> None:
    mix = ContentMix()

    mix.note(name, 10 * MB)

    assert mix.compressible_share == (1.0 if compressible else 0.0)


def test_the_share_counts_bytes_not_files() -> None:
    mix = ContentMix()
    for number in range(100):
        mix.note(b"%d.txt" % number, 10_000)

    mix.note(b"film.mkv", 9 * MB)

    assert mix.compressible_share == 0.1


def test_a_few_bytes_tell_nothing_of_what_is_to_come() -> None:
    mix = ContentMix()

    mix.note(b"photo.jpg", 7 * MB)

    assert mix.compressible_share is None


def test_two_mixes_are_one() -> None:
    both = ContentMix(total_bytes=10 * MB, compressible_bytes=MB).plus(ContentMix(total_bytes=10 * MB))

    assert both.compressible_share == 0.05


@pytest.mark.parametrize(
    ("link_bytes", "share", "compress", "why"),
    [
        (None, None, True, "how fast the link is, is not known"),
        (12 * MB, None, True, "the link carries 12 MB/s"),
        (12 * MB, 1.0, True, "the link carries 12 MB/s, 100% of the content is not compressed already"),
        (12 * MB, 0.1, True, "the link carries 12 MB/s, 10% of the content is not compressed already"),
        (12 * MB, 0.09, False, "the link carries 12 MB/s, 9% of the content is not compressed already"),
        (None, 0.0, False, "how fast the link is, is not known, 0% of the content is not compressed already"),
        (29 * MB, 0.1, True, "the link carries 29 MB/s, 10% of the content is not compressed already"),
        (30 * MB, 0.33, False, "the link carries 30 MB/s, 33% of the content is not compressed already"),
        (30 * MB, 0.34, True, "the link carries 30 MB/s, 34% of the content is not compressed already"),
        (149 * MB, 0.5, True, "the link carries 149 MB/s, 50% of the content is not compressed already"),
        (150 * MB, 1.0, False, "the link carries 150 MB/s, 150 and more are fast enough"),
        (1_180 * MB, None, False, "the link carries 1180 MB/s, 150 and more are fast enough"),
        (40_600, None, True, "the link carries 0.041 MB/s"),
    ],
)
def test_a_slow_link_and_content_that_shrinks_are_worth_it_and_what_is_not_known_counts_as_such(
    link_bytes: int | None, share: float | None, *, compress: bool, why: str
) -> None:
    choice = compression(link_bytes, share)

    assert (choice.compress, choice.why) == (compress, why)


def test_what_hinders_it_comes_first() -> None:
    choice = compression(1, 1.0, hindrance="the rsync there does not know zstd")

    assert (choice.compress, choice.why) == (False, "the rsync there does not know zstd")
