from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backupjump.operations.due import failing_since
from backupjump.run import Run, Status, exit_code_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def runs(*statuses: Status) -> list[Run]:
    """Return a run an hour, the first at noon."""
    first = Run(
        run_id="r",
        job="nightly",
        desktop="d",
        route="proxyjump",
        status=Status.OK,
        exit_code=0,
        snapshot=None,
        started_at=NOON,
        ended_at=NOON,
        attempts=1,
    )
    return [
        replace(first, status=status, exit_code=exit_code_of(status), ended_at=NOON + timedelta(hours=hour))
        for hour, status in enumerate(statuses)
    ]


@pytest.mark.parametrize(
    ("statuses", "hours"),
    [
        ([], None),
        ([Status.OK], None),
        ([Status.FAILED, Status.OK], None),
        ([Status.FAILED, Status.AWAY], None),
        ([Status.FAILED], (0, 0)),
        ([Status.OK, Status.FAILED, Status.FAILED], (1, 2)),
        ([Status.AWAY, Status.FAILED, Status.LOCKED, Status.FAILED, Status.LOCKED], (1, 3)),
    ],
)
def test_a_job_fails_since_the_first_of_the_failures_that_nothing_has_ended(
    statuses: list[Status], hours: tuple[int, int] | None
) -> None:
    found = failing_since(runs(*statuses))

    assert found == (hours and tuple(NOON + timedelta(hours=hour) for hour in hours))
