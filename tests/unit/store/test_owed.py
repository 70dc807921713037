from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupjump.store.layout import JobFolder
from backupjump.store.owed import Owed, read_owed, write_owed

OWED = Owed(run_id="r", since=datetime(2026, 11, 22, 12, tzinfo=UTC), hooks=("thaw", "start"), tries=2)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path, "desktop", "nightly")
    folder.make()
    return folder


def test_what_is_owed_is_there_until_nothing_is(folder: JobFolder) -> None:
    nothing = read_owed(folder)
    write_owed(folder, OWED)
    found = read_owed(folder)
    write_owed(folder, Owed(run_id="r", since=OWED.since, hooks=()))

    assert (nothing, found, read_owed(folder)) == (None, OWED, None)
    assert sorted(path.name for path in folder.path.iterdir()) == ["snapshots", "trash", "work"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", '{"schema": 1, "run_id": 1, "since": "x", "tries": 0, "hooks": []}', "[" * 9999]
)
def test_a_damaged_file_stops_no_run_and_is_told_of(
    folder: JobFolder, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder.path / "owed-hooks.json").write_text(content)

    assert read_owed(folder) is None
    assert "owed-hooks.json can't be read" in caplog.text
