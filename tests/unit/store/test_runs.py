"""The runs beside the snapshots: append-only, and readable whatever a crash left."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump import process
from backupjump.errors import StoreError
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.runs import append_run, read_runs, runs_after
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


HALF_A_LINE = """
import resource, sys
from pathlib import Path
from store_world import RUN
from backupjump.store.layout import JobFolder
from backupjump.store.runs import append_run

resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
append_run(JobFolder(Path(sys.argv[1]), "desktop", "nightly"), RUN)
"""


def test_a_line_of_which_only_a_part_fits_is_told_of(folder: JobFolder) -> None:
    python_path = f"{Path(__file__).parents[2]}:{Path(__file__).parents[3]}"

    done = process.run(
        [sys.executable, "-c", HALF_A_LINE, str(folder.store)], timeout=60, environment={"PYTHONPATH": python_path}
    )

    assert folder.runs.stat().st_size == 200
    assert b"StoreFull: the run can't be noted in" in done.stderr


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


def test_behind_a_mark_come_only_the_runs_that_were_added_since(folder: JobFolder) -> None:
    append_run(folder, replace(RUN, run_id="first"))
    first, mark = runs_after(folder, "")
    append_run(folder, replace(RUN, run_id="second"))

    second, next_mark = runs_after(folder, mark)

    assert [run.run_id for run in (*first, *second)] == ["first", "second"]
    assert runs_after(folder, next_mark) == ((), next_mark)


def test_a_line_that_is_still_being_written_is_read_again_when_it_is_whole(folder: JobFolder) -> None:
    append_run(folder, RUN)
    append_run(folder, replace(RUN, run_id="cut"))
    whole = folder.runs.read_bytes()
    folder.runs.write_bytes(whole[:-40])
    _, mark = runs_after(folder, "")
    folder.runs.write_bytes(whole)

    later, _ = runs_after(folder, mark)

    assert [run.run_id for run in later] == ["cut"]


@pytest.mark.parametrize("mark", ["", "1:5", "nonsense", ":", "INODE:", "INODE:-3", "INODE:x", "INODE:7", "INODE:0"])
def test_with_a_mark_of_another_file_all_runs_come(folder: JobFolder, mark: str) -> None:
    append_run(folder, RUN)

    assert runs_after(folder, mark.replace("INODE", str(folder.runs.stat().st_ino)))[0] == (RUN,)


def test_a_file_that_has_become_shorter_is_read_from_its_start(folder: JobFolder) -> None:
    append_run(folder, RUN)
    append_run(folder, replace(RUN, run_id="second"))
    _, mark = runs_after(folder, "")
    folder.runs.write_bytes(folder.runs.read_bytes().splitlines(keepends=True)[0])

    assert runs_after(folder, mark)[0] == (RUN,)
