"""Which enrolment's key has come in, as the gate notes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.gate.enrolment import LAST_ENROLMENT, note_enrolment, seen_enrolment


def test_the_last_enrolment_that_was_seen_is_remembered_and_written_once(tmp_path: Path) -> None:
    note_enrolment("0a0a0a0a", state=tmp_path)
    note_enrolment("1b1b1b1b", state=tmp_path)
    inode = (tmp_path / LAST_ENROLMENT).stat().st_ino
    note_enrolment("1b1b1b1b", state=tmp_path)

    assert seen_enrolment(tmp_path) == "1b1b1b1b"
    assert (tmp_path / LAST_ENROLMENT).stat().st_ino == inode
    assert [path.name for path in tmp_path.iterdir()] == [LAST_ENROLMENT]


@pytest.mark.parametrize("text", [None, "", "[]", '{"enrolment": 7}', '{"schema": 1}', "\xff"])
def test_what_tells_of_no_enrolment_is_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / LAST_ENROLMENT).write_text(text)

    assert seen_enrolment(tmp_path) is None
