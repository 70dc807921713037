"""What a gate may tell of its Desktop besides, and an older one does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backupjump.operations.gate import Gate, read_gate

ANSWER: dict[str, Any] = {
    "gate": 1,
    "rsync": {"said": "rsync  version 3.5.1  protocol version 32", "confines": True},
    "roots": [],
    "clock": "2026-11-22T12:00:00Z",
    "hooks": [],
}
TUNNEL: dict[str, Any] = {"opens": "always", "every": "20h", "windows": [], "deferred_at": None, "deferred_why": None}


def gate_with(**more: Any) -> Gate:
    found = read_gate(0, json.dumps({**ANSWER, **more}).encode(), b"", host="desktop laptop")
    assert found is not None
    return found


def test_a_gate_may_tell_of_the_processor_and_of_a_tunnel_that_asks_for_a_session() -> None:
    tunnel = gate_with(tunnel={**TUNNEL, "nodelay": None}).tunnel

    assert [gate_with(aes=aes).aes for aes in (True, False, None)] == [True, False, None]
    assert tunnel is not None
    assert tunnel.asks_session


@pytest.mark.parametrize(
    ("words", "lists"), [(["probe", "list"], True), (["probe", "later"], False), ([], False), (None, False)]
)
def test_a_gate_tells_whether_it_lists(words: object, lists: bool) -> None:
    assert gate_with(words=words).lists is lists
