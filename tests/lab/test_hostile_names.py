"""A Desktop that sends names and links by which this Server's own files could be written, or read into a snapshot."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backupjump.demo.lab import Lab
from hostile_sender import ALL, Sender, send_instead
from lab.filesystems import disk
from lab.gated import gated, nightly, published, stand
from program import backupjump

pytestmark = pytest.mark.lab

SECRET = "the Server's secret"
SAME_SIZE = "the Desktop's file."
AN_HOUR_AGO = 1_700_000_000


def entries(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def outside(lab: Lab) -> Path:
    """A folder of the Server's with a secret in it, on the filesystem of the store."""
    folder = lab.folder / "server/private"
    folder.mkdir()
    secret = folder / "secret"
    secret.write_text(SECRET)
    os.utime(secret, (AN_HOUR_AGO, AN_HOUR_AGO))
    return folder


def test_names_that_were_not_asked_for_are_refused(lab: Lab, outside: Path) -> None:
    """S5 is the last one: rsync on the Desktop knows the exclude, and a Desktop that lies does not care."""
    world, far = gated(lab), os.fsencode(outside / "evil")
    for name in ("zz_evil", "Q" * len(far), "lnkQevil", "fakeQtmp"):
        (world.home / name).touch()
    (world.home / "lnk").symlink_to(outside)
    (world.home / "YYYYY").mkdir()
    (world.home / "YYYYY/evil").touch()
    lies = {
        "up": ({b"zz_evil": b"../evil"}, "unsafe pathname from sender: ../evil"),
        "a folder up": ({b"YYYYY": b"../.."}, "unsafe pathname from sender: ../.."),
        "absolute": ({b"Q" * len(far): far}, "unsafe pathname from sender: /"),
        "behind a link that came just before": ({b"Qevil": b"/evil"}, "from sender: lnk/evil"),
        "S5, excluded": ({b"fakeQtmp": b"fake.tmp"}, "rejecting excluded file-list name: fake.tmp"),
    }
    config = stand(lab, nightly(world, exclude=["*.tmp"], attempts=1))

    for rewrite, says in lies.values():
        send_instead(lab, world, Sender(keep=ALL, rewrite=rewrite))
        said = backupjump(config, "run", "nightly", "--json")

        assert (said.code, said.json["error"]["code"]) == (1, "rsync"), said
        assert says in said.json["error"]["message"]
        assert published(lab) == []
        assert entries(outside) == {"secret"}
        assert [path for path in lab.store.rglob("*evil*") if not path.is_relative_to(lab.store / "desktop")] == []


def test_a_link_and_a_folder_of_one_name_write_nothing_where_the_link_leads(lab: Lab, outside: Path) -> None:
    world = gated(lab)
    (world.home / "QlinkQ").symlink_to(outside)
    (world.home / "folder").mkdir()
    (world.home / "folder/evil").touch()
    config = stand(lab, nightly(world, attempts=1))
    before = entries(outside)
    send_instead(lab, world, Sender(keep=ALL, rewrite={b"QlinkQ": b"folder"}))

    said = backupjump(config, "run", "nightly", "--json")

    assert entries(outside) == before, said


def file_behind(home: Path, outside: Path) -> tuple[Path, Path]:
    """Make a link to the secret; return where a file is to take its place, and its path below the home."""
    (home / "letter").symlink_to(outside / "secret")
    return home / "letter", Path("letter")


def folder_behind(home: Path, outside: Path) -> tuple[Path, Path]:
    """Make a link to the secret's folder; return where a file in a folder is to take its place, and its path."""
    (home / "private").symlink_to(outside)
    return home / "private", Path("private/secret")


def link_then_file(
    lab: Lab, outside: Path, plant: Callable[[Path, Path], tuple[Path, Path]], text: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Back up a link to the secret, then a file of that name and time in its place, twice; return the last two Runs."""
    world = gated(lab)
    link, name = plant(world.home, outside)
    config = stand(lab, nightly(world, gates={"min_files": 0, "max_deleted": "100%", "max_changed": "100%"}))
    assert backupjump(config, "run", "nightly", "--json").code == 0
    link.unlink()
    (world.home / name).parent.mkdir(exist_ok=True)
    (world.home / name).write_text(text)
    os.utime(world.home / name, (AN_HOUR_AGO, AN_HOUR_AGO))

    first, second = (backupjump(config, "run", "nightly", "--json").json for _ in range(2))

    assert (outside / "secret").read_text().startswith(SECRET)
    assert (outside / "secret").stat().st_nlink == 1
    assert entries(outside) == {"secret"}
    assert SECRET not in [text_in(lab, run, world.home / name) for run in (first, second)]
    assert text_in(lab, second, world.home / name) == text
    assert second["status"] == "ok"
    return first, second


def text_in(lab: Lab, run: dict[str, Any], path: Path) -> str | None:
    """Return what a run's snapshot has at `path`, None if it is not there."""
    stored = lab.store / "desktop/nightly/snapshots" / run["snapshot"] / "tree" / path.relative_to("/")
    return stored.read_text() if stored.exists() else None


@pytest.mark.parametrize("text", [SAME_SIZE, pytest.param("another size", marks=pytest.mark.long)])
def test_s1_a_file_in_the_place_of_a_link_is_the_desktop_s(lab: Lab, outside: Path, text: str) -> None:
    first, _second = link_then_file(lab, outside, file_behind, text)

    assert first["status"] == "ok", first


def test_s1_a_folder_in_the_place_of_a_link_does_not_bring_what_the_server_has_there(lab: Lab, outside: Path) -> None:
    assert len(SECRET) == len(SAME_SIZE)

    first, _second = link_then_file(lab, outside, folder_behind, SAME_SIZE)

    # In a store that keeps links in xattrs there is none to be followed.
    told = ["comes with the next run" in warning for warning in first["warnings"]]
    assert (first["status"], told) == (("warning", [True]) if os.geteuid() == 0 else ("ok", [])), first


def test_s1_nor_does_the_desktop_learn_what_a_file_of_another_size_there_holds(lab: Lab, outside: Path) -> None:
    guess = SECRET + random.Random(1).randbytes(20_000).hex()  # compressed on its way it is half of that
    (outside / "secret").write_text(guess)

    first, second = link_then_file(lab, outside, folder_behind, guess + "?")

    # Compared with the secret, only the blocks that differ would have had to come.
    assert max(first["bytes_received"], second["bytes_received"]) > len(guess) // 3


@pytest.mark.needs_root
@pytest.mark.parametrize("plant", [pytest.param(file_behind, marks=pytest.mark.long), folder_behind])
def test_s1_nor_where_the_new_tree_is_a_copy_of_the_last_one(
    lab: Lab, outside: Path, plant: Callable[[Path, Path], tuple[Path, Path]]
) -> None:
    with disk("btrfs", lab.store):
        first, _second = link_then_file(lab, outside, plant, SAME_SIZE)
        lab.close_tunnel()

    assert first["status"] == "ok", first
