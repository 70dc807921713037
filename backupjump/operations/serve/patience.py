"""How long one Desktop may hold up the others of its JumpNode, which are asked one after the other."""

from __future__ import annotations

from collections import Counter

_TIMES = 3
_SHARE = 10


class Patience:
    """Who lets us wait in vain for the third time in a row gets a tenth of the time from then on; pure but for that.

    Times are seconds of any one clock.
    """

    def __init__(self) -> None:
        self._in_vain: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}

    def is_over(self, desktop: str, *, now: float) -> bool:
        """Whether this Desktop is to be passed over now."""
        return now < self._not_before.get(desktop, now)

    def answered(self, desktop: str) -> None:
        """Note that it answered, or is not there, which takes no time."""
        self._in_vain.pop(desktop, None)

    def waited_in_vain(self, desktop: str, *, since: float, now: float) -> None:
        """Note that it let us wait."""
        self._in_vain[desktop] += 1
        if self._in_vain[desktop] >= _TIMES:
            self._not_before[desktop] = now + _SHARE * (now - since)
