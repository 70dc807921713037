"""The gate's list as a Server gets it, and what would be gained by asking for another one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backupjump.config.models import Job
from backupjump.gate.mounts import filesystem_of
from backupjump.operations.source_list import list_words, omitted_folders
from backupjump.rsync.filters import filter_rules
from backupjump.ssh.control import backslashed
from desktop_program import desktop_argv
from gate_world import SECRET, GateWorld, gate_world, swapped_all_the_time
from pythons import PYTHONS

pytestmark = pytest.mark.lab


@pytest.fixture
def world(tmp_path: Path) -> GateWorld:
    return gate_world(tmp_path)


def names(lines: list[str], root: Path) -> list[str]:
    """Return the paths of all entries between header and trailer, below `root`."""
    return [os.path.relpath("/" + json.loads(line)["path"], root) for line in lines[1:-1]]


def entry(lines: list[str], path: Path) -> dict[str, Any]:
    return next(each for each in map(json.loads, lines[1:-1]) if each["path"] == str(path)[1:])


def test_a_list_has_a_header_every_name_in_order_and_their_number(world: GateWorld) -> None:
    before = time.time_ns()

    header, *entries, trailer = world.listed(f"{world.home}/")

    fd = os.open(world.home, os.O_RDONLY)
    kind = filesystem_of(fd)
    os.close(fd)
    told = json.loads(header)
    assert before < told.pop("at_ns") < time.time_ns()
    assert told == {"list": 1, "root": str(world.home), "dev": world.home.stat().st_dev, "filesystem": kind}
    assert names([header, *entries, trailer], world.home) == [".", "link", "notes", "sub", "sub/secret"]
    assert json.loads(trailer) == {"entries": 5}


@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_of_a_desktop_lists_alike(world: GateWorld, python: str) -> None:
    (world.home / os.fsdecode(b"\xff\n")).touch()
    there = replace(world, program=tuple(desktop_argv("gate", python=python)))

    assert there.listed(f"{world.home}/")[1:] == world.listed(f"{world.home}/")[1:]


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("{0}/outside/", "outside"),
        ("{0}/home/", "outside"),
        ("{0}/home2/", "outside"),
        ("{0}/home/me2/", "outside"),
        ("/", "outside"),
        ("-x /etc/", "outside"),
        ("{0}/home/me/link/", "link"),
        ("{0}/home/me/link/../../../outside/", "not-understood"),
        ("{0}/home/me/../../outside/", "not-understood"),
        ("{0}/home/me/./", "not-understood"),
        ("{0}/home/me", "not-understood"),
        ("{0}/home/me/notes/", "not-a-folder"),
        ("{0}/home/me/gone/", "absent"),
        ("{0}/home/me/ {0}/outside/", "not-understood"),
        ("{0}/home/me/ ../", "not-understood"),
        ("{0}/home/me/ a/b/", "not-understood"),
        ("{0}/home/me/ -x", "not-understood"),
        ("-x -x {0}/home/me/", "not-understood"),
        ("--follow {0}/home/me/", "not-understood"),
        ("{0}/home/me/\n{0}/outside/", "not-understood"),
        ("{0}/home/me/ a\x1b[2J/", "not-understood"),
        ("{0}/home/me/ " + "a/ " * 1500, "not-understood"),
        ("{0}/home/me/; cat {0}/outside/secret", "not-understood"),
    ],
)
def test_no_other_folder_is_listed(world: GateWorld, asked: str, word: str) -> None:
    done = world.ask(f"bj1 list {asked.format(world.folder)}")

    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith(f"backupjump-gate: refused: {word}: ")
    assert "secret" not in done.stderr


def test_no_link_is_gone_into_and_no_content_told(world: GateWorld) -> None:
    (world.home / "sub/up").symlink_to("../..")

    lines = world.listed(f"{world.home}/")

    assert entry(lines, world.home / "link")["target"] == "../../outside"
    assert names(lines, world.home) == [".", "link", "notes", "sub", "sub/secret", "sub/up"]
    assert SECRET not in "".join(lines)


def test_as_many_folders_are_left_out_as_the_command_can_name(world: GateWorld) -> None:
    for number in range(600):
        (world.home / f"n{number}").mkdir()

    lines = world.listed(f"{world.home}/", *(f"n{number}/" for number in range(590)), "sub/", f"{world.home}/n599/")

    assert names(lines, world.home) == [".", "link", *(f"n{number}" for number in range(590, 599)), "notes"]


@pytest.mark.needs_root
def test_another_disk_is_told_and_gone_into_only_if_asked_to(world: GateWorld) -> None:
    (world.home / "disk").mkdir()
    (world.home / "disk/hidden").touch()
    mount = f"mount -t tmpfs -o mode=1711 tmpfs '{world.home}/disk' && touch '{world.home}/disk/there'"
    around = ("unshare", "--mount", "--propagation", "private", "sh", "-c", f'{mount} && exec "$@"', "sh")

    stay = world.listed("-x", f"{world.home}/", around=around)
    cross = world.listed(f"{world.home}/", around=around)
    within = world.listed("-x", f"{world.home}/disk/", around=around)

    here = world.home.stat().st_dev
    disk, there = entry(stay, world.home / "disk"), entry(cross, world.home / "disk/there")
    assert (disk["type"], disk["mode"], len(disk["source"])) == ("dir", "1711", 4)
    assert disk["source"][3] != here
    assert there["source"][3] == entry(cross, world.home / "disk")["source"][3]
    assert names(stay, world.home) == [".", "disk", "link", "notes", "sub", "sub/secret"]
    assert names(cross, world.home) == [".", "disk", "disk/there", "link", "notes", "sub", "sub/secret"]
    assert names(within, world.home) == ["disk", "disk/there"]
    assert json.loads(within[0])["filesystem"] == "tmpfs"


def test_it_ends_without_a_word_when_nobody_listens_any_more(world: GateWorld) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        world.argv,
        env={**os.environ, "SSH_ORIGINAL_COMMAND": f"bj1 list {world.home}/"},
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


def test_a_folder_that_is_swapped_for_a_link_all_the_time_never_leads_outside(world: GateWorld) -> None:
    (world.secret.parent / "only outside").touch()

    with swapped_all_the_time(world.home / "sub", world.secret.parent):
        lists = [world.listed(f"{world.home}/") for _ in range(15)]

    assert all("only outside" not in name for lines in lists for name in names(lines, world.home))
    assert all(json.loads(lines[-1]) == {"entries": len(lines) - 2} for lines in lists)


@pytest.mark.parametrize(
    "exclude",
    [
        ["cache/", "! /", "!/", "+ a/", "-x/", "é/", "- b/"],
        ["{}/cache/", "{}/deep/+ a/", "{}/gone/", "/srv/", "!/"],
        ["deep/", "*.tmp", "/**/x/", "[!]/"],
        [".cache/", "link/", "file/", "{}/link/", "{}/file/"],
        ["+ a/", ":C/", ". /etc/passwd/", "H cache/", "/ deep/"],
    ],
    ids=str,
)
def test_nothing_is_left_out_that_rsync_would_bring(world: GateWorld, exclude: list[str]) -> None:
    odd = ["cache", "!", "! ", "+ a", "-x", "é", "- b", "b", "x", ".cache", "lost+found", "Cache", "deep", "- cache"]
    for name in (*odd, *(f"deep/{name}" for name in odd), *(f"{name}/y" for name in odd)):
        (world.home / name).mkdir(parents=True, exist_ok=True)
    (world.home / "file").touch()
    patterns = tuple(pattern.format(world.home) for pattern in exclude)
    job = Job(name="nightly", desktop="desktop", sources=(str(world.home),), exclude=patterns)
    rules = [f"--filter={rule}" for rule in filter_rules(str(world.home), exclude=patterns)]

    omitted = list_words(str(world.home), one_file_system=True, omitted=omitted_folders(job))[4:]
    lines = world.listed(*(backslashed([word]) for word in (f"{world.home}/", *omitted)))
    brought = world.rsync_of("-rln", "--out-format=%n", *rules, f"{world.home}/", f"{world.got}/").stdout

    everything = names(world.listed(f"{world.home}/"), world.home)
    assert {line.rstrip("/") for line in brought.splitlines()} - {"."} <= set(names(lines, world.home))
    assert len(lines) - 2 < len(everything)
