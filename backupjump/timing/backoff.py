"""How long to wait before the tunnel is tried again. Pure; Python 3.9, the standard library alone."""

from __future__ import annotations

SHORTEST_SECONDS = 5.0
LONGEST_SECONDS = 300.0
REFUSED_SECONDS = 900.0

_DOUBLINGS = 6  # 5 s six times doubled is more than 300 s
_JITTER = 0.3


def pause_seconds(failures: int, *, refused: bool, chance: float) -> float:
    """Return the seconds to wait after so many failures in a row (1 or more).

    5, 10, 20, … 300, give or take three tenths by `chance` (0 to 1), so that a hundred Desktops don't come back in one
    moment. `refused`: a key or host key was, which the next try won't change: a quarter of an hour, as sshd's
    PerSourcePenalties would lock out who comes faster (sshd_config(5)).
    """
    spread = 1 - _JITTER + 2 * _JITTER * chance
    if refused:
        return REFUSED_SECONDS * spread
    return max(SHORTEST_SECONDS, min(LONGEST_SECONDS, SHORTEST_SECONDS * 2.0 ** min(failures - 1, _DOUBLINGS)) * spread)
