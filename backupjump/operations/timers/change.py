"""What installing or removing timers would change, to be shown before it is done."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from backupjump.escape import shown


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file, or one account's crontab: its text now (None: it is not there) and then (None: it goes)."""

    where: str
    before: str | None
    after: str | None

    def lines(self) -> list[str]:
        """Return the change as a person reads it: a whole file that comes or goes in a line, else a diff."""
        if self.before is None:
            return [f"new      {shown(self.where)}"]
        if self.after is None:
            return [f"gone     {shown(self.where)}"]
        diff = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), n=0, lineterm="")
        return [f"changed  {shown(self.where)}", *(f"  {shown(line)}" for line in list(diff)[2:])]
