from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.config.desktop import Tunnel, Window
from backupjump.config.times import read_every
from backupjump.gate.tunnel_told import AGENT, tunnel_told

TUNNEL = Tunnel(jump_nodes=(), port=2020)
PLAIN = {"opens": "when-due", "every": "20h", "windows": [], "deferred_at": None, "deferred_why": None}


def test_the_server_hears_when_the_tunnel_opens(tmp_path: Path) -> None:
    windows = (Window(read_every(["mon", "thu"]), "22:00", timedelta(hours=8)),)

    assert tunnel_told(TUNNEL, state=tmp_path) == PLAIN
    assert tunnel_told(replace(TUNNEL, opens="windows", windows=windows), state=tmp_path) == {
        **PLAIN,
        "opens": "windows",
        "windows": [{"every": ["mon", "thu"], "at": "22:00", "for": "8h"}],
    }


def test_the_server_hears_what_the_owner_has_put_off(tmp_path: Path) -> None:
    told = {"deferred_at": "2026-11-22T12:00:00Z", "deferred_why": "on battery, 12 %", "pid": 7}
    (tmp_path / AGENT).write_text(json.dumps(told))

    assert tunnel_told(TUNNEL, state=tmp_path) == {
        **PLAIN,
        "deferred_at": "2026-11-22T12:00:00Z",
        "deferred_why": "on battery, 12 %",
    }


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"deferred_at": 5}', '{"deferred_at": "yesterday"}', '{"deferred_at": null}', "[" * 9000]
)
def test_what_is_no_answer_of_the_agent_is_told_as_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / AGENT).write_text(text)

    assert tunnel_told(TUNNEL, state=tmp_path) == PLAIN
