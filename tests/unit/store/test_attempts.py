"""What attempts tell of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.store.attempts import NOTE_NAME, bases_of_attempts
from store_world import a_few_files, attempt, make_store, take


def test_an_attempt_notes_which_snapshot_it_builds_on(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    attempt(folder, a_few_files)
    before = bases_of_attempts(folder)

    base = take(folder, a_few_files).snapshot
    attempt(folder, a_few_files)

    assert (before, bases_of_attempts(folder)) == (frozenset(), {base.id})


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"base": 1}', b"\xff"])
def test_a_note_that_can_t_be_read_names_none(tmp_path: Path, note: bytes) -> None:
    folder = make_store(tmp_path / "store")
    take(folder, a_few_files)
    (attempt(folder, a_few_files).path / NOTE_NAME).write_bytes(note)

    assert bases_of_attempts(folder) == frozenset()


def test_a_job_that_never_ran_has_none(tmp_path: Path) -> None:
    assert bases_of_attempts(make_store(tmp_path / "store")) == frozenset()
