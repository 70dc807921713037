"""Timers by a real systemd and a real cron: what they install is what runs, and it can do its work."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from backupjump.config.models import Ownership
from backupjump.demo.lab import Lab
from backupjump.run import utc_now
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import list_snapshots
from backupjump.timing.cron import fixed_minute
from lab.booted import Booted, booted
from lab.nightly import Nightly
from program import argv, backupjump, until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root, pytest.mark.long]


@pytest.fixture
def machine(lab: Lab, tmp_path: Path) -> Iterator[Booted]:
    disk = tmp_path / "disk"
    disk.mkdir()
    with booted(lab.folder, disk) as running:
        yield running


def typed(nightly: Nightly, *words: str) -> str:
    return shlex.join(argv(nightly.config, "timers", *words))


def fill(home: Path) -> None:
    """Put there what a sandbox can be in the way of."""
    (home / "setuid").write_text("x")
    (home / "setuid").chmod(0o4755)
    os.mknod(home / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.setxattr(home / "setuid", "trusted.mine", b"1")


@pytest.mark.parametrize("ownership", [Ownership.NATIVE, Ownership.FAKE_SUPER])
def test_systemd_runs_the_job_shut_in_as_its_unit_says_and_forgets_it_again(
    lab: Lab, machine: Booted, ownership: Ownership
) -> None:
    nightly = Nightly(lab)
    nightly.say('schedule: {every: day, at: "02:30"}')
    marker = lab.store / "backupjump-store.json"
    marker.write_text(marker.read_text().replace('"native"', f'"{ownership.value}"'))
    fill(lab.home)

    machine.must(typed(nightly, "systemd", "--install", "--yes"))
    timer = machine.must("systemctl show --property=ActiveState,NextElapseUSecRealtime backupjump-nightly.timer")
    machine.must("systemctl start backupjump-nightly.service")
    shown = machine.must("systemctl show --property=Result,ExecMainStatus backupjump-nightly.service")

    assert "ActiveState=active" in timer
    assert "NextElapseUSecRealtime=\n" not in timer
    assert set(shown.split()) == {"Result=success", "ExecMainStatus=0"}
    (snapshot,) = nightly.ids
    home = nightly.folder.snapshots / snapshot / "tree" / lab.home.relative_to("/")
    kept = ownership is Ownership.NATIVE
    assert bool((home / "setuid").stat().st_mode & stat.S_ISUID) is kept
    assert stat.S_ISCHR((home / "device").lstat().st_mode) is kept
    assert ("trusted.mine" in os.listxattr(home / "setuid")) is kept

    machine.must(typed(nightly, "systemd", "--remove", "--yes"))
    assert machine.run("systemctl is-active backupjump-nightly.timer").out == "inactive\n"
    assert list(machine.file("/etc/systemd/system").glob("**/backupjump-*")) == []


def test_a_stopped_service_ends_the_run_in_order_and_counts_as_no_failure(lab: Lab, machine: Booted) -> None:
    nightly = Nightly(lab)
    nightly.say("schedule: {every: day}")
    lab.close_tunnel()
    machine.must(typed(nightly, "systemd", "--install", "--yes"))

    machine.must("systemctl start --no-block backupjump-nightly.service")
    until(lambda: machine.run("pgrep -x ssh").code == 0, what="its first knock at the tunnel")
    machine.must("systemctl stop backupjump-nightly.service")

    shown = machine.must("systemctl show --property=Result,ExecMainStatus,MainPID backupjump-nightly.service")
    assert set(shown.split()) == {"Result=success", "ExecMainStatus=143", "MainPID=0"}
    (run,) = backupjump(nightly.config, "history", "nightly", "--json").json
    assert run["status"] == "interrupted"


def test_cron_runs_the_line_that_was_installed_beside_the_others(lab: Lab, machine: Booted) -> None:
    nightly = Nightly(lab)
    job = due_in_a_minute()
    (nightly.job.parent / f"{job}.yaml").write_text(f"{nightly.plain}\nschedule: {{every: hour}}\n")
    machine.must(": >/etc/crontab && rm -f /etc/cron.d/*")
    machine.must("printf '# mine\\n1 1 1 1 * true\\n' | crontab -")

    machine.must(typed(nightly, "cron", "--install", "--yes"))
    both = machine.must("crontab -l")
    machine.must("cron")
    until(lambda: list_snapshots(JobFolder(lab.store, "desktop", job)), seconds=150, what="a snapshot by cron")
    machine.must(typed(nightly, "cron", "--remove", "--yes"))

    assert both.startswith("# mine\n1 1 1 1 * true\n# backupjump begin ")
    assert machine.must("crontab -l") == "# mine\n1 1 1 1 * true\n"


def due_in_a_minute() -> str:
    """Return a job's name for which a line of each 5 minutes comes next, in 20 to 80 seconds."""
    minute = (utc_now() + timedelta(seconds=80)).minute
    return next(name for number in count() if fixed_minute(name := f"job{number}") % 5 == minute % 5)
