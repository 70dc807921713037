"""A week of the real `serve` and `agent` in minutes: which runs happened, and why each other did not.

`pytest -s` shows the table; it is kept in tests/golden/week.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.ports import Ports
from lab.faked_time import FakedTime
from lab.sleepy_link import SleepyLink
from lab.week import Week
from lab.week_machines import BackupServer, Computer
from program import until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root, pytest.mark.long]

GOLDEN = Path(__file__).parents[1] / "golden/week"
PARIS = "Europe/Paris"
MEGABYTE = 1_000_000


@contextmanager
def week_from(lab: Lab, begin: str) -> Iterator[Week]:
    """Start a Server, a tower with a window each night, and a laptop that opens its tunnel when a backup is due."""
    zone = ZoneInfo(PARIS)
    with ExitStack() as stack:
        time = FakedTime(lab.folder, datetime.fromisoformat(begin).replace(tzinfo=zone), zone=PARIS)
        stack.callback(time.clear)
        ports = Ports()
        stack.callback(ports.release)
        link = stack.enter_context(SleepyLink(ports.take(), lab.jump.port))
        window = {"every": "day", "at": "02:00", "for": "3h"}
        tower = Computer(lab, time, "tower", port=ports.take(), open=[window])
        laptop = Computer(lab, time, "laptop", port=ports.take(), link=link, unless={"battery_below": "40%"})
        server = BackupServer(lab, time, [tower, laptop], jobs_of(tower, laptop))
        for each in (server.serve, tower.agent, laptop.agent):
            stack.callback(each.close)
        server.start()
        tower.start_agent()
        laptop.start_agent()
        week = Week(zone, time, server, [tower, laptop])
        week.settle()
        yield week


def jobs_of(tower: Computer, laptop: Computer) -> dict[str, dict[str, object]]:
    def job(computer: Computer, folder: str, every: str) -> dict[str, object]:
        schedule = {"every": every, "at": "02:30", "timezone": PARIS}
        sources = [str(computer.home / folder)]
        return {"desktop": computer.name, "sources": sources, "schedule": schedule, "bwlimit": "2 MB/s"}

    return {
        "files": job(tower, "files", "day"),
        "letters": job(laptop, "files", "day"),
        "photos": job(laptop, "photos", "week"),
    }


class Story:
    """What happens, beside the passing of time."""

    def __init__(self, week: Week) -> None:
        self.week = week
        self.tower, self.laptop = week.computers

    def sleep(self, at: str) -> None:
        self.week.pass_to(at)
        self.laptop.sleep()

    def wake(self, at: str) -> None:
        """Open the laptop's lid; once all is done, its owner sees nothing to worry about."""
        self.week.pass_to(at)
        self.laptop.wake()
        self.week.settle()
        assert self.laptop.word("status").code == 0

    def wake_for_a_moment(self, at: str) -> None:
        """Close the lid again in the middle of a transfer; nobody is back before its run gives up."""
        self._wake_with_a_film(at)
        self.laptop.sleep()
        until(lambda: not self.week.server.runs_rsync, seconds=60, what="the loss of the link")
        self.week.outwait_the_runs()

    def wake_and_lose_the_link(self, at: str) -> None:
        """Cut the link in the middle of a transfer; it is back once the agent knows."""
        self._wake_with_a_film(at)
        assert self.laptop.link is not None
        self.laptop.link.cut()
        until(lambda: self.laptop.told["phase"] == "waiting", seconds=60, what="the agent's notice")
        self.laptop.link.come_up()
        self.week.settle()

    def lose_the_server(self, at: str) -> None:
        """Cut the Server's power in the middle of a run; it is back ten minutes later."""
        (self.tower.home / "files/film").write_bytes(os.urandom(10 * MEGABYTE))
        self.week.pass_to(at, settled=False)
        self._has_arrived("tower/files")
        self.week.lose_the_server(timedelta(minutes=10))

    def set_battery(self, at: str, percent: int | None) -> None:
        self.week.pass_to(at)
        self.laptop.set_battery(percent)
        self.week.settle()

    def pause(self, at: str, length: str) -> None:
        self.week.pass_to(at)
        assert self.laptop.word("pause", length).code == 0
        self.week.settle()

    def _wake_with_a_film(self, at: str) -> None:
        self.week.pass_to(at)
        (self.laptop.home / "files/film").write_bytes(os.urandom(10 * MEGABYTE))
        self.laptop.wake()
        self._has_arrived("laptop/letters")

    def _has_arrived(self, job: str) -> None:
        attempts = self.week.server.store / job / "work"

        def has_arrived() -> bool:
            self.week.hear()
            return _bytes_of(attempts) > 3 * MEGABYTE

        until(has_arrived, seconds=60, what=f"3 MB of {job}")


def _bytes_of(attempts: Path) -> int:
    sizes = 0
    for path in attempts.rglob("*film*"):
        with suppress(FileNotFoundError):
            sizes += path.stat().st_size
    return sizes


def assert_as_kept(week: Week, name: str, dues: dict[str, Sequence[str]]) -> None:
    """Compare the table with the one in golden/, and the runs in it with all there are."""
    parts = []
    for job, texts in dues.items():
        times = [datetime.fromisoformat(each).replace(tzinfo=week.zone) for each in texts]
        computer = "tower" if job == "files" else "laptop"
        parts.append(week.table.text(job, computer, times, week.runs(job)))
    table = "\n".join(parts)
    sys.stdout.write(f"\n{table}")
    assert table == (GOLDEN / f"{name}.txt").read_text()
    assert sum(len(week.runs(job)) for job in dues) == table.count(" ok ") + table.count(" interrupted ")
    assert week.alarms == []


def test_a_week_over_the_beginning_of_summer_time(lab: Lab) -> None:
    with week_from(lab, "2027-03-22 08:00") as week:
        story = Story(week)
        story.sleep("2027-03-22 18:00")
        story.wake_for_a_moment("2027-03-23 07:30")
        story.wake("2027-03-23 21:00")
        story.sleep("2027-03-23 21:30")
        story.lose_the_server("2027-03-24 02:30")
        story.wake_and_lose_the_link("2027-03-25 09:00")
        story.sleep("2027-03-25 23:00")
        story.set_battery("2027-03-25 23:00", 25)
        story.wake("2027-03-26 08:00")
        story.set_battery("2027-03-26 17:00", None)
        story.sleep("2027-03-26 22:00")
        story.wake("2027-03-27 10:00")
        story.pause("2027-03-27 12:45", "4h")
        story.sleep("2027-03-27 23:30")
        story.wake("2027-03-28 10:00")
        story.sleep("2027-03-28 22:00")
        story.wake("2027-03-29 09:00")
        week.pass_to("2027-03-29 10:00")

        # Nobody's clock shows 02:30 on the 28th.
        nights = [f"2027-03-{day} 02:30" for day in (23, 24, 25, 26, 27)] + ["2027-03-28 03:00", "2027-03-29 02:30"]
        daily = ["2027-03-22 08:00", *nights, "2027-03-30 02:30"]
        weekly = ["2027-03-22 08:00", "2027-03-28 03:00", "2027-04-04 02:30"]
        assert_as_kept(week, "spring", {"files": daily, "letters": daily, "photos": weekly})
        # Two films came to the laptop, one to the tower; what a power cut left of that is nobody's received bytes.
        assert sum(run["bytes_received"] for run in week.runs("letters")) < 20.5 * MEGABYTE
        assert sum(run["bytes_received"] for run in week.runs("files")) < 7.5 * MEGABYTE


def test_a_weekend_over_the_end_of_summer_time(lab: Lab) -> None:
    with week_from(lab, "2027-10-30 12:00") as week:
        week.pass_to("2027-11-01 10:00")

        daily = ["2027-10-30 12:00", "2027-10-31 02:30", "2027-11-01 02:30", "2027-11-02 02:30"]
        weekly = ["2027-10-30 12:00", "2027-10-31 02:30", "2027-11-07 02:30"]
        assert_as_kept(week, "autumn", {"files": daily, "letters": daily, "photos": weekly})
