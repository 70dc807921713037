"""Let days pass over the machines of a week, wait at each stop until the programs have done what they do then, and note
what they say.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lab.faked_time import FakedTime
from lab.week_machines import BackupServer, Computer
from lab.week_table import Look, Sleep, Table
from program import until

_HALF_HOUR = timedelta(minutes=30)
# Never past one of these clock times in one jump, whatever the programs say of what comes next.
_STOPS = {(0, 0), (2, 30), (3, 0), (12, 0)}
# How long serve may take to find a Desktop that is there, by its own rule.
_FOUND_SECONDS = 15.0
_QUIET_SECONDS = 2.5
_LIMIT_SECONDS = 120.0
_SLEPT = re.compile(r"this machine slept for (\d+) s")
_SHOULD_BE = re.compile(r"the tunnel should be (open|closed)")


class Week:
    """The machines, the clock, and what has been heard so far."""

    def __init__(self, zone: ZoneInfo, time: FakedTime, server: BackupServer, computers: list[Computer]) -> None:
        self.zone = zone
        self.time = time
        self.server = server
        self.computers = computers
        self.table = Table(zone)
        self.alarms: list[str] = []
        self._states: list[dict[str, Any]] = []
        self._wanted: dict[str, str] = {}

    def pass_to(self, text: str, *, settled: bool = True) -> None:
        """Let time pass to `text`, such as 2027-03-22 08:00, by the clocks of the zone.

        At each stop the programs do what they do then; unless `settled`, the last one is not waited for.
        """
        end = datetime.fromisoformat(text).replace(tzinfo=self.zone)
        while self.time.now < end:
            stop = min(end, self._next_stop())
            self._jump(stop)
            if settled or stop < end:
                self.settle()

    def outwait_the_runs(self) -> None:
        """Let time pass, five minutes in a jump, until no run is under way."""
        until(self._has_outwaited, seconds=_LIMIT_SECONDS, what="the end of the runs")
        self.settle()

    def lose_the_server(self, length: timedelta) -> None:
        """Cut the Server's power, and give it back after `length`."""
        self.server.serve.kill()
        self.hear()
        self._jump(self.time.now + length)
        self.server.start()
        self.settle()

    def settle(self) -> None:
        """Return once all that is awake has looked, nothing is under way, and all was heard."""
        began, awake = self.time.now, [each for each in self.computers if not each.sleeps]
        self.hear()
        looked = {each.name: each.agent.ticks for each in awake}
        ticks, quiet_since = self.server.serve.ticks, 0.0

        def have_looked() -> bool:
            self.hear()
            # One look may have been under way.
            return self.server.serve.ticks >= ticks + 2 and all(
                each.agent.ticks >= looked[each.name] + 2
                or (each.agent.ticks > looked[each.name] and str(each.told.get("at")) >= f"{began:%Y-%m-%dT%H:%M:%S}")
                for each in awake
            )

        def is_quiet() -> bool:
            nonlocal quiet_since
            self.hear()
            now = time.monotonic()
            quiet_since = (quiet_since or now) if self._is_at_rest(awake) else 0.0
            seconds = _FOUND_SECONDS if self._may_be_found(awake) else _QUIET_SECONDS
            return quiet_since > 0 and now - quiet_since > seconds

        until(have_looked, seconds=_LIMIT_SECONDS, what=f"a look at {began}")
        if not self._is_at_rest(awake) or self._may_be_found(awake):
            until(is_quiet, seconds=_LIMIT_SECONDS, what=f"quiet after {began}")
        self._note(awake)

    def hear(self) -> None:
        """Take in what the programs have said since the last call, as said now."""
        now = self.time.now
        self.table.serve_said += [(now, line) for line in self.server.serve.hear()]
        for each in self.computers:
            for line in each.agent.hear():
                if found := _SHOULD_BE.search(line):
                    self._wanted[each.name] = found[1]
                if found := _SLEPT.search(line):
                    self.table.sleeps.append(Sleep(each.name, now - timedelta(seconds=int(found[1])), now))
                if "last backup of this computer" in line or "never been backed up" in line:
                    self.alarms.append(f"{each.name}: {line}")

    def _jump(self, to: datetime) -> None:
        awake = [each.clocks for each in self.computers if not each.sleeps]
        asleep = [each.clocks for each in self.computers if each.sleeps]
        self.time.jump(to, awake=[self.server.clocks, *awake], asleep=asleep)

    def _has_outwaited(self) -> bool:
        self._jump(self.time.now + timedelta(minutes=5))
        ticks = self.server.serve.ticks
        until(
            lambda: self.hear() or self.server.serve.ticks >= ticks + 2, seconds=_LIMIT_SECONDS, what="a look of serve"
        )
        return self.server.serve.says.startswith("0 running")

    def _is_at_rest(self, awake: list[Computer]) -> bool:
        """Whether no run is under way, and each tunnel is as its agent wants it."""
        as_wanted = all(each.told.get("phase") == self._wanted.get(each.name) for each in awake)
        return self.server.serve.says.startswith("0 running") and as_wanted

    def _may_be_found(self, awake: list[Computer]) -> bool:
        """Whether serve looks for a Desktop while a tunnel stands, which may be its."""
        is_open = any(each.told.get("phase") == "open" for each in awake)
        return is_open and not self.server.serve.says.endswith(" 0 awaited")

    def _note(self, awake: list[Computer]) -> None:
        now = self.time.now
        for each in awake:
            self.table.looks.append(Look(each.name, now, str(each.told["phase"]), each.agent.says))
        said = self.server.word("status", "--json")
        self._states = said.json
        if said.code != 0 or any(each["state"] in ("late", "broken", "suspect") for each in self._states):
            self.alarms.append(f"{now.astimezone(self.zone):%m-%d %H:%M}: status {said.code}: {said.out}")

    def _next_stop(self) -> datetime:
        """Return the next time at which something happens by itself, as the programs say, or that is a stop anyway."""
        now = self.time.now
        said = [each["next_due_at"] for each in self._states]
        said += [each.told.get("until") for each in self.computers if not each.sleeps]
        coming = [at for text in said if text and (at := datetime.fromisoformat(text)) > now]
        at = now.replace(minute=0, second=0, microsecond=0)
        while at <= now or (at.astimezone(self.zone).hour, at.minute) not in _STOPS:
            at += _HALF_HOUR
        return min([at, *coming])

    def runs(self, job: str) -> list[dict[str, Any]]:
        """Return the Runs of `job`, oldest first, as `history` tells them."""
        found = self.server.word("history", job, "--json").json
        return sorted(found, key=lambda run: str(run["started_at"]))
