"""The runs beside the snapshots: append-only, and readable whatever a crash left."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.errors import StoreError
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.runs import append_run, read_runs
from store_world import RUN, make_store


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = make_store(tmp_path / "store")
    with locked(folder):
        return folder


def test_runs_come_back_oldest_first(folder: JobFolder) -> None:
    runs = tuple(replace(RUN, run_id=f"r{number}", warnings=("a\nb \u202e",)) for number in range(3))

    for run in runs:
        append_run(folder, run)

    assert read_runs(folder) == runs
    assert folder.runs.read_bytes().count(b"\n") == 3
    assert folder.runs.stat().st_mode & 0o777 == 0o600


def test_a_line_cut_short_by_a_crash_costs_only_itself(folder: JobFolder, caplog: pytest.LogCaptureFixture) -> None:
    append_run(folder, RUN)
    append_run(folder, RUN)
    folder.runs.write_bytes(folder.runs.read_bytes()[:-40])

    append_run(folder, replace(RUN, run_id="after"))

    with caplog.at_level(logging.WARNING):
        assert [run.run_id for run in read_runs(folder)] == ["r1", "after"]
    assert "line 2 is not a run" in caplog.text


@pytest.mark.parametrize("line", [b"{}", b"[]", b"1", b"\xff", b"[" * 100000, b""])
def test_a_line_that_is_no_run_is_passed_over(folder: JobFolder, line: bytes) -> None:
    folder.runs.write_bytes(line + b"\n")
    append_run(folder, RUN)

    assert read_runs(folder) == (RUN,)


def test_a_job_that_never_ran_has_no_runs(tmp_path: Path) -> None:
    assert read_runs(make_store(tmp_path)) == ()


def test_no_folder_is_made_for_a_run_where_the_disk_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be noted"):
        append_run(JobFolder(tmp_path, "desktop", "nightly"), RUN)

    assert list(tmp_path.iterdir()) == []
