import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupjump.errors import ProgramMissing
from backupjump.gate.power import Power, read_power
from backupjump.gate.probe import probe_line
from backupjump.gate.refusal import Refused
from backupjump.gate.rsync_here import RsyncHere, ask_rsync, find_rsync
from gate_world import rsync_that_does_not_confine

RSYNC = RsyncHere("/usr/bin/rsync", "rsync  version 3.5.0  protocol version 32\n", confines=True)
NOON = datetime(2026, 11, 22, 12, 0, 0, 999, tzinfo=UTC)
PLUGGED_IN = Power(on_battery=False, percent=None)


def supply(folder: Path, name: str, **values: str) -> None:
    (folder / name).mkdir(parents=True)
    for key, value in values.items():
        (folder / name / key).write_text(f"{value}\n")


def test_a_probe_is_one_line_of_json(tmp_path: Path) -> None:
    line = probe_line(
        RSYNC,
        roots=(str(tmp_path), f"{tmp_path}/ä\x1b"),
        hooks=("b", "a"),
        power=Power(on_battery=True, percent=41),
        now=NOON,
        aes=True,
    )

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {
        "gate": 2,
        "rsync": {"said": RSYNC.said, "confines": True},
        "roots": [{"path": str(tmp_path), "state": "folder"}, {"path": f"{tmp_path}/ä\x1b", "state": "absent"}],
        "clock": "2026-11-22T12:00:00Z",
        "power": {"on_battery": True, "percent": 41},
        "hooks": ["a", "b"],
        "tunnel": None,
        "words": ["probe", "hook", "done", "list"],
        "aes": True,
    }


def test_an_answer_that_nobody_would_read_to_its_end_is_not_given() -> None:
    with pytest.raises(Refused, match="too long"):
        probe_line(RSYNC, roots=(), hooks=[f"hook{n}" for n in range(10_000)], power=PLUGGED_IN, now=NOON)


@pytest.mark.parametrize(
    ("supplies", "power"),
    [
        ({}, PLUGGED_IN),
        ({"BAT0": {"type": "Battery", "capacity": "41", "status": "Discharging"}}, Power(on_battery=True, percent=41)),
        (
            {
                "AC": {"type": "Mains", "online": "0"},
                "BAT0": {"type": "Battery", "capacity": "40", "status": "Discharging"},
                "BAT1": {"type": "Battery", "capacity": "80", "status": "Not charging"},
            },
            Power(on_battery=True, percent=60),
        ),
        (
            {
                "AC": {"type": "Mains", "online": "1"},
                "BAT0": {"type": "Battery", "capacity": "100", "status": "Full"},
            },
            Power(on_battery=False, percent=100),
        ),
        (
            {
                "usb-c": {"type": "USB", "online": "1"},
                "BAT0": {"type": "Battery", "capacity": "20", "status": "Discharging"},
            },
            Power(on_battery=False, percent=20),
        ),
        ({"mouse": {"type": "Battery", "scope": "Device", "capacity": "5", "status": "Discharging"}}, PLUGGED_IN),
        ({"BAT0": {"type": "Battery", "capacity": "?", "status": "Unknown"}}, PLUGGED_IN),
        ({"AC": {"type": "Mains", "online": "1"}}, PLUGGED_IN),
    ],
)
def test_the_power_is_read_from_the_supplies(tmp_path: Path, supplies: dict[str, dict[str, str]], power: Power) -> None:
    for name, values in supplies.items():
        supply(tmp_path / "power_supply", name, **values)

    assert read_power(tmp_path / "power_supply") == power


def test_an_rsync_is_asked_whether_it_confines(tmp_path: Path) -> None:
    new, old = ask_rsync(find_rsync(None)), ask_rsync(str(rsync_that_does_not_confine(tmp_path)))

    assert new.confines
    assert not old.confines
    assert new.said == old.said
    assert "protocol version" in new.said


def test_a_missing_rsync_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="can't be started"):
        ask_rsync(find_rsync(tmp_path / "rsync"))
