"""Something that may hang, with an end to how long anybody waits for it.

A time limit of a socket is one for each of its steps: a name server that does not answer, or a mail server that sends
a byte now and then, holds longer than that. So the work is a thread that the process does not wait for when it ends.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from backupjump.escape import shown

if TYPE_CHECKING:
    from collections.abc import Callable


class InTime(threading.Thread):
    """Work that has begun and that gets `seconds` from now."""

    def __init__(self, work: Callable[[], None], *, name: str, seconds: float) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._why = ""
        self.start()

    def run(self) -> None:
        """Do the work; what it raises is kept as words."""
        try:
            self._work()
        except Exception as error:
            self._why = shown(" ".join(str(error).split()), limit=300) or type(error).__name__

    def why_not(self) -> str:
        """Wait for the end, at most as long as is left; return why it was not done, or nothing."""
        self.join(max(0.0, self._deadline - time.monotonic()))
        return f"no answer within {self._seconds:g} s" if self.is_alive() else self._why
