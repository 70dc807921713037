from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backupjump.errors import BackupjumpError, SourceMissing, TunnelNotOpen
from backupjump.operations.report import report_on
from backupjump.run import Run, Status

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
    bytes_received=1500,
)


def failed(error: BackupjumpError) -> Run:
    return replace(GOOD, snapshot=None).with_error(error, ended_at=GOOD.ended_at)


def test_a_good_run_is_one_line_with_its_snapshot_and_counts() -> None:
    report = report_on(GOOD)

    (line,) = report.lines
    assert line.startswith(
        "nightly: ok, snapshot 2026-11-22T02-30-00Z: 10 files, 1 new, 0 changed, 0 deleted, 9 linked"
    )
    assert line.endswith("1.5 kB received in 60 s")
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
