"""How long to wait before the tunnel is tried again. Pure; Python 3.9, the standard library alone."""

from __future__ import annotations

SHORTEST_SECONDS = 5.0
LONGEST_SECONDS = 300.0
REFUSED_SECONDS = 900.0

_DOUBLINGS = 6  # 5 s six times doubled is more than 300 s
# Whom nobody hears, nobody penalises: a JumpNode behind a dead link is tried often for about a quarter of an hour, so
# that the tunnel stands again soon after the link does.
_UNHEARD_SECONDS = 10.0
_UNHEARD_FAILURES = 60
_JITTER = 0.3


def pause_seconds(failures: int, *, refused: bool, chance: float, unheard: bool = False) -> float:
    """Return the seconds to wait after so many failures in a row (1 or more).

    5, 10, 20, … 300, give or take three tenths by `chance` (0 to 1), so that a hundred Desktops don't come back in one
    moment. `refused`: a key or host key was, which the next try won't change: a quarter of an hour, as sshd's
    PerSourcePenalties would lock out who comes faster (sshd_config(5)). `unheard`: no connection came about, so there
    was no sshd to come too often for; 10 s at most for the first 60 failures.
    """
    spread = 1 - _JITTER + 2 * _JITTER * chance
    if refused:
        return REFUSED_SECONDS * spread
    longest = _UNHEARD_SECONDS if unheard and failures <= _UNHEARD_FAILURES else LONGEST_SECONDS
    return max(SHORTEST_SECONDS, min(longest, SHORTEST_SECONDS * 2.0 ** min(failures - 1, _DOUBLINGS)) * spread)
