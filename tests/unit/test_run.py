from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from backupjump.errors import BackupjumpError, Stopped, TunnelNotOpen
from backupjump.run import Run, Status, exit_code_of, mtime_at, worst_exit_code

STARTED = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
ENDED = datetime(2026, 11, 22, 2, 31, tzinfo=UTC)
GOOD = Run(
    run_id="20261122T023000Z-abc123",
    job="nightly",
    desktop="desktop",
    route="proxyjump",
    status=Status.OK,
    exit_code=0,
    snapshot="2026-11-22T02-30-00Z",
    started_at=STARTED,
    ended_at=ENDED,
    attempts=1,
)


def test_the_keys_of_a_run_as_json_are_the_documented_ones_in_their_order() -> None:
    assert list(GOOD.to_json()) == [
        "schema",
        "run_id",
        "job",
        "desktop",
        "route",
        "status",
        "exit_code",
        "snapshot",
        "started_at",
        "ended_at",
        "attempts",
        "files_total",
        "bytes_total",
        "files_new",
        "files_changed",
        "files_deleted",
        "files_linked",
        "bytes_new",
        "bytes_linked",
        "bytes_received",
        "store_free_bytes",
        "warnings",
        "error",
        "jump_node",
    ]


def test_times_are_rfc_3339_in_utc() -> None:
    assert GOOD.to_json()["started_at"] == "2026-11-22T02:30:00Z"


@pytest.mark.parametrize(
    "run",
    [GOOD, replace(GOOD, warnings=("one", "two"), status=Status.WARNING, exit_code=3)]
    + [GOOD.with_error(error, ended_at=ENDED) for error in (TunnelNotOpen("closed", hint="open it"), Stopped(15))],
)
def test_a_run_that_was_written_reads_back_equal(run: Run) -> None:
    assert Run.from_json(run.to_json()) == run


@pytest.mark.parametrize("missing", ["run_id", "status", "started_at", "error"])
def test_a_run_without_one_of_its_keys_is_not_a_run(missing: str) -> None:
    values = GOOD.to_json()
    del values[missing]

    with pytest.raises(ValueError):
        Run.from_json(values)


def test_a_run_that_an_older_version_wrote_has_the_defaults_of_later_keys() -> None:
    values = {name: value for name, value in GOOD.to_json().items() if name not in ("bytes_received", "files_linked")}

    assert Run.from_json(values) == replace(GOOD, bytes_received=0, files_linked=0)


def test_an_error_gives_the_run_its_status_its_code_and_its_hint() -> None:
    run = GOOD.with_error(TunnelNotOpen("closed", hint="open it"), ended_at=ENDED)

    assert (run.status, run.exit_code) == (Status.AWAY, 75)
    assert run.error is not None
    assert (run.error.code, run.error.message, run.error.hint) == ("tunnel-not-open", "closed", "open it")


def test_a_signal_gives_the_run_128_and_its_number() -> None:
    run = GOOD.with_error(Stopped(15), ended_at=ENDED)

    assert (run.status, run.exit_code) == (Status.INTERRUPTED, 143)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("ok", 0),
        ("warning", 3),
        ("suspect", 5),
        ("failed", 1),
        ("away", 75),
        ("deferred", 75),
        ("interrupted", 75),
        ("locked", 11),
        ("not-due", 0),
    ],
)
def test_each_status_has_its_documented_exit_code(status: str, code: int) -> None:
    assert exit_code_of(Status(status)) == code


def test_a_run_of_a_later_version_whose_error_says_more_is_read() -> None:
    failed = GOOD.with_error(BackupjumpError("no", hint="do"), ended_at=ENDED).to_json()

    assert Run.from_json({**failed, "error": {**failed["error"], "since": "tomorrow"}}).to_json() == failed


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 75], 75),
        ([75, 11], 11),
        ([11, 3], 3),
        ([3, 4], 4),
        ([4, 5], 5),
        ([5, 1], 1),
        ([1, 143], 143),
        ([143, 130], 130),
        ([0, 3, 75, 1], 1),
    ],
)
def test_of_several_jobs_the_worst_code_wins_in_the_documented_order(codes: list[int], worst: int) -> None:
    assert worst_exit_code(codes) == worst


@pytest.mark.parametrize(
    ("mtime_ns", "year"), [(0, 1970), (-1, 1969), (1_700_000_000_999_999_999, 2023), (2**70, 9999), (-(2**70), 1)]
)
def test_whatever_time_a_file_has_can_be_told_in_any_zone(mtime_ns: int, year: int) -> None:
    at = mtime_at(mtime_ns)

    assert (at.year, at.microsecond) == (year, 0)
    assert at.astimezone(ZoneInfo("Pacific/Kiritimati")) == at.astimezone(ZoneInfo("Pacific/Niue")) == at
