from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backupjump.errors import BackupjumpError, SourceMissing, TunnelNotOpen
from backupjump.operations.remarks import about_copies, about_room
from backupjump.operations.report import report_on
from backupjump.run import Counts, Run, RunError, Status

GOOD = Run(
    run_id="r",
    job="nightly",
    desktop="desktop",
    route="proxyjump",
    status=Status.OK,
    exit_code=0,
    snapshot="2026-11-22T02-30-00Z",
    started_at=datetime(2026, 11, 22, 2, 30, tzinfo=UTC),
    ended_at=datetime(2026, 11, 22, 2, 31, tzinfo=UTC),
    attempts=1,
    files_total=10,
    files_linked=9,
    files_new=1,
    bytes_new=2_000_000,
    bytes_linked=48_000_000_000,
    bytes_received=1500,
)


def failed(error: BackupjumpError) -> Run:
    return replace(GOOD, snapshot=None).with_error(error, ended_at=GOOD.ended_at)


def test_a_good_run_is_one_line_with_its_snapshot_and_counts() -> None:
    report = report_on(GOOD)

    (line,) = report.lines
    assert line.startswith(
        "nightly: ok, snapshot 2026-11-22T02-30-00Z: 10 files, 1 new, 0 changed, 0 deleted, 9 linked (90 %)"
    )
    assert line.endswith("2.0 MB new, 48 GB shared, 1.5 kB received in 60 s")
    assert not report.needs_telling


def test_a_failure_says_what_happened_and_what_to_type_next() -> None:
    report = report_on(failed(SourceMissing("source /x is gone", hint="mount it")))

    assert report.lines == ("nightly: failed after 60 s (exit 1)", "  source /x is gone", "  hint: mount it")
    assert report.needs_telling


def test_an_absent_desktop_is_nothing_to_mail() -> None:
    assert not report_on(failed(TunnelNotOpen("closed"))).needs_telling


@pytest.mark.parametrize("count", [5, 50])
def test_however_many_warnings_there_are_five_lines_are_enough(count: int) -> None:
    run = replace(GOOD, status=Status.WARNING, exit_code=3, warnings=tuple(f"unreadable: /f{n}" for n in range(count)))

    report = report_on(run)

    assert len(report.lines) == 5
    assert report.lines[-1].strip() == f"and {count - 3} more: backupjump history nightly --json"
    assert report.needs_telling


def test_the_hint_of_a_long_error_is_never_cut_off() -> None:
    report = report_on(failed(SourceMissing("one\ntwo\nthree\nfour\nfive", hint="do this")))

    assert len(report.lines) == 5
    assert report.lines[-1] == "  hint: do this"


def suspect(code: str, *warnings: str) -> Run:
    error = RunError(code=code, message="400 of 1,000 files are gone", hint="backupjump ack nightly")
    return replace(GOOD, status=Status.SUSPECT, exit_code=5, error=error, warnings=warnings)


def test_a_suspect_run_is_told_once_and_those_after_it_are_not() -> None:
    first, later = report_on(suspect("suspect")), report_on(suspect("still-suspect"))

    assert (first.needs_telling, first.exit_code) == (True, 5)
    assert (later.needs_telling, later.exit_code) == (False, 5)
    assert first.lines[1:] == ("  400 of 1,000 files are gone", "  hint: backupjump ack nightly")


def test_a_store_that_fills_up_while_nothing_is_pruned_is_told_whatever_the_run_came_to() -> None:
    (little_room,) = about_room("nightly", free_bytes=9_900_000, total_bytes=100_000_000)

    assert little_room == (
        "the store fills up while pruning is frozen: 9.9 MB of 100 MB are free, "
        "and old snapshots of nightly stay until: backupjump ack nightly"
    )
    assert about_room("nightly", free_bytes=10_000_000, total_bytes=100_000_000) == ()
    assert report_on(suspect("still-suspect", little_room)).needs_telling
    assert report_on(replace(GOOD, warnings=(little_room,))).needs_telling


@pytest.mark.parametrize(
    ("files", "copied_bytes", "total_bytes", "told"),
    [
        (3, 9_999_999, 10_000_000, False),
        (3, 10_000_000, 200_000_001, False),
        (4120, 10_000_000, 200_000_000, True),
        (0, 0, 0, False),
    ],
)
def test_files_that_were_stored_twice_are_told_of_where_it_costs_much(
    files: int, copied_bytes: int, total_bytes: int, told: bool
) -> None:
    counts = Counts(files_copied=files, bytes_copied=copied_bytes, bytes_total=total_bytes)

    assert bool(about_copies(counts, why="owner")) == told


def test_files_that_were_stored_twice_are_told_of_with_the_reason() -> None:
    counts = Counts(files_copied=4120, bytes_copied=20_000_000_000, bytes_total=21_000_000_000)

    assert about_copies(counts, why="owner") == (
        "4,120 files were stored again with the same content, 20 GB: mostly because the owner changed (chown -R?)",
    )
    assert "links" in about_copies(counts, why="nothing")[0]
