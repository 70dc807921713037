"""Clock times at which something is done: the only home of `schedule`. Python 3.9.

`schedule` lives in memory and by the wall clock, so a clock that is set back silences it, and a restart forgets. So
nothing rests on it: who ticks looks by himself every few seconds, and an edge here only makes him look in time.
"""

from __future__ import annotations

from collections.abc import Sequence

import schedule

from backupjump.config.desktop import Window
from backupjump.config.times import Every

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Edges:
    """The starts of windows, by this machine's clock. `passed` tells whether one has come since it was last asked."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._scheduler = schedule.Scheduler()
        self._passed = False
        for window in windows:
            for job in _jobs(self._scheduler, window.every):
                job.at(window.at).do(self._note)

    def passed(self) -> bool:
        """Whether a window has begun since the last call."""
        self._scheduler.run_pending()
        passed, self._passed = self._passed, False
        return passed

    def _note(self) -> None:
        self._passed = True


def _jobs(scheduler: schedule.Scheduler, every: Every) -> list[schedule.Job]:
    """Return a job for each day of the week on which a window may begin; one too many only makes somebody look."""
    if every.weekdays:
        return [getattr(scheduler.every(), _DAYS[day]) for day in every.weekdays]
    return [scheduler.every().day]
