from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupjump.config.models import Ownership
from backupjump.operations.restore_copy import copy_argv, differing
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


def words(marker: Marker, *, as_root: bool) -> list[str | bytes]:
    argv = copy_argv(Path("/store/tree"), Path("/to"), marker=marker, as_root=as_root)
    assert argv[0] == "rsync"
    assert argv[-3:] == ("--", b"/store/tree/", b"/to/")
    return list(argv[1:-3])


@pytest.mark.parametrize(
    ("ownership", "as_root", "expected"),
    [
        (Ownership.NATIVE, True, ["-aHS", "--numeric-ids", "-A", "-X"]),
        (Ownership.NATIVE, False, ["-aHS", "--numeric-ids", "-A", "-X"]),
        (Ownership.FAKE_SUPER, True, ["-aHS", "--numeric-ids", "-A", "-X", "--fake-super", "-M--super"]),
        (Ownership.FAKE_SUPER, False, ["-aHS", "--numeric-ids", "-A", "-X", "--fake-super", "-M--no-super"]),
        (Ownership.PLAIN, True, ["-aHS", "--no-owner", "--no-group"]),
    ],
)
def test_what_is_kept_follows_how_the_store_keeps_owners(
    ownership: Ownership, as_root: bool, expected: list[str]
) -> None:
    found = words(replace(MARKER, ownership=ownership), as_root=as_root)

    assert found == [*expected, *LIST, "--modify-window=-1"]


def test_what_the_store_can_t_keep_is_not_asked_for() -> None:
    found = words(replace(MARKER, acls=False, xattrs=False, nanoseconds=False), as_root=True)

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
