from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupjump.config.desktop import Unless
from backupjump.gate.power import Power
from backupjump.gate.veto import AGENT, HELD, PAUSED, veto_told

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOTH = Unless(battery_below=0.4, metered=True)


def stamp(minutes: float) -> str:
    return f"{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("files", "power", "why"),
    [
        ({}, Power(False, 10), ""),
        ({}, Power(True, 39), "on battery, 39 %"),
        ({}, Power(True, 40), ""),
        ({}, Power(True, None), ""),
        ({PAUSED: {"until": stamp(1)}}, Power(False, 80), "paused"),
        ({PAUSED: {"until": stamp(-1)}}, Power(False, 80), ""),
        ({PAUSED: {"until": stamp(1)}, HELD: {"until": stamp(1)}}, Power(True, 1), ""),
        ({PAUSED: {"until": stamp(1)}, HELD: {"until": stamp(-1)}}, Power(False, 80), "paused"),
        ({AGENT: {"at": stamp(-1), "metered": True}}, Power(False, 80), "on a metered connection"),
        ({AGENT: {"at": stamp(-9), "metered": True}}, Power(False, 80), ""),  # of an agent that runs no more
        ({AGENT: {"at": 5, "metered": True}, PAUSED: {"until": []}}, Power(False, 80), ""),
    ],
)  # fmt: skip
def test_the_owner_s_word_is_that_of_now(tmp_path: Path, files: dict[str, object], power: Power, why: str) -> None:
    for name, values in files.items():
        (tmp_path / name).write_text(json.dumps(values))

    assert veto_told(BOTH, state=tmp_path, power=power, now=NOON) == why


def test_an_owner_who_minds_neither_battery_nor_cost_has_no_veto_by_them(tmp_path: Path) -> None:
    (tmp_path / AGENT).write_text(json.dumps({"at": stamp(0), "metered": True}))

    assert veto_told(Unless(), state=tmp_path, power=Power(True, 1), now=NOON) == ""
