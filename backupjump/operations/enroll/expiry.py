"""Keys that end on a day: say so early enough to renew them. Pure; Python 3.9, since both ends tell of it.

`expires` in a config stands for `expiry-time` in authorized_keys: sshd takes the key no more from the first
minute of that day on, by its own clock and time zone.  Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT.
"""

from __future__ import annotations

from datetime import date, timedelta

AHEAD = timedelta(days=60)


def is_ending(expires: date | None, *, today: date) -> bool:
    """Whether keys that end on `expires` (None: never) have ended, or will within 60 days."""
    return expires is not None and expires - today <= AHEAD


def expiry_warning(desktop: str, expires: date | None, *, today: date) -> str:
    """Return one line for people once the keys of `desktop` end within 60 days or have ended, else nothing."""
    if expires is None or not is_ending(expires, today=today):
        return ""
    days = (expires - today).days
    when = f"ended on {expires}" if days <= 0 else f"end on {expires}, {'tomorrow' if days == 1 else f'in {days} days'}"
    return f"the keys of desktop {desktop} {when}; {renewal(desktop)}"


def renewal(desktop: str) -> str:
    """Return what to type, on the Server, for keys that last longer."""
    return f"renew them: backupjump enroll rotate {desktop}"
