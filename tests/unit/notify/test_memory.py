from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupjump.config.telling import Happening
from backupjump.errors import ConfigError
from backupjump.notify.memory import JobTold, Memory, Unreached, read_memories, write_memories

AT = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)
MEMORIES = {
    "email to me@localhost": Memory(
        jobs={"nightly": JobTold(kinds=frozenset({Happening.FAILED, Happening.STALE}), at=AT, since=AT, began=AT)},
        reasons={"disk-full": AT},
        digest_at=AT,
        unreached=Unreached(since=AT, at=AT, why="refused"),
    ),
    "command /bin/true": Memory(),
}


def test_what_was_told_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_memories(tmp_path / "told.json", MEMORIES)

    assert read_memories(tmp_path / "told.json") == MEMORIES


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"channels": {"a": {}}}', '{"channels": []}', "[" * 100_000, '{"channels": {"a": null}}']
    + ['{"channels": {"a": {"jobs": {"n": {"kinds": ["x"]}}, "reasons": {}, "digest_at": null, "unreached": null}}}'],
    ids=range(8),
)
def test_a_file_that_can_t_be_read_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "told.json").write_text(text)

    assert read_memories(tmp_path / "told.json") == {}


def test_a_memory_that_can_t_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError):
        write_memories(tmp_path / "file/told.json", MEMORIES)
