"""How long to wait before the tunnel is tried again. Pure; Python 3.9, the standard library alone."""

from __future__ import annotations

SHORTEST_SECONDS = 5.0
LONGEST_SECONDS = 300.0
REFUSED_SECONDS = 900.0

_DOUBLINGS = 6  # 5 s six times doubled is more than 300 s
# For about a quarter of an hour, what no sshd penalises is tried often, so that the tunnel stands soon after its link.
_HARMLESS_SECONDS = 10.0
_HARMLESS_FAILURES = 60
_JITTER = 0.3


def pause_seconds(failures: int, *, refused: bool, chance: float, harmless: bool = False) -> float:
    """Return the seconds to wait after so many failures in a row (1 or more).

    5, 10, 20, … 300, give or take three tenths by `chance` (0 to 1), so that a hundred Desktops don't come back in one
    moment. `refused`: a key or host key was, which the next try won't change: a quarter of an hour, as sshd's
    PerSourcePenalties would lock out who comes faster (sshd_config(5)). `harmless`: nobody was there to
    take the connection, or the key was let in; 10 s at most for the first 60 failures.
    """
    spread = 1 - _JITTER + 2 * _JITTER * chance
    if refused:
        return REFUSED_SECONDS * spread
    longest = _HARMLESS_SECONDS if harmless and failures <= _HARMLESS_FAILURES else LONGEST_SECONDS
    return max(SHORTEST_SECONDS, min(longest, SHORTEST_SECONDS * 2.0 ** min(failures - 1, _DOUBLINGS)) * spread)
