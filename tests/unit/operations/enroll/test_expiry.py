"""Keys that end: told from 60 days before on, with what to type."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backupjump.config.models import Desktop
from backupjump.operations.enroll.expiry import expiry_warning, is_ending, when_it_ends

TODAY = date(2027, 11, 1)


def laptop(*, expires: date | None, revoked: bool = False) -> Desktop:
    return Desktop.model_construct(name="laptop", expires=expires, revoked=revoked)


@pytest.mark.parametrize(
    ("days", "when"),
    [
        (61, ""),
        (60, "end on 2027-12-31, in 60 days"),
        (2, "end on 2027-11-03, in 2 days"),
        (1, "end on 2027-11-02, tomorrow"),
        (0, "ended on 2027-11-01"),
        (-400, "ended on 2026-09-27"),
    ],
)
def test_keys_are_told_of_from_60_days_before_their_end_on(days: int, when: str) -> None:
    expires = TODAY + timedelta(days=days)

    warning = expiry_warning(laptop(expires=expires), today=TODAY)

    assert is_ending(expires, today=TODAY) == bool(when)
    assert warning == (when and f"the keys of desktop laptop {when}; renew them: backupjump enroll rotate laptop")
    assert when_it_ends(expires, today=TODAY).startswith(when)


@pytest.mark.parametrize("desktop", [laptop(expires=None), laptop(expires=TODAY, revoked=True)])
def test_keys_without_an_end_and_those_taken_back_are_never_told_of(desktop: Desktop) -> None:
    assert expiry_warning(desktop, today=TODAY) == ""
    assert not is_ending(None, today=TODAY)
