from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupjump.gate.done import note_done
from backupjump.gate.grammar import Done
from backupjump.gate.veto import AGENT, HELD, PAUSED
from backupjump.operations.agent.decide import LastDone, Served
from backupjump.operations.agent.memory import (
    Told,
    read_done,
    read_published_at,
    read_told,
    read_until,
    write_told,
    write_until,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_what_the_gate_notes_is_what_the_agent_reads(tmp_path: Path) -> None:
    note_done(Done("warning", "run-1", more=True), state=tmp_path)
    published_at = read_published_at(tmp_path)
    note_done(Done("failed", "run-2"), state=tmp_path)

    done = read_done(tmp_path)

    assert published_at is not None
    assert done is not None
    assert (done.published, done.more) == (False, False)
    assert read_published_at(tmp_path) == published_at


@pytest.mark.parametrize("name", [HELD, PAUSED])
def test_what_a_person_asked_for_holds_until_then_or_until_taken_back(tmp_path: Path, name: str) -> None:
    assert read_until(tmp_path, name) is None

    write_until(tmp_path, name, NOON)
    assert read_until(tmp_path, name) == NOON

    write_until(tmp_path, name, None)
    write_until(tmp_path, name, None)
    assert read_until(tmp_path, name) is None


@pytest.mark.parametrize(
    "told",
    [
        Told(NOON, 7, "closed", "not due"),
        Told(
            NOON, 7, "waiting", "due", NOON, NOON, "paused", "jump", 3, "refused", "mend it", True, Served(NOON, NOON)
        ),
        Told(NOON, 7, "open", "due", jump_node="jump", nodelay=False),
    ],
)
def test_what_the_agent_tells_is_read_back(tmp_path: Path, told: Told) -> None:
    write_told(tmp_path, told)

    assert read_told(tmp_path) == told


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"at": 5}', '{"at": "2026-11-22T12:00:00Z"}', "[" * 5000])
def test_garbage_reads_as_nothing(tmp_path: Path, text: str) -> None:
    for name in (AGENT, HELD, "last-done.json", "last-published.json"):
        (tmp_path / name).write_text(text)

    assert read_told(tmp_path) is None
    assert read_until(tmp_path, HELD) is None
    assert read_done(tmp_path) in (None, LastDone(NOON, published=False, more=False))
