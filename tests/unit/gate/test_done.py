import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backupjump.gate.done import LAST_DONE, LAST_PUBLISHED, note_done
from backupjump.gate.grammar import Done


def read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text())
    return values


def test_a_published_run_is_remembered_as_both(tmp_path: Path) -> None:
    note_done(Done("warning", "r1", more=True), state=tmp_path)

    last = read(tmp_path / LAST_DONE)
    assert last == read(tmp_path / LAST_PUBLISHED)
    assert {**last, "at": ""} == {"schema": 1, "at": "", "status": "warning", "run_id": "r1", "more": True}
    assert abs((datetime.now(UTC) - datetime.fromisoformat(last["at"])).total_seconds()) < 60


def test_a_failed_run_does_not_make_the_published_one_younger(tmp_path: Path) -> None:
    note_done(Done("ok", "r1"), state=tmp_path)
    published = (tmp_path / LAST_PUBLISHED).read_bytes()

    note_done(Done("interrupted", "r2"), state=tmp_path)

    assert (tmp_path / LAST_PUBLISHED).read_bytes() == published
    assert read(tmp_path / LAST_DONE)["run_id"] == "r2"


def test_the_files_are_replaced_and_for_their_owner_alone(tmp_path: Path) -> None:
    note_done(Done("ok", "r1"), state=tmp_path)
    with (tmp_path / LAST_DONE).open() as old:
        note_done(Done("ok", "r2"), state=tmp_path)

        assert json.loads(old.read())["run_id"] == "r1"
    assert sorted(path.name for path in tmp_path.iterdir()) == [LAST_DONE, LAST_PUBLISHED]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}
