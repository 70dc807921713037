"""Timers by a real systemd and a real cron: what they install is what runs, and it can do its work."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
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
from lab.filesystems import disk
from lab.nightly import Nightly
from program import argv, backupjump, until
from store_world import KEY

pytestmark = [pytest.mark.lab, pytest.mark.needs_root, pytest.mark.long]


@pytest.fixture
def machine(lab: Lab, tmp_path: Path) -> Iterator[Booted]:
    with machine_of(lab, tmp_path) as running:
        yield running


def machine_of(lab: Lab, folder: Path) -> AbstractContextManager[Booted]:
    (folder / "machine").mkdir()
    return booted(lab.folder, folder / "machine")


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


def test_subvolumes_of_btrfs_are_made_and_deleted_in_there(lab: Lab, tmp_path: Path) -> None:
    with disk("btrfs", lab.store, image=tmp_path / "image"), machine_of(lab, tmp_path) as machine:
        nightly = Nightly(lab)
        nightly.say("schedule: {every: day}\nkeep: {last: 1}")
        fill(lab.home)
        machine.must(typed(nightly, "systemd", "--install", "--yes"))
        start_undue(machine, nightly)
        (first,) = nightly.ids
        start_undue(machine, nightly)

        (second,) = nightly.ids

        assert first != second
        assert '"kind": "btrfs"' in (lab.store / "backupjump-store.json").read_text()
        assert list(nightly.folder.trash.iterdir()) == []


def start_undue(machine: Booted, nightly: Nightly) -> None:
    """Start the service, whose run is told by a drop-in not to ask whether it is due; it must succeed."""
    lines = f"[Service]\nExecStart=\nExecStart={shlex.join(argv(nightly.config, 'run', 'nightly'))}\n"
    drop_in = machine.file("/etc/systemd/system/backupjump-nightly.service.d/now.conf")
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text(lines)
    machine.must("systemctl daemon-reload && systemctl start backupjump-nightly.service")
    assert machine.must("systemctl show --property=ExecMainStatus backupjump-nightly.service") == "ExecMainStatus=0\n"


_MANAGER = """[Service]
Type=notify
User=backup
Delegate=yes
Environment=HOME=/home/backup XDG_RUNTIME_DIR=/run/backup SYSTEMD_UNIT_PATH=/home/backup/.config/systemd/user:/run/units
ExecStart=/lib/systemd/systemd --user --unit=machine.target
"""
_CONFIG = """store: {{path: /home/backup/store}}
state_dir: /home/backup/state
jump_nodes:
  jumpnode: {{host: jumpnode.domain.ext, user: bjserver, identity_file: /no/such/key, host_key: {key}}}
desktops:
  desktop: {{jump_node: jumpnode, port: 2020, user: me, identity_file: /no/such/key, host_key: {key}}}
"""
_JOB = """desktop: desktop
sources: [/home/me]
schedule: {every: day, at: "02:30", timezone: Europe/Paris}
"""


def test_a_user_s_own_systemd_takes_the_timers_too_and_starts_the_program(machine: Booted) -> None:
    machine.must("install -d -o backup /home/backup /home/backup/store /run/backup")
    machine.must("install -d -o backup /home/backup/jobs")
    machine.file("/home/backup/backupjump.yaml").write_text(_CONFIG.format(key=KEY))
    machine.file("/home/backup/jobs/nightly.yaml").write_text(_JOB)
    machine.file("/etc/systemd/system/manager.service").write_text(_MANAGER)
    machine.must("systemctl daemon-reload && systemctl start manager.service")
    program = shlex.join(argv(Path("/home/backup/backupjump.yaml"), "timers", "systemd", "--yes"))
    become = (
        "cd / && setpriv --reuid backup --regid backup --clear-groups env HOME=/home/backup XDG_RUNTIME_DIR=/run/backup"
    )

    said = machine.must(f"{become} {program} --install")
    timer = machine.must(f"{become} systemctl --user is-active backupjump-nightly.timer")
    machine.run(f"{become} systemctl --user start backupjump-nightly.service")
    shown = machine.must(f"{become} systemctl --user show --property=ExecMainStatus backupjump-nightly.service")
    machine.must(f"{become} {program} --remove")

    assert said.endswith("next: loginctl enable-linger    # else they run only while you are there\n")
    # The key is missing, says the program: it got so far, through all that its unit forbids.
    assert (timer, shown) == ("active\n", "ExecMainStatus=2\n")
    assert list(machine.file("/home/backup/.config").glob("**/backupjump-*")) == []


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
