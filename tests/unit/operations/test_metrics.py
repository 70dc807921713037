"""The numbers for Prometheus, read by Prometheus' own client."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from backupjump.operations.exposition import Family, exposition
from backupjump.operations.job_state import JobState, State
from backupjump.operations.metrics import JobNumbers, StoreNumbers, metrics_text
from backupjump.run import Run, Status

AT = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)
STORE = StoreNumbers(size_bytes=10**15, free_bytes=123, inodes=None, inodes_free=None)
RUN = Run(
    run_id="x", job="nightly", desktop="laptop", route="proxyjump", status=Status.WARNING, exit_code=3,
    snapshot="2026-11-28T02-30-00Z", started_at=AT, ended_at=AT + timedelta(seconds=90), attempts=1, files_total=7,
    bytes_received=11, bytes_new=5, warnings=("one", "two"),
)  # fmt: skip
STATE = JobState(
    job="nightly", state=State.GOOD, last_good_at=AT, next_due_at=None, last_status=None, help="", size_bytes=2**53
)
NIGHTLY = JobNumbers(state=STATE, desktop="laptop", run=RUN, snapshots=4)
NEVER = JobNumbers(
    state=replace(STATE, job="never", state=State.LATE, last_good_at=None, next_due_at=AT, size_bytes=None),
    desktop="laptop",
    run=None,
    snapshots=0,
)


def read(text: str) -> dict[tuple[str, ...], float]:
    """Return each number by its name and its labels' values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_written_is_what_is_read() -> None:
    numbers = read(metrics_text((NIGHTLY, NEVER), STORE))

    assert numbers["backupjump_store_up",] == 1
    assert numbers["backupjump_store_size_bytes",] == 10**15
    assert ("backupjump_store_inodes",) not in numbers
    nightly = {key[0]: value for key, value in numbers.items() if key[1:] == ("nightly", "laptop")}
    assert nightly == {
        "backupjump_last_success_timestamp_seconds": AT.timestamp(),
        "backupjump_last_success_bytes": 2**53,
        "backupjump_snapshots": 4,
        "backupjump_last_run_timestamp_seconds": AT.timestamp() + 90,
        "backupjump_last_run_duration_seconds": 90,
        "backupjump_last_run_received_bytes": 11,
        "backupjump_last_run_new_bytes": 5,
        "backupjump_last_run_files": 7,
        "backupjump_last_run_warnings": 2,
    }


def test_a_state_is_one_among_zeros() -> None:
    numbers = read(metrics_text((NIGHTLY, NEVER), STORE))

    states = {key[1:]: value for key, value in numbers.items() if key[0] == "backupjump_job_state"}
    ends = {key[1:]: value for key, value in numbers.items() if key[0] == "backupjump_last_run_status"}
    assert len(states) == 2 * len(State)
    assert [key for key, value in states.items() if value] == [
        ("nightly", "laptop", "good"),
        ("never", "laptop", "late"),
    ]
    assert {key[0]: key[2] for key, value in ends.items() if value} == {"nightly": "warning"}
    assert ("never", "laptop", "failed") in ends


def test_a_job_that_never_ran_is_there_with_a_success_long_ago() -> None:
    numbers = read(metrics_text((NEVER,), STORE))

    assert numbers["backupjump_last_success_timestamp_seconds", "never", "laptop"] == 0
    assert numbers["backupjump_next_due_timestamp_seconds", "never", "laptop"] == AT.timestamp()
    assert ("backupjump_last_run_duration_seconds", "never", "laptop") not in numbers


def test_of_a_store_that_is_not_there_that_is_all_that_is_said() -> None:
    assert read(metrics_text((), None)) == {("backupjump_store_up",): 0}


def test_names_are_those_that_prometheus_wants() -> None:
    text = metrics_text((NIGHTLY,), STORE)

    names = re.findall(r"^# TYPE (\S+) gauge$", text, flags=re.MULTILINE)
    assert len(names) == len(set(names)) == text.count("# HELP ")
    assert all(re.fullmatch(r"backupjump_[a-z_]+", name) for name in names)
    # Base units, and no suffix that belongs to counters and histograms. Source: prometheus.io, naming.
    assert not [name for name in names if re.search(r"_(total|count|sum|bucket|minutes|hours|days|kb|mb)$", name)]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=60), st.floats(0, 1e18))
def test_whatever_a_label_holds_is_read_back(label: str, value: float) -> None:
    family = Family(name="x_bytes", help=label, samples=[({"name": label}, value)])

    assert [
        (sample.labels["name"], sample.value)
        for each in text_string_to_metric_families(exposition([family]))
        for sample in each.samples
    ] == [(label, value)]
