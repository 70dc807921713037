"""marks.json: what it says is kept, whatever else is in it; a damaged one is never taken for an empty one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupjump.errors import StoreError
from backupjump.store.layout import JobFolder
from backupjump.store.marks import Hold, Marks, read_marks, write_marks

AT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
ID, OTHER = "2026-11-20T02-30-00Z", "2026-11-21T02-30-00Z"
MARKS = Marks(
    holds={ID: Hold(until=AT, note="taxes, \u202e and \n"), OTHER: Hold()},
    acks={ID: AT},
    verified_at={OTHER: AT},
    damage={ID: 3},
    parts_at={ID: AT, "17": AT},
    drilled_at=AT,
)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    made = JobFolder(tmp_path, "desktop", "nightly")
    made.make()
    return made


def test_a_job_without_the_file_has_no_marks(folder: JobFolder) -> None:
    assert read_marks(folder) == Marks()
    assert read_marks(JobFolder(folder.store, "never", "ran")) == Marks()


def test_what_is_written_is_read_again(folder: JobFolder) -> None:
    write_marks(folder, MARKS)

    assert read_marks(folder) == MARKS
    assert {path.name for path in folder.path.iterdir()} == {"marks.json", "snapshots", "work", "trash"}


def test_the_marks_of_an_older_version_know_of_no_damage(folder: JobFolder) -> None:
    folder.marks.write_text('{"format": 1, "holds": {}, "acks": {}, "verified_at": {}}')

    assert read_marks(folder) == Marks()


def test_keys_of_a_newer_version_are_kept(folder: JobFolder) -> None:
    values = MARKS.to_json() | {"colours": {ID: "red"}}
    values["holds"][ID]["by"] = "me"
    folder.marks.write_text(json.dumps(values))

    write_marks(folder, read_marks(folder).held(OTHER, Hold(note="new")))

    written = json.loads(folder.marks.read_text())
    assert written["colours"] == {ID: "red"}
    assert written["holds"] == {
        ID: {"by": "me", "until": "2026-11-22T02:30:00Z", "note": "taxes, \u202e and \n"},
        OTHER: {"until": None, "note": "new"},
    }


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"format": 1, "holds": [], "acks": {}, "verified_at": {}}',
        '{"format": 1, "holds": {"a": 1}, "acks": {}, "verified_at": {}}',
        '{"format": 1, "holds": {"a": {"until": "soon"}}, "acks": {}, "verified_at": {}}',
        '{"format": 1, "holds": {"a": {"until": "2026-11-22T02:30:00"}}, "acks": {}, "verified_at": {}}',
        '{"format": 1, "holds": {}, "acks": {"a": 7}, "verified_at": {}}',
        '{"format": 1, "holds": {}, "acks": {}, "verified_at": {}, "damage": {"a": "some"}}',
        '{"format": 1, "holds": {}, "acks": {}, "verified_at": {}, "drilled_at": "today"}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(folder: JobFolder, content: str) -> None:
    folder.marks.write_text(content)

    with pytest.raises(StoreError, match=r"marks\.json is damaged"):
        read_marks(folder)


def test_a_newer_format_is_refused(folder: JobFolder) -> None:
    folder.marks.write_text('{"format": 2}')

    with pytest.raises(StoreError, match="format 2, this program knows up to 1"):
        read_marks(folder)


def test_a_file_that_can_t_be_replaced_leaves_the_older_marks(folder: JobFolder) -> None:
    write_marks(folder, MARKS)
    (folder.path / ".marks.json.new").mkdir()

    with pytest.raises(StoreError, match=r"marks\.json can't be written"):
        write_marks(folder, Marks())

    assert read_marks(folder) == MARKS


def test_what_a_crash_left_half_written_is_not_in_the_way(folder: JobFolder) -> None:
    (folder.path / ".marks.json.new").write_text("{")

    write_marks(folder, MARKS)

    assert read_marks(folder) == MARKS


def test_a_link_that_lies_in_wait_is_not_written_through(folder: JobFolder, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (folder.path / ".marks.json.new").symlink_to(target)

    write_marks(folder, MARKS)

    assert target.read_text() == "mine"


def test_a_hold_lasts_until_its_end_and_without_one_for_good() -> None:
    assert Hold(until=AT).lasts(AT)
    assert not Hold(until=AT).lasts(AT + timedelta(seconds=1))
    assert Hold().lasts(AT + timedelta(days=36_500))


def test_marks_go_with_their_snapshot() -> None:
    left = Marks(holds={OTHER: Hold()}, verified_at={OTHER: AT}, parts_at={"17": AT}, drilled_at=AT)
    assert MARKS.without([ID]) == left
    assert MARKS.released(OTHER).holds == {ID: MARKS.holds[ID]}
