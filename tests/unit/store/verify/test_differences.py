"""What counts as damage, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backupjump.config.models import Ownership
from backupjump.store.manifest import Entry
from backupjump.store.verify.differences import Kind, Rules, differences
from store_world import MARKER

FILE = Entry(
    path=b"home/me/a",
    type="file",
    mode=0o640,
    uid=1000,
    gid=100,
    size=7,
    mtime_ns=1_600_000_000_123_456_789,
    ino=5,
    xattrs="sha256:ab",
    hash="xxh128:cd",
)
LINK = replace(FILE, type="symlink", target=b"there", hash=None, mode=0o777)
DEVICE = replace(FILE, type="char", rdev=(1, 3), hash=None, size=0)
NATIVE = Rules.of(MARKER)
PLAIN = Rules.of(replace(MARKER, ownership=Ownership.PLAIN, xattrs=False))


@pytest.mark.parametrize(
    ("entry", "changes", "kinds", "what"),
    [
        (FILE, {"mode": 0o600}, [Kind.METADATA], "mode is 0600, was 0640"),
        (FILE, {"mode": 0o4640}, [Kind.METADATA], "mode is 4640, was 0640"),
        (FILE, {"uid": 0}, [Kind.METADATA], "owner is 0:100, was 1000:100"),
        (FILE, {"mtime_ns": 1_600_000_000_123_456_788}, [Kind.METADATA], "mtime is 1600000000.123456788"),
        (FILE, {"xattrs": None}, [Kind.METADATA], "extended attributes"),
        (FILE, {"size": 6}, [Kind.CONTENT], "size is 6, was 7"),
        (FILE, {"size": 6, "mode": 0}, [Kind.CONTENT, Kind.METADATA], "mode is 0000"),
        (FILE, {"type": "dir", "mode": 0o755}, [Kind.TYPE], "is a dir, was a file"),
        (LINK, {"target": b"\x1b[31m"}, [Kind.CONTENT], "points to"),
        (DEVICE, {"rdev": (1, 5)}, [Kind.CONTENT], "is device (1, 5), was (1, 3)"),
    ],
)
def test_a_difference_is_named(entry: Entry, changes: dict[str, object], kinds: list[Kind], what: str) -> None:
    problems = differences(entry, replace(entry, hash=None, **changes), NATIVE)  # type: ignore[arg-type]

    assert [problem.kind for problem in problems] == kinds
    assert what in " ".join(problem.what for problem in problems)
    assert "\x1b" not in problems[0].what


@pytest.mark.parametrize(
    ("entry", "changes", "rules"),
    [
        (FILE, {}, NATIVE),
        (FILE, {"ino": 99}, NATIVE),
        (LINK, {"mode": 0o755}, NATIVE),
        (FILE, {"uid": 0, "gid": 0, "xattrs": None}, PLAIN),
        (FILE, {"mtime_ns": 1_600_000_000_000_000_000}, replace(NATIVE, nanoseconds=False)),
        (FILE, {"xattrs": None}, replace(NATIVE, xattrs=False)),
    ],
)
def test_what_a_store_can_t_keep_is_no_damage(entry: Entry, changes: dict[str, object], rules: Rules) -> None:
    assert differences(entry, replace(entry, hash=None, **changes), rules) == ()  # type: ignore[arg-type]
