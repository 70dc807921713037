import re

import pytest

from backupjump.errors import DesktopUnfit, ProgramMissing
from backupjump.process import run
from backupjump.rsync.version import (
    RsyncVersion,
    advice,
    check_desktop,
    check_local,
    common_checksum,
    read_version,
    why_no_zstd,
)

OPENRSYNC = "openrsync: protocol version 29\nrsync version 2.6.9 compatible\n"


def printed(version: str, protocol: int) -> str:
    lists = "Checksum list:\n    xxh128 xxh3 (xxhash) md5 md4 none\nCompress list:\n    zstd\n"
    return f"rsync  version {version}  protocol version {protocol}\n{lists}"


def test_this_machines_rsync_is_read_and_fit() -> None:
    version = check_local(read_version(run(["rsync", "--version"], timeout=10).stdout.decode()))

    assert "xxh128" in version.checksums
    assert "zstd" in version.compressions
    assert version.protocol >= 32


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (printed("3.2.4", 32), "3.2.4 is too old"),
        (printed("3.1.3", 31), "3.1.3 is too old"),
        (printed("3.2.7", 31), "protocol 31"),
        (OPENRSYNC, "openrsync"),
        ("sh: rsync: not found", "can not be read"),
        ("", "can not be read"),
    ],
)
def test_an_unfit_rsync_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(DesktopUnfit, match=reason) as caught:
        check_desktop(read_version(text), desktop="bj-desktop")
    assert "bj-desktop" in str(caught.value)
    assert caught.value.hint

    with pytest.raises(ProgramMissing, match=reason):
        check_local(read_version(text))


@pytest.mark.parametrize(
    "text", [printed("3.2.7", 32), printed("v3.4.1", 32), printed("3.5.0pre1", 32), printed("3.10.0", 33)]
)
def test_a_fit_rsync_is_taken(text: str) -> None:
    assert check_desktop(read_version(text), desktop="bj-desktop").protocol >= 32


@pytest.mark.parametrize(
    ("version", "advised"), [((3, 2, 7), True), ((3, 5, 0), True), ((3, 5, 1), False), ((3, 10), False)]
)
def test_only_a_version_that_may_be_unmended_gets_advice(version: tuple[int, ...], advised: bool) -> None:
    text = advice(RsyncVersion(version=version, text=".".join(map(str, version)), protocol=32))

    assert bool(text and re.search("without a new number", text)) is advised


@pytest.mark.parametrize(
    ("here", "there", "common"),
    [
        (("xxh128", "md5"), ("md5", "xxh128"), "xxh128"),
        (("xxh128", "md5"), ("xxh64", "md5"), "md5"),
    ],
)
def test_the_best_common_checksum_is_chosen(here: tuple[str, ...], there: tuple[str, ...], common: str) -> None:
    version = RsyncVersion(version=(3, 5, 0), text="3.5.0", protocol=32)

    both = [RsyncVersion(**{**vars(version), "checksums": names}) for names in (here, there)]

    assert common_checksum(*both) == common


def test_no_common_checksum_is_said() -> None:
    local = RsyncVersion(version=(3, 5, 0), text="3.5.0", protocol=32, checksums=("xxh128",))
    remote = RsyncVersion(version=(3, 5, 0), text="3.5.0", protocol=32, checksums=("md4",))

    with pytest.raises(DesktopUnfit, match="md4"):
        common_checksum(local, remote)


@pytest.mark.parametrize(
    ("here", "there", "why"),
    [
        (((3, 5, 0), ("zstd", "lz4")), ((3, 2, 7), ("lz4", "zstd")), ""),
        (((3, 4, 3), ("zstd",)), ((3, 5, 0), ("zstd",)), ""),
        (((3, 4, 2), ("zstd",)), ((3, 5, 0), ("zstd",)), "the rsync on this Server, 3.4.2, is older than 3.4.3"),
        (((3, 5, 0), ("lz4", "zlib")), ((3, 5, 0), ("lz4", "zstd")), "the rsync on this Server, 3.5.0, does not know"),
        (((3, 5, 0), ("zstd",)), ((3, 2, 7), ("lz4", "zlib")), "the rsync on the Desktop, 3.2.7, does not know zstd"),
        (((3, 5, 0), ("zstd",)), ((3, 2, 7), ()), "the rsync on the Desktop, 3.2.7, does not know zstd"),
    ],
)
def test_zstd_is_for_two_rsyncs_that_know_it_where_unpacking_is_safe(
    here: tuple[tuple[int, ...], tuple[str, ...]], there: tuple[tuple[int, ...], tuple[str, ...]], why: str
) -> None:
    both = [
        RsyncVersion(version=version, text=".".join(map(str, version)), protocol=32, compressions=names)
        for version, names in (here, there)
    ]

    assert why_no_zstd(*both).startswith(why)
    assert bool(why_no_zstd(*both)) is bool(why)
