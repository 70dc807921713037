"""What has arrived of a first backup that takes many sessions can be restored, and counts for no backup yet."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from backupjump.config.models import PARTIAL_FOLDER
from backupjump.demo.lab import Lab
from fingerprint import Print, fingerprint
from lab.test_broken_link import MEGABYTE, Place, ended, place_of, status_of
from program import backupjump, until

pytestmark = pytest.mark.lab

FILES = 15


def many_sessions(lab: Lab, **more: Any) -> Place:
    """Return the place of a first backup of many files, two of which are one, one of them large."""
    place = place_of(lab, size=4 * MEGABYTE, grace="1s", schedule={"every": "day"}, **more)
    for number in range(FILES):
        folder = lab.home / f"folder{number % 3}" / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{number:02}").write_bytes(os.urandom(MEGABYTE))
    (lab.home / "folder0/link").symlink_to("deep")
    (lab.home / "folder0/one").write_bytes(b"one file")
    (lab.home / "folder0/two").hardlink_to(lab.home / "folder0/one")
    return place


def session(place: Place, share: float) -> dict[str, Any]:
    """Let a run begin, cut it when so much has arrived, and return how it ended; the tunnel is there again then."""
    running = place.start()
    place.cut_at(share * (FILES + 4) * MEGABYTE / place.size)
    run = ended(running)
    place.lab.open_tunnel()
    return run


def snapshots(place: Place) -> list[dict[str, Any]]:
    found = backupjump(place.config, "snapshots", "nightly", "--json").json
    return list(found)


def folder_of(place: Place, snapshot: dict[str, Any]) -> Path:
    return place.lab.store / "desktop/nightly/snapshots" / snapshot["id"]


def files_of(prints: dict[str, Print]) -> dict[str, tuple[str, int, str]]:
    return {path: (each.mode, each.mtime_ns, each.content) for path, each in prints.items() if each.mode[0] == "-"}


def restored(place: Place, snapshot: dict[str, Any], name: str) -> Path:
    to = place.lab.folder / name
    assert backupjump(place.config, "restore", "nightly", "--snapshot", snapshot["id"], "--to", str(to)).code == 0
    return to / place.lab.home.relative_to("/")


@pytest.mark.long
def test_each_session_publishes_what_has_arrived_and_the_first_whole_backup_takes_its_place(lab: Lab) -> None:
    place = many_sessions(lab)
    source = files_of(fingerprint(lab.home))
    seen: list[dict[str, tuple[str, int, str]]] = []
    before: dict[str, Print] = {}
    for number, share in enumerate((0.3, 0.65)):
        run = session(place, share)
        assert (run["status"], run["snapshot"]) == ("interrupted", None)
        (found,) = snapshots(place)
        assert (found["status"], found["held"]) == ("seeding", False)
        assert found["keep_reasons"][-1] == "seeding: there is no whole backup yet"
        files = files_of(fingerprint(restored(place, found, f"back{number}")))
        assert files
        assert files.items() <= source.items()
        assert not seen or seen[-1].items() <= files.items()
        assert not any(PARTIAL_FOLDER in str(path) for path in folder_of(place, found).rglob("*"))
        assert backupjump(place.config, "verify", "nightly").code == 0
        seen.append(files)
        before = fingerprint(folder_of(place, found))
    assert backupjump(place.config, "hold", "nightly", found["id"]).code == 0
    assert len(seen[0]) < len(seen[1])
    state = status_of(place)
    assert (state["state"], state["last_good_at"]) == ("away", None)
    assert state["first_backup"]["percent"] >= 60
    assert not (lab.store / "desktop/nightly/latest").is_symlink()
    said = backupjump(place.config, "restore", "nightly", "--to", str(lab.folder / "nowhere"))
    assert said.code == 2
    assert "there is no whole backup of nightly yet" in said.err
    assert f"backupjump restore nightly --snapshot {found['id']} --to DIR" in said.err

    run = ended(place.start())

    assert run["bytes_received"] < 0.45 * (FILES + 4) * MEGABYTE
    assert fingerprint(folder_of(place, found)) == before
    assert fingerprint(place.tree(run)) == fingerprint(lab.home)
    assert [each["status"] for each in snapshots(place)] == ["seeding", "ok"]
    assert backupjump(place.config, "release", "nightly", found["id"]).code == 0
    again = ended(place.start())
    assert [each["status"] for each in snapshots(place)] == ["ok", "ok"]
    assert again["files_linked"] == again["files_total"]
    assert (lab.store / "desktop/nightly/latest").resolve().name == again["snapshot"]


def test_a_stopped_session_publishes_too_and_a_desktop_set_up_anew_does_not_take_its_place(lab: Lab) -> None:
    place = many_sessions(lab)
    running = place.start()
    until(lambda: place.arrived() > 8 * MEGABYTE, seconds=60, what="half of it")
    running.terminate()
    run = ended(running)
    (found,) = snapshots(place)
    assert (running.returncode, run["status"], found["status"]) == (143, "interrupted", "seeding")
    before = files_of(fingerprint(restored(place, found, "back")))
    assert len(before) >= 4
    shutil.rmtree(lab.home)
    lab.home.mkdir()
    (lab.home / "welcome").write_text("a new machine")

    anew = ended(place.start())

    assert (anew["status"], anew["exit_code"]) == ("warning", 3)
    assert f"{found['id']}, which is seeding, stays: of its {len(before)} files {len(before)} are gone" in str(anew)
    assert [each["status"] for each in snapshots(place)] == ["seeding", "warning"]
    assert files_of(fingerprint(restored(place, found, "again"))) == before
