from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backupjump.config.desktop import Tunnel, Window
from backupjump.config.times import read_every
from backupjump.gate.power import Power
from backupjump.gate.tunnel_told import tunnel_told
from backupjump.gate.veto import AGENT

TUNNEL = Tunnel(jump_nodes=(), port=2020)
PLAIN = {
    "opens": "when-due",
    "every": "20h",
    "windows": [],
    "deferred_at": None,
    "deferred_why": None,
    "veto": "",
    "nodelay": None,
}
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLUGGED_IN = Power(on_battery=False, percent=80)


def told(tunnel: Tunnel, state: Path) -> dict[str, Any]:
    return tunnel_told(tunnel, state=state, power=PLUGGED_IN, now=NOW)


def test_the_server_hears_when_the_tunnel_opens(tmp_path: Path) -> None:
    windows = (Window(read_every(["mon", "thu"]), "22:00", timedelta(hours=8)),)

    assert told(TUNNEL, tmp_path) == PLAIN
    assert told(replace(TUNNEL, opens="windows", windows=windows), tmp_path) == {
        **PLAIN,
        "opens": "windows",
        "windows": [{"every": ["mon", "thu"], "at": "22:00", "for": "8h"}],
    }


def test_the_server_hears_what_the_owner_has_put_off_and_that_the_tunnel_is_slow(tmp_path: Path) -> None:
    agent = {"deferred_at": "2026-11-22T12:00:00Z", "deferred_why": "on battery, 12 %", "pid": 7, "nodelay": False}
    (tmp_path / AGENT).write_text(json.dumps(agent))

    assert told(TUNNEL, tmp_path) == {
        **PLAIN,
        "deferred_at": "2026-11-22T12:00:00Z",
        "deferred_why": "on battery, 12 %",
        "nodelay": False,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"deferred_at": 5, "nodelay": 1}',
        '{"deferred_at": "yesterday"}',
        '{"deferred_at": null}',
        "[" * 9000,
    ],
)
def test_what_is_no_answer_of_the_agent_is_told_as_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / AGENT).write_text(text)

    assert told(TUNNEL, tmp_path) == PLAIN
