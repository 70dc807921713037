"""Snapshots: which there are, and which one a person means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from backupjump.errors import UsageError
from backupjump.run import Status
from backupjump.store.layout import JobFolder, read_id, snapshot_id
from backupjump.store.marks import Marks, write_marks
from backupjump.store.snapshots import (
    Snapshot,
    checked,
    find_snapshot,
    list_snapshots,
    newest_good,
    newest_usable,
    read_moment,
)
from store_world import a_few_files, make_store, take

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def snapshot(id_: str, status: Status = Status.OK, problem: str = "") -> Snapshot:
    when = read_id(id_)
    assert when is not None
    return Snapshot(id=id_, path=Path(), desktop="d", job="j", status=status, taken_at=when[0], problem=problem)


SNAPSHOTS = (
    snapshot("2026-11-18T02-30-00Z"),
    snapshot("2026-11-19T02-30-00Z", Status.WARNING),
    snapshot("2026-11-20T02-30-00Z", Status.SUSPECT),
    snapshot("2026-11-20T02-30-00Z-2"),
    snapshot("2026-11-22T02-30-00Z", problem="damaged"),
)


def write_meta(folder: JobFolder, id_: str, meta: object) -> None:
    path = folder.snapshots / id_
    path.mkdir(parents=True)
    (path / "meta.json").write_text(json.dumps(meta))


def meta(status: str = "ok", *, sequence: int = 0) -> dict[str, object]:
    return {
        "format": 1,
        "run": {"run_id": "r1", "status": status},
        "sequence": sequence,
        "sources": ["/home/me"],
        "counts": {"files_total": 3, "bytes_total": 30, "bytes_new": 10},
        "manifest": {"sha256": "ab", "entries": 3},
    }


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, "2026-11-20T02-30-00Z-2"),
        ("latest", "2026-11-20T02-30-00Z-2"),
        ("latest~0", "2026-11-20T02-30-00Z-2"),
        ("latest~1", "2026-11-19T02-30-00Z"),
        ("latest~2", "2026-11-18T02-30-00Z"),
        ("2026-11-20T02-30-00Z", "2026-11-20T02-30-00Z"),
        ("2026-11-22", "2026-11-22T02-30-00Z"),
        ("2026-11-18T", "2026-11-18T02-30-00Z"),
    ],
)
def test_a_snapshot_is_named_by_id_beginning_or_age(wanted: str | None, found: str) -> None:
    assert find_snapshot(SNAPSHOTS, wanted, now=NOW).id == found


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("latest~3", "latest~2"),
        ("2026-11-2", "write more of it"),
        ("2026-11-20T02", "2026-11-20T02-30-00Z-2"),
        ("2026-11-19T02-30-01Z", "did you mean 2026-11-19T02-30-00Z?"),
        ("newest", "backupjump snapshots"),
        ("", "backupjump snapshots"),
        ("../../etc", "backupjump snapshots"),
    ],
)
def test_a_name_that_fits_none_or_several_gets_a_hint(wanted: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_snapshot(SNAPSHOTS, wanted, now=NOW)

    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("1d", "2026-11-20T02-30-00Z-2"),
        ("3 days", "2026-11-19T02-30-00Z"),
        ("2026-11-19", "2026-11-19T02-30-00Z"),
        ("2026-11-20T02:29:59+00:00", "2026-11-19T02-30-00Z"),
        ("2026-11-20T03:30:00+01:00", "2026-11-20T02-30-00Z-2"),
    ],
)
def test_a_time_gives_the_newest_good_snapshot_that_is_not_younger(at: str, found: str) -> None:
    assert find_snapshot(SNAPSHOTS, None, at=at, now=NOW).id == found


@pytest.mark.parametrize("at", ["2026-11-17", "30d", "yesterday", "2026-13-40", "02:30", "99999999999999 days"])
def test_a_time_before_all_or_none_at_all_is_refused(at: str) -> None:
    with pytest.raises(UsageError):
        find_snapshot(SNAPSHOTS, None, at=at, now=NOW)


def test_a_day_ends_where_the_zone_says() -> None:
    moment = read_moment("2026-11-20", now=NOW, zone=ZoneInfo("Asia/Tokyo"))

    assert moment.astimezone(UTC) == datetime(2026, 11, 20, 14, 59, 59, tzinfo=UTC)


def test_a_name_and_a_time_at_once_are_refused() -> None:
    with pytest.raises(UsageError, match="not both"):
        find_snapshot(SNAPSHOTS, "latest", at="2d", now=NOW)


def test_with_no_good_snapshot_there_is_no_latest() -> None:
    assert newest_good(SNAPSHOTS[2:3]) is None
    with pytest.raises(UsageError, match="no good snapshot yet"):
        find_snapshot(SNAPSHOTS[2:3], None, now=NOW)


def test_snapshots_are_listed_oldest_first_and_the_tenth_of_a_second_after_the_second(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "d", "j")
    at = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
    ids = [snapshot_id(at, sequence=number) for number in range(1, 12)]
    for id_ in reversed(ids):
        write_meta(folder, id_, meta())

    listed = list_snapshots(folder)

    assert [found.id for found in listed] == ids
    assert (listed[0].files_total, listed[0].bytes_total, listed[0].bytes_new) == (3, 30, 10)
    assert listed[0].taken_at == at


def test_a_clock_that_was_set_back_mixes_up_no_snapshots(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "d", "j")
    published = ["2026-11-20T02-30-00Z", "2027-11-21T02-30-00Z", "2026-11-21T02-30-00Z", "2026-11-22T02-30-00Z"]
    for number, id_ in enumerate(published, start=1):
        write_meta(folder, id_, meta(sequence=number))

    listed = list_snapshots(folder)

    assert [found.id for found in listed] == published
    assert newest_good(listed) == listed[3]
    assert find_snapshot(listed, None, at="2026-11-21", now=NOW).id == "2026-11-21T02-30-00Z"


def test_snapshots_of_before_there_was_a_sequence_come_first_whatever_the_clock_said_then(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "d", "j")
    for id_ in ("2026-11-20T02-30-00Z", "2027-11-20T02-30-00Z"):
        write_meta(folder, id_, {name: value for name, value in meta().items() if name != "sequence"})
    write_meta(folder, "2026-11-21T02-30-00Z", meta(sequence=1))

    assert [found.id for found in list_snapshots(folder)] == [
        "2026-11-20T02-30-00Z",
        "2027-11-20T02-30-00Z",
        "2026-11-21T02-30-00Z",
    ]


def test_a_damaged_one_stays_where_its_id_puts_it_and_the_others_in_their_order(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "d", "j")
    ids = ["2027-11-20T02-30-00Z", "2026-11-19T02-30-00Z", "2026-11-20T02-30-00Z", "2026-11-21T02-30-00Z"]
    for number, id_ in enumerate(ids, start=1):
        write_meta(folder, id_, meta(sequence=number))
    (folder.snapshots / ids[2] / "meta.json").write_text("{")

    assert [found.id for found in list_snapshots(folder)] == [ids[0], ids[2], ids[1], ids[3]]


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_snapshot_whose_manifest_is_not_the_one_it_vouches_for_is_not_built_on(
    tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_store(tmp_path / "store")
    older, newer = (take(folder, a_few_files).snapshot for _ in range(2))
    whole = newer.manifest.read_bytes()
    newer.manifest.unlink()
    if damage is not None:
        newer.manifest.write_bytes(whole[:-1] + damage)

    listed = list_snapshots(folder)

    assert newest_usable(listed) == older
    assert "manifest.jsonl.zst is damaged" in caplog.text
    assert ["manifest" in checked(each).problem for each in listed] == [False, True]


def test_a_suspect_snapshot_is_good_once_someone_has_acked_it(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "d", "j")
    write_meta(folder, "2026-11-21T02-30-00Z", meta("suspect", sequence=1))
    write_meta(folder, "2026-11-22T02-30-00Z", meta("suspect", sequence=2))
    write_marks(folder, Marks(acks={"2026-11-21T02-30-00Z": NOW}))

    listed = list_snapshots(folder)

    assert [found.is_good for found in listed] == [True, False]
    assert [found.awaits_ack for found in listed] == [False, True]


def test_a_snapshot_knows_how_many_of_its_paths_a_verify_found_damaged(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "d", "j")
    write_meta(folder, "2026-11-21T02-30-00Z", meta(sequence=1))
    write_meta(folder, "2026-11-22T02-30-00Z", meta(sequence=2))
    write_marks(folder, Marks(damage={"2026-11-21T02-30-00Z": 3}))

    assert [found.damaged for found in list_snapshots(folder)] == [3, 0]


def test_with_damaged_marks_no_suspect_snapshot_counts_as_acked(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "d", "j")
    write_meta(folder, "2026-11-21T02-30-00Z", meta("suspect"))
    folder.marks.write_text("{")

    assert [found.awaits_ack for found in list_snapshots(folder)] == [True]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": 2}',
        b'{"format": 1}',
        b"\xff",
        b"[" * 100000,
        json.dumps(meta("odd")).encode(),
    ],
)
def test_a_damaged_meta_json_is_listed_as_damaged_and_is_never_good(tmp_path: Path, content: bytes) -> None:
    folder = JobFolder(tmp_path, "d", "j")
    write_meta(folder, "2026-11-21T02-30-00Z", meta())
    write_meta(folder, "2026-11-22T02-30-00Z", {})
    (folder.snapshots / "2026-11-22T02-30-00Z" / "meta.json").write_bytes(content)

    listed = list_snapshots(folder)

    assert [bool(found.problem) for found in listed] == [False, True]
    assert newest_good(listed) == listed[0]


def test_what_is_no_snapshot_is_passed_over(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "d", "j")
    for name in ("notes", "2026-11-22", "2026-99-22T02-30-00Z", "2026-11-22T02-30-00Z-0", ".hidden"):
        (folder.snapshots / name).mkdir(parents=True)

    assert list_snapshots(folder) == ()


def test_a_job_that_never_ran_has_no_snapshots(tmp_path: Path) -> None:
    assert list_snapshots(JobFolder(tmp_path, "d", "j")) == ()
