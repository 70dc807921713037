"""The units as systemd itself reads them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.errors import UsageError
from backupjump.timing.sandbox import Needs, sandbox_lines
from backupjump.timing.slots import Slots, Timer
from backupjump.timing.systemd import Unit, quoted, units

SYSTEM = Needs(
    writes=(Path("/srv/my backups"), Path("/var/lib/backupjump")),
    reads=(Path("/opt/backupjump"), Path("/home/backup/.ssh/keys/desktop")),
    own_programs=False,
    system=True,
)
TIMER = Timer(
    job="nightly",
    desktop="laptop",
    slots=Slots(clock="22:30", zone="Europe/Paris", weekdays=(0, 3)),
    look=timedelta(hours=1),
    argv=("/bin/true", "--config", "/etc/100% mine/backupjump.yaml", "run", "nightly"),
)


def written(folder: Path, needs: Needs, timer: Timer = TIMER) -> dict[str, Path]:
    """Return the units in `folder` by their suffix."""
    unit = Unit(
        timer=timer,
        marks=("# a mark",),
        sandbox=sandbox_lines(needs),
        mounts=Path("/srv/my backups"),
        system=needs.system,
    )
    for name, text in units(unit).items():
        (folder / name).write_text(text)
    return {path.suffix: path for path in folder.iterdir()}


def analyze(*words: str | Path, runtime: Path = Path("/nowhere")) -> str:
    argv = ["systemd-analyze", *map(str, words)]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done
    return done.stdout + done.stderr


def test_systemd_finds_no_fault_and_an_exposure_of_three_at_most(tmp_path: Path) -> None:
    files = written(tmp_path, SYSTEM)

    said = analyze("verify", *files.values())
    analyze("security", "--offline=true", "--threshold=30", files[".service"])

    assert said == ""


def test_a_store_may_get_setuid_bits_and_device_nodes_and_open_none() -> None:
    text = "\n".join(sandbox_lines(SYSTEM))

    assert "RestrictSUIDSGID=" not in text
    assert "PrivateDevices=" not in text
    assert "DevicePolicy=closed\nDeviceAllow=char-* m\nDeviceAllow=block-* m\n" in text


def test_a_user_s_unit_asks_for_no_namespace(tmp_path: Path) -> None:
    files = written(tmp_path, replace(SYSTEM, system=False))
    service = files[".service"].read_text()

    assert "NoNewPrivileges=yes" in service
    for word in ("Protect", "Private", "ReadWritePaths", "CapabilityBoundingSet", "network-online"):
        assert word not in service
    assert analyze("--user", "verify", *files.values(), runtime=tmp_path) == ""


def test_what_lies_below_tmp_is_not_hidden_by_a_tmp_of_its_own() -> None:
    lines = sandbox_lines(replace(SYSTEM, reads=(Path("/tmp/venv/bin/backupjump"),)))

    assert "PrivateTmp=yes" not in lines
    assert "ReadWritePaths=-/tmp" in lines
    assert "PrivateTmp=yes" in sandbox_lines(SYSTEM)


def test_a_job_with_programs_of_the_owner_s_is_not_shut_in() -> None:
    (line,) = sandbox_lines(replace(SYSTEM, own_programs=True))

    assert "server_hooks" in line


def test_the_timer_looks_at_the_clock_times_and_each_hour(tmp_path: Path) -> None:
    lines = written(tmp_path, SYSTEM)[".timer"].read_text().splitlines()

    assert [line for line in lines if line.startswith("OnCalendar=")] == [
        "OnCalendar=Mon,Thu *-*-* 22:30:00 Europe/Paris",
        "OnCalendar=hourly",
    ]
    assert {"Persistent=true", "RandomizedDelaySec=4m", "WantedBy=timers.target"} <= set(lines)


def test_a_job_that_counts_from_its_last_snapshot_is_looked_at_more_often(tmp_path: Path) -> None:
    often = replace(TIMER, slots=None, look=timedelta(minutes=5))

    files = written(tmp_path, SYSTEM, often)

    assert "\nOnCalendar=*:0/5\n" in files[".timer"].read_text()
    assert analyze("verify", *files.values()) == ""


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("/opt/a-b_c.d", "/opt/a-b_c.d"),
        ("/opt/a b", '"/opt/a b"'),
        ("/opt/100%", '"/opt/100%%"'),
        ("/opt/é", '"/opt/é"'),
    ],
)
def test_a_path_is_one_word_of_a_unit(word: str, expected: str) -> None:
    assert quoted(word) == expected


@pytest.mark.parametrize("word", ["/a\nExecStart=/bin/sh", '/a"b', "/a'b", "/a\\b", "/a$HOME", "/a\udcff", "/a "])
def test_a_path_that_no_unit_can_hold_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="can't stand in a systemd unit"):
        quoted(word)
