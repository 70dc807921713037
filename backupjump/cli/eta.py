"""How long still: an estimate that settles. Pure: times are seconds of any one clock."""

from __future__ import annotations

from datetime import timedelta

_HALF_LIFE_SECONDS = 300.0
_LEARNT_AFTER_SECONDS = 5.0
# A share that stands still for longer than this, and than three of its usual steps, tells nothing: one large file,
# of a number of files.
_STILL_SECONDS = 10.0
_STILL_STEPS = 3


class Eta:
    """Guesses the time left from shares of the work done; what was long ago counts less and less.

    A clock that stands still while the machine sleeps, such as time.monotonic, keeps sleep out of it.
    """

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._begin(0.0, 0.0)

    def _begin(self, at: float, share: float) -> None:
        self._last_at, self._last_share = at, share
        self._speed = self._weight = 0.0
        self._steps = 0

    def see(self, share: float, *, at: float) -> timedelta | None:
        """Return the time left now that `share` (0 to 1) is done `at` this second; None as long as nothing tells.

        A share that falls is that of other work: it begins anew. One that stands still tells nothing after a while.
        """
        if self._began_at is None or share < self._last_share:
            self._began_at = at
            self._begin(at, share)
            return None
        seconds, done = at - self._last_at, share - self._last_share
        if seconds > 0 and done > 0:  # rsync tells whole percent: between two of them nothing is known
            old = 0.5 ** (seconds / _HALF_LIFE_SECONDS)
            self._speed = old * self._speed + (1 - old) * done / seconds
            self._weight = old * self._weight + (1 - old)
            self._last_at, self._last_share = at, share
            self._steps += 1
        usual = (self._last_at - self._began_at) / max(1, self._steps)
        if at - self._last_at > max(_STILL_SECONDS, _STILL_STEPS * usual):
            return None
        if at - self._began_at < _LEARNT_AFTER_SECONDS or self._speed <= 0:
            return None
        return timedelta(seconds=(1 - share) * self._weight / self._speed)


def told_left(left: timedelta) -> str:
    """Return a time left in words as coarse as it is sure: `about 20 min left`."""
    seconds = left.total_seconds()
    for limit, step, unit, word in _STEPS:
        if seconds < limit:
            rounded = -(-seconds // step) * step / unit
            return f"about {rounded:g} {word} left"
    return "more than 30 days left"


# Up to this many seconds, in steps of so many, told in a unit of so many, by its name.
_STEPS = (
    (60, 10, 1, "s"),
    (600, 60, 60, "min"),
    (3_600, 300, 60, "min"),
    (86_400, 1_800, 3_600, "h"),
    (30 * 86_400, 43_200, 86_400, "days"),
)
