"""Snapshots: which there are, in what order, and which can be built on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupjump.store.find import find_snapshot
from backupjump.store.layout import JobFolder, snapshot_id
from backupjump.store.marks import Marks, write_marks
from backupjump.store.snapshots import checked, list_snapshots, newest_good, newest_usable
from store_world import a_few_files, make_store, take

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


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
