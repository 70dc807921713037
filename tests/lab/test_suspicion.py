"""What a run makes of a Desktop whose files were encrypted, deleted, moved, or given to somebody else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.roles import job_yaml
from fingerprint import fingerprint
from program import Said, backupjump

pytestmark = pytest.mark.lab

FILES = 240
Change = Callable[[Path], None]


@dataclass
class Nights:
    """A Desktop with 240 files whose job has had three good runs."""

    lab: Lab
    config: Path
    ids: list[str] = field(default_factory=list)

    def say(self, *words: str) -> Said:
        return backupjump(self.config, *words)

    def run(self) -> dict[str, Any]:
        """Run the job and return its Run; whatever was published before must be as it was."""
        before = {id_: fingerprint(self.snapshots / id_) for id_ in self.ids}
        said = self.say("run", "nightly", "--json")
        assert "Traceback" not in said.err, said
        run: dict[str, Any] = json.loads(said.out)
        assert said.code == run["exit_code"]
        self.ids.append(run["snapshot"])
        assert {id_: fingerprint(self.snapshots / id_) for id_ in before} == before
        return run

    @property
    def home(self) -> Path:
        return self.lab.home

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.home.rglob("*") if path.is_file() and not path.is_symlink())

    @property
    def snapshots(self) -> Path:
        return self.lab.store / "desktop/nightly/snapshots"

    @property
    def latest(self) -> str:
        return (self.lab.store / "desktop/nightly/latest").readlink().name

    @property
    def state(self) -> dict[str, Any]:
        (state,) = self.say("status", "--json").json
        return dict(state)

    def edit_job(self, **keys: Any) -> None:
        job = job_yaml((self.home,)) + "".join(f"{name}: {json.dumps(value)}\n" for name, value in keys.items())
        (self.config.parent / "jobs/nightly.yaml").write_text(job)


@pytest.fixture
def nights(lab: Lab) -> Nights:
    for number in range(FILES):
        path = lab.home / f"d{number % 8}" / f"{number:03}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"content of {number}\n")
    config = lab.server_config()
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    made = Nights(lab, config)
    assert [made.run()["status"] for _night in range(3)] == ["ok"] * 3
    return made


def encrypt(home: Path, paths: list[Path]) -> None:
    for path in paths:
        path.write_bytes(bytes(byte ^ 0xA5 for byte in path.read_bytes()))


def test_encrypted_files_do_not_become_good_by_repetition_until_someone_says_so(nights: Nights) -> None:
    good = nights.ids[-1]
    encrypt(nights.home, nights.files)

    runs = [nights.run() for _night in range(3)]

    assert [(run["status"], run["exit_code"], run["error"]["code"]) for run in runs] == [
        ("suspect", 5, "suspect"), ("suspect", 5, "still-suspect"), ("suspect", 5, "still-suspect"),
    ]  # fmt: skip
    assert runs[0]["error"]["message"] == (
        f"compared with {good}, the last good snapshot: 240 of 240 files have another content "
        "(100 %; max_changed is 50 %)"
    )
    assert [run["files_linked"] for run in runs] == [0, FILES, FILES], "it may link against the newest one"
    assert nights.latest == good
    assert (nights.state["state"], nights.state["help"].rpartition(": ")[2]) == ("suspect", "backupjump ack nightly")

    unasked = nights.say("ack", "nightly")

    assert unasked.code == 1
    assert "backupjump ack nightly --yes" in unasked.err
    assert f"{nights.ids[-1]} is suspect: 240 files changed, 0 deleted, 0 new since {good}" in unasked.out
    folder = str(nights.home / "d0")
    assert ["0", "30", "0", folder] in [line.split() for line in unasked.out.splitlines()]
    assert f"changed: {folder}/000.txt" in unasked.out
    assert nights.latest == good
    assert nights.state["state"] == "suspect"

    acked = nights.say("ack", "nightly", "--yes", "--json")

    assert acked.code == 0, acked
    assert acked.json["acked"] == acked.json["awaiting"] == nights.ids[-3:]
    assert acked.json["folders"][0] == {
        "path": folder, "path_b64": acked.json["folders"][0]["path_b64"], "new": 0, "changed": 30, "deleted": 0,
    }  # fmt: skip
    assert nights.latest == nights.ids[-1]
    assert nights.state["state"] == "good"
    assert nights.run()["status"] == "ok"
    assert nights.say("ack", "nightly").out == "nightly has no suspect snapshot: there is nothing to ack\n"
    encrypt(nights.home, nights.files)
    assert nights.run()["error"]["code"] == "suspect"


@pytest.mark.long
def test_nor_where_the_manifest_of_the_last_good_snapshot_rots_meanwhile(nights: Nights) -> None:
    encrypt(nights.home, nights.files)
    nights.run()
    (nights.snapshots / nights.latest / "manifest.jsonl.zst").write_bytes(b"rot")

    run = nights.run()

    assert (run["exit_code"], run["error"]["code"], nights.latest) == (5, "still-suspect", nights.ids[2])


def test_what_came_back_is_good_and_pruning_stays_frozen_until_someone_looked(nights: Nights) -> None:
    nights.edit_job(keep={"last": 1})
    away = nights.home.with_name("away")
    shutil.move(nights.home / "d0", away / "d0")
    shutil.move(nights.home / "d1", away / "d1")
    shutil.move(nights.home / "d2", away / "d2")

    unmounted = nights.run()
    for folder in ("d0", "d1", "d2"):
        shutil.move(away / folder, nights.home / folder)
    mounted_again = nights.run()

    assert unmounted["error"]["message"].endswith("90 of 240 files are gone (37.5 %; max_deleted is 25 %)")
    assert (mounted_again["status"], mounted_again["error"]) == ("ok", None)
    assert mounted_again["files_linked"] == FILES, "what is in the last good one is linked to it and not sent again"
    assert mounted_again["bytes_new"] == 0
    assert nights.latest == mounted_again["snapshot"]
    assert nights.state["state"] == "suspect"
    assert set(nights.ids) == {path.name for path in nights.snapshots.iterdir()}
    assert nights.say("prune", "nightly").code == 1

    assert nights.say("ack", "nightly", "--yes").code == 0

    assert nights.state["state"] == "good"
    assert nights.latest == mounted_again["snapshot"]


def test_a_home_without_any_file_is_suspect_and_the_last_good_one_stays(nights: Nights) -> None:
    good = nights.ids[-1]
    for folder in nights.home.iterdir():
        shutil.rmtree(folder)

    run = nights.run()

    assert run["status"] == "suspect"
    assert "0 files are left (min_files is 1)" in run["error"]["message"]
    assert nights.latest == good


def rename_all(home: Path) -> None:
    for folder in sorted(home.glob("d?")):
        folder.rename(folder.with_name(f"moved-{folder.name}"))


def give_another_mode_and_time(home: Path) -> None:
    for path in home.rglob("*.txt"):
        path.chmod(0o600)
        os.utime(path, (5, 5))


@pytest.mark.parametrize("change", [rename_all, pytest.param(give_another_mode_and_time, marks=pytest.mark.long)])
def test_what_only_moved_or_has_another_mode_and_time_is_not_lost(nights: Nights, change: Change) -> None:
    change(nights.home)

    run = nights.run()

    assert (run["status"], run["error"]) == ("ok", None)


@pytest.mark.parametrize(
    ("keys", "lost", "status"),
    [
        ({"exclude": ["d[0-5]/"]}, 0, "ok"),
        pytest.param({"exclude": ["0??.txt", "/**/d7"], "include": ["000.txt"]}, 0, "ok", marks=pytest.mark.long),
        pytest.param({"max_size": "5 B"}, 0, "suspect", marks=pytest.mark.long),
        ({"exclude": ["d0/"]}, 100, "suspect"),
        pytest.param({"one_file_system": False}, 100, "ok", marks=pytest.mark.long),
    ],
)
def test_what_edited_rules_leave_out_is_not_lost_and_what_is_gone_besides_is(
    nights: Nights, keys: dict[str, Any], lost: int, status: str
) -> None:
    nights.edit_job(**keys)
    for path in nights.files[-lost:] if lost else []:
        path.unlink()

    assert nights.run()["status"] == status


@pytest.mark.long
def test_a_source_that_was_taken_off_the_job_is_not_lost(nights: Nights) -> None:
    job = (nights.config.parent / "jobs/nightly.yaml").read_text()
    (nights.config.parent / "jobs/nightly.yaml").write_text(job.replace(str(nights.home), str(nights.home / "d0")))

    run = nights.run()

    assert (run["status"], run["files_total"]) == ("ok", FILES // 8)


@pytest.mark.long
def test_a_desktop_that_changes_much_before_the_third_good_run_is_not_suspect(lab: Lab) -> None:
    for number in range(FILES):
        (lab.home / str(number)).write_text(f"content of {number}\n")
    config = lab.server_config()
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    young = Nights(lab, config)

    for _night in range(3):
        assert young.run()["status"] == "ok"
        encrypt(lab.home, young.files)

    assert young.run()["status"] == "suspect"


@pytest.mark.long
def test_unchanged_files_that_are_stored_again_are_told_of_with_the_reason(nights: Nights) -> None:
    (nights.home / "large").write_bytes(os.urandom(11_000_000))
    assert nights.run()["warnings"] == []
    (nights.home / "large").chmod(0o640)

    run = nights.run()

    assert (run["status"], run["bytes_received"] < 1_000_000) == ("ok", True)
    why = "1 file was stored again with the same content, 11 MB: mostly because the mode changed (chmod -R?)"
    assert run["warnings"] == [why]
    assert run["bytes_new"] == 11_000_000
    assert run["bytes_linked"] == run["bytes_total"] - 11_000_000


def test_cron_is_told_of_a_suspect_run_once(nights: Nights) -> None:
    encrypt(nights.home, nights.files)

    first, second = nights.say("run", "nightly"), nights.say("run", "nightly")

    assert (first.code, second.code) == (5, 5)
    assert "hint: see what changed, and say so if it is right: backupjump ack nightly" in first.out
    assert (second.out, second.err) == ("", "")


@pytest.mark.needs_root
@pytest.mark.long
def test_a_store_that_fills_up_while_nothing_may_be_pruned_is_an_alarm_of_its_own(small_store: Nights) -> None:
    encrypt(small_store.home, small_store.files)
    assert small_store.run()["warnings"] == []
    with (small_store.lab.store / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, 245_000_000)

    frozen = small_store.say("run", "nightly")

    assert frozen.code == 5
    assert "the store fills up while pruning is frozen: " in frozen.out
    assert "stay until: backupjump ack nightly" in frozen.out


@pytest.fixture
def small_store(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Nights]:
    """The same Desktop, and a store on a file system of 256 MiB of its own."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(lab.store)], check=True)
    try:
        yield request.getfixturevalue("nights")
    finally:
        subprocess.run(["umount", str(lab.store)], check=True)
