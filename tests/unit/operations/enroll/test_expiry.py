"""Keys that end: told from 60 days before on, with what to type."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backupjump.operations.enroll.expiry import expiry_warning, is_ending

TODAY = date(2027, 11, 1)
RENEW = "renew them: backupjump enroll rotate laptop"


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (61, ""),
        (60, f"the keys of desktop laptop end on 2027-12-31, in 60 days; {RENEW}"),
        (2, f"the keys of desktop laptop end on 2027-11-03, in 2 days; {RENEW}"),
        (1, f"the keys of desktop laptop end on 2027-11-02, tomorrow; {RENEW}"),
        (0, f"the keys of desktop laptop ended on 2027-11-01; {RENEW}"),
        (-400, f"the keys of desktop laptop ended on 2026-09-27; {RENEW}"),
    ],
)
def test_keys_are_told_of_from_60_days_before_their_end_on(days: int, told: str) -> None:
    expires = TODAY + timedelta(days=days)

    assert expiry_warning("laptop", expires, today=TODAY) == told
    assert is_ending(expires, today=TODAY) == bool(told)


def test_keys_without_an_end_are_never_told_of() -> None:
    assert expiry_warning("laptop", None, today=TODAY) == ""
    assert not is_ending(None, today=TODAY)
