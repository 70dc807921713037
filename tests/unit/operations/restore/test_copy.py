from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupjump.config.models import Ownership
from backupjump.operations.restore.copy import copy_argv, differing
from backupjump.store.marker import Marker

MARKER = Marker(
    format=1,
    uuid="u",
    timezone="UTC",
    ownership=Ownership.NATIVE,
    hard_links=True,
    xattrs=True,
    acls=True,
    nanoseconds=True,
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
)
LIST = ["--dirs", "--files-from=-", "--from0", "--no-implied-dirs"]


def words(marker: Marker) -> list[str | bytes]:
    argv = copy_argv(Path("/store/tree"), Path("/to"), marker=marker)
    assert argv[0] == "rsync"
    assert argv[-3:] == ("--", b"/store/tree/", b"/to/")
    return list(argv[1:-3])


@pytest.mark.parametrize(
    ("ownership", "expected"),
    [
        (Ownership.NATIVE, ["-aHS", "--numeric-ids", "-A", "-X"]),
        (Ownership.PLAIN, ["-aHS", "--no-owner", "--no-group"]),
    ],
)
def test_what_is_kept_follows_how_the_store_keeps_owners(ownership: Ownership, expected: list[str]) -> None:
    found = words(replace(MARKER, ownership=ownership))

    assert found == [*expected, *LIST, "--modify-window=-1"]


def test_a_fake_super_store_is_read_as_by_a_remote_end_so_that_the_target_is_real() -> None:
    marker = replace(MARKER, ownership=Ownership.FAKE_SUPER)

    argv = copy_argv(Path("/a store*/tree"), Path("/to"), marker=marker)

    assert argv[1:8] == ("-aHS", "--numeric-ids", "-A", "-X", "-s", "-M--fake-super", "--rsh=env")
    assert argv[-3:] == ("--", rb"LC_ALL=C:/a store\*/tree/", b"/to/")


def test_what_the_store_can_t_keep_is_not_asked_for() -> None:
    found = words(replace(MARKER, acls=False, xattrs=False, nanoseconds=False))

    assert found == ["-aHS", "--numeric-ids", *LIST]


def test_names_in_rsync_s_list_of_differences_come_back_byte_for_byte() -> None:
    printed = [
        rb">fc........ plain",
        rb".f...p..... \#012new\#377 \#134#012",
        rb"cLc........  leading blank",
        rb".f........x x",
        rb'skipping non-regular file "device"',
        rb"        32,768 100%    0.00kB/s    0:00:00",
    ]

    assert differing(printed) == {b"plain", b"\nnew\xff \\#012", b" leading blank", b"x"}
