"""When a run is suspect: what counts as lost, from where on, and what never does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.models import Gates
from backupjump.store.manifest import Entry
from backupjump.store.suspicion import Comparison, Lost, Paths, covered, suspicion

GATES = Gates()
SINCE = "2026-11-20T02-30-00Z"
GOLDEN = Path(__file__).parents[2] / "golden" / "suspicion.txt"


def entry(path: bytes, content: str | None, *, mtime_ns: int = 1, mode: int = 0o644, size: int = 10) -> Entry:
    return Entry(
        path=path, type="file", mode=mode, uid=0, gid=0, size=size, mtime_ns=mtime_ns, ino=1,
        hash=content if content is None or ":" in content else f"xxh128:{content}",
    )  # fmt: skip


def lost(before: Mapping[bytes, Entry], now: Mapping[bytes, Entry]) -> Lost:
    comparison = Comparison()
    for path in sorted({*before, *now}):
        comparison.see(now.get(path), before.get(path))
    return comparison.lost()


def tree(contents: Mapping[bytes, str]) -> dict[bytes, Entry]:
    return {path: entry(path, content) for path, content in contents.items()}


def judged(found: Lost, *, good_runs: int = 3, gates: Gates = GATES, files_before: int | None = None) -> str | None:
    before = found.files_before if files_before is None else files_before
    return suspicion(found, gates, good_runs=good_runs, files_before=before, since=SINCE)


CONTENTS = st.dictionaries(
    st.binary(min_size=1, max_size=3), st.text(alphabet="abcdef0123456789", min_size=1, max_size=2), max_size=30
)


@given(CONTENTS, st.randoms())
def test_whatever_is_renamed_nothing_is_lost(contents: dict[bytes, str], chance: object) -> None:
    names = list(contents)
    chance.shuffle(names)  # type: ignore[attr-defined]
    moved = dict(zip(names, contents.values(), strict=True))
    elsewhere = {b"new/" + path: content for path, content in contents.items()}

    for now in (moved, elsewhere):
        found = lost(tree(contents), tree(now))

        assert (found.changed, found.deleted) == (0, 0)
        assert found.files_before == found.files_now == len(contents)


@given(CONTENTS, st.booleans())
def test_encryption_loses_every_file_in_place_or_under_new_names(contents: dict[bytes, str], in_place: bool) -> None:
    suffix = b"" if in_place else b".locked"
    now = {path + suffix: f"encrypted {content} {path.hex()}" for path, content in contents.items()}

    found = lost(tree(contents), tree(now))

    renamed_onto = len(contents.keys() & now.keys())
    assert found.changed == renamed_onto
    assert found.deleted == len(contents) - renamed_onto


@given(CONTENTS, st.integers(0, 0o777), st.integers())
def test_what_is_only_metadata_loses_nothing(contents: dict[bytes, str], mode: int, mtime_ns: int) -> None:
    before = tree(contents)
    now = {path: replace(each, mode=mode, uid=7, gid=7, mtime_ns=mtime_ns, xattrs="x") for path, each in before.items()}

    assert lost(before, now) == Lost(files_before=len(before), files_now=len(before))


@given(CONTENTS, CONTENTS)
def test_what_is_lost_is_what_is_there_no_more_each_file_once(before: dict[bytes, str], now: dict[bytes, str]) -> None:
    found = lost(tree(before), tree(now))

    kept = sum(before.get(path) == content for path, content in now.items())
    gone = [before[path] for path in before if now.get(path) != before[path]]
    came = [now[path] for path in now if before.get(path) != now[path]]
    moved = sum(min(gone.count(content), came.count(content)) for content in set(gone))
    assert found.changed + found.deleted == len(gone) - moved
    assert found.changed <= sum(path in now and now[path] != before[path] for path in before)
    assert found.deleted <= sum(path not in now for path in before)
    assert (found.files_before, found.files_now) == (kept + len(gone), len(now))


@pytest.mark.parametrize(
    ("before", "now", "changed", "deleted"),
    [
        # Hashes of another algorithm, or none, can't be compared: size and time stand in for them.
        ({b"a": entry(b"a", "md5:1")}, {b"a": entry(b"a", "xxh128:2")}, 0, 0),
        ({b"a": entry(b"a", "md5:1")}, {b"a": entry(b"a", "xxh128:2", mtime_ns=2)}, 1, 0),
        ({b"a": entry(b"a", "md5:1")}, {b"b": entry(b"b", "xxh128:2")}, 0, 0),
        ({b"a": entry(b"a", "md5:1")}, {b"b": entry(b"b", "xxh128:2", size=11)}, 0, 1),
        ({b"a": entry(b"a", None)}, {b"b": entry(b"b", None)}, 0, 0),
        ({b"a": entry(b"a", None)}, {b"a": entry(b"a", None, mtime_ns=2)}, 1, 0),
        # One that came stands for one that went, not for two.
        ({b"a": entry(b"a", "1"), b"b": entry(b"b", "1")}, {b"c": entry(b"c", "1")}, 0, 1),
        ({b"a": entry(b"a", "md5:1"), b"b": entry(b"b", "1")}, {b"c": entry(b"c", "1")}, 0, 1),
        # With equal hashes, size and time are of no interest, and with others they prove nothing.
        ({b"a": entry(b"a", "1")}, {b"b": entry(b"b", "1", mtime_ns=9)}, 0, 0),
        ({b"a": entry(b"a", "1")}, {b"b": entry(b"b", "2")}, 0, 1),
        # A copy that was made before the change saves the content.
        ({b"a": entry(b"a", "1")}, {b"a": entry(b"a", "2"), b"a~": entry(b"a~", "1")}, 0, 0),
        # Regular files alone count.
        ({b"a": replace(entry(b"a", None), type="symlink")}, {}, 0, 0),
        ({b"a": entry(b"a", "1")}, {b"a": replace(entry(b"a", None), type="symlink")}, 0, 1),
        ({b"a": replace(entry(b"a", None), type="dir")}, {b"a": entry(b"a", "1")}, 0, 0),
    ],
)
def test_what_counts_as_lost(before: dict[bytes, Entry], now: dict[bytes, Entry], changed: int, deleted: int) -> None:
    found = lost(before, now)

    assert (found.changed, found.deleted) == (changed, deleted)


TABLE = [
    ("nothing lost", Lost(files_before=1000, files_now=1000), {}),
    ("a quarter deleted", Lost(files_before=1000, files_now=750, deleted=250), {}),
    ("more than a quarter deleted", Lost(files_before=1000, files_now=749, deleted=251), {}),
    ("half changed", Lost(files_before=1000, files_now=1000, changed=500), {}),
    ("more than half changed", Lost(files_before=9800, files_now=9800, changed=5100), {}),
    ("both", Lost(files_before=1000, files_now=600, changed=600, deleted=400), {}),
    ("200 files are too few for a share", Lost(files_before=200, files_now=1, deleted=199), {}),
    ("201 files are not", Lost(files_before=201, files_now=1, deleted=200), {}),
    ("no file at all, of a few", Lost(files_before=3, files_now=0, deleted=3), {}),
    ("no file, as before", Lost(files_before=0, files_now=0), {}),
    ("before the third good run", Lost(files_before=1000, files_now=0, deleted=1000), {"good_runs": 2}),
    ("fewer than min_files", Lost(files_before=150, files_now=99), {"gates": Gates(min_files=100)}),
    ("as few as min_files", Lost(files_before=150, files_now=100), {"gates": Gates(min_files=100)}),
    ("as few as someone acked", Lost(files_before=90, files_now=90), {"gates": Gates(min_files=100)}),
    ("other limits", Lost(files_before=1000, files_now=1000, changed=31), {"gates": Gates(max_changed="3%")}),
    ("nothing known but the number", Lost(files_before=0, files_now=0), {"files_before": 500}),
]


def test_each_reason_is_told_with_numbers() -> None:
    told = "".join(f"{name}\n    {judged(found, **more)}\n" for name, found, more in TABLE)  # type: ignore[arg-type]

    assert told == GOLDEN.read_text()


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10))
def test_no_run_is_suspect_before_the_third_good_one_and_losing_more_never_helps(
    files: int, changed: int, deleted: int, more: int
) -> None:
    found = Lost(files_before=files, files_now=files, changed=changed, deleted=deleted)
    worse = replace(found, changed=changed + more, deleted=deleted + more)

    assert judged(found, good_runs=2) is None
    assert judged(found) is None or judged(worse) is not None


def test_a_path_is_covered_by_a_source_at_or_above_it() -> None:
    assert covered(b"home/me/x", [b"home/me"])
    assert covered(b"home/me", [b"srv", b"home/me"])
    assert covered(b"etc", [b""])
    assert not covered(b"home/meg/x", [b"home/me"])
    assert not covered(b"home/me/x", [])


@given(st.sets(st.binary(max_size=4)), st.sets(st.binary(max_size=4)))
def test_many_paths_are_remembered(some: set[bytes], others: set[bytes]) -> None:
    paths = Paths()
    for path in some:
        paths.add(path)

    assert {path for path in some | others if path in paths} == some


def test_the_golden_text_names_every_limit() -> None:
    assert set(re.findall(r"(max_\w+|min_\w+) is", GOLDEN.read_text())) == {"max_deleted", "max_changed", "min_files"}
