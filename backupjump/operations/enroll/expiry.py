"""Keys that end on a day: say so early enough to renew them. Pure; Python 3.9, since both ends tell of it.

`expires` in a config stands for `expiry-time` in authorized_keys: sshd takes the key no more from the first
minute of that day on, by its own clock and time zone.  Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backupjump.config.models import Desktop

AHEAD = timedelta(days=60)


def is_ending(expires: date | None, *, today: date) -> bool:
    """Whether keys that end on `expires` (None: never) have ended, or will within 60 days."""
    return expires is not None and expires - today <= AHEAD


def expiry_warning(desktop: Desktop, *, today: date) -> str:
    """Return one line for the Server's people once the keys of `desktop` end within 60 days, or have; else nothing."""
    if desktop.expires is None or desktop.revoked or not is_ending(desktop.expires, today=today):
        return ""
    when = when_it_ends(desktop.expires, today=today)
    return f"the keys of desktop {desktop.name} {when}; renew them: {renewal(desktop.name)}"


def when_it_ends(expires: date, *, today: date) -> str:
    """Return the words that go on from "the keys"."""
    days = (expires - today).days
    if days <= 0:
        return f"ended on {expires}"
    return f"end on {expires}, {'tomorrow' if days == 1 else f'in {days} days'}"


def renewal(desktop: str) -> str:
    """Return what to type, on the Server, for keys that last longer."""
    return f"backupjump enroll rotate {desktop}"
