"""The history is derived: whatever becomes of its database, the runs are told as before, and backups go on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.roles import job_yaml
from backupjump.run import Run
from backupjump.store.layout import JobFolder
from backupjump.store.runs import append_run, read_runs
from program import backupjump
from store_world import AT, CONFIG, KEY, RUN, a_few_files, make_store, take

pytestmark = pytest.mark.lab

DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "deleted": lambda _content: None,
    "truncated": lambda content: content[: len(content) // 2],
    "emptied": lambda _content: b"",
    "random bytes": lambda content: random.Random(20261122).randbytes(len(content)),
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A store with the runs of two jobs, one of which is no longer in the config."""
    nightly = make_store(tmp_path / "store")
    for folder in (nightly, JobFolder(nightly.store, "laptop", "dropped")):
        folder.make()
        for number in range(2):
            append_run(folder, run_of(folder, number))
    (tmp_path / "backupjump.yaml").write_text(CONFIG.format(store=nightly.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/nightly.yaml").write_text("desktop: desktop\nsources: [/home/me]\n")
    return tmp_path / "backupjump.yaml"


def run_of(folder: JobFolder, number: int) -> Run:
    return replace(RUN, run_id=f"{folder.job} {number}", job=folder.job, desktop=folder.desktop)


def told(config: Path) -> list[str]:
    """Return which runs `history` tells of."""
    return [run["run_id"] for run in backupjump(config, "history", "--json").json]


def database_of(state: Path) -> Path:
    (database,) = state.glob("history-*.sqlite3")
    return database


@pytest.mark.parametrize(
    "damage",
    [pytest.param(name, marks=[pytest.mark.long] if name in ("truncated", "emptied") else []) for name in DAMAGES],
)
def test_with_a_lost_or_damaged_database_the_backup_runs_and_the_history_is_as_before(lab: Lab, damage: str) -> None:
    config = lab.server_config(jobs={"nightly": job_yaml((lab.home,))})
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    assert backupjump(config, "run", "nightly").code == 0
    before, database = told(config), database_of(lab.state)
    for beside in ("-wal", "-shm"):
        database.with_name(database.name + beside).unlink(missing_ok=True)
    content = DAMAGES[damage](database.read_bytes())
    database.unlink()
    if content is not None:
        database.write_bytes(content)

    said = backupjump(config, "run", "nightly")

    after = told(config)
    assert (said.code, said.out, said.err) == (0, "", "")
    assert len(before) == 1
    assert after[:-1] == before
    assert len(after) == 2


def test_a_rebuild_says_how_many_runs_there_are_and_keeps_the_old_database(config: Path) -> None:
    before = told(config)

    said = backupjump(config, "history", "--rebuild")

    database = database_of(config.parent / "state")
    assert said.out == f"the history is made anew: 4 runs; the one of before is {database}.old\n"
    assert (database.parent / f"{database.name}.old").is_file()
    assert told(config) == before == ["nightly 0", "nightly 1", "dropped 0", "dropped 1"]


def test_a_rebuild_without_a_database_tells_of_runs_that_only_their_snapshot_knows(config: Path) -> None:
    nightly = JobFolder(config.parent / "store", "desktop", "nightly")
    take(nightly, a_few_files, at=AT, run=run_of(nightly, 2))

    said = backupjump(config, "history", "--rebuild")

    assert said.out == "the history is made anew: 5 runs\n"
    assert "nightly 2" in told(config)
    assert len(read_runs(nightly)) == 2


def test_a_database_older_than_the_store_catches_up_without_a_run(config: Path) -> None:
    before = told(config)
    nightly = JobFolder(config.parent / "store", "desktop", "nightly")
    append_run(nightly, run_of(nightly, 2))

    assert sorted(told(config)) == sorted([*before, "nightly 2"])


def test_a_rebuild_is_not_for_one_job(config: Path) -> None:
    said = backupjump(config, "history", "nightly", "--rebuild")

    assert said.code == 2
    assert "--rebuild stands alone" in said.err


def test_without_the_store_nothing_is_set_aside(config: Path) -> None:
    before = told(config)
    store = config.parent / "store"
    store.rename(config.parent / "elsewhere")

    said = backupjump(config, "history", "--rebuild")

    (config.parent / "elsewhere").rename(store)
    assert said.code == 1
    assert not list((config.parent / "state").glob("*.old"))
    assert told(config) == before


def test_a_job_that_is_no_longer_in_the_config_can_still_be_asked_for(config: Path) -> None:
    dropped = backupjump(config, "history", "dropped", "--json")
    unknown = backupjump(config, "history", "nihgtly")

    assert [run["run_id"] for run in dropped.json] == ["dropped 0", "dropped 1"]
    assert (unknown.code, "did you mean 'nightly'?" in unknown.err) == (2, True)
