"""A Desktop whose rsync sends what nobody asked for gets none of it into a snapshot, and learns nothing by it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from backupjump.errors import TransferFailed
from backupjump.operations.by_list.names import may_vouch
from backupjump.store.manifest import read_manifest
from backupjump.store.stage import stage
from fingerprint import fingerprint
from list_world import Side, pull_as_ever, pull_by_list, pull_whole
from rsync_world import plan_of, remote_shell
from store_world import AT, make_store, opened, write

pytestmark = pytest.mark.lab

# Between rsync here and the Desktop's: a name that is asked for becomes another one of the same length.
_REWRITE = r"""
import os, subprocess, sys, threading
asked, sent = (os.fsencode(each) + b"\0" for each in sys.argv[1:3])
sender = subprocess.Popen(["sh", "-c", " ".join(sys.argv[3:])], stdin=subprocess.PIPE, bufsize=0)

def pass_on():
    while block := os.read(0, 1 << 16):
        sender.stdin.write(block.replace(asked, sent))
    sender.stdin.close()

threading.Thread(target=pass_on, daemon=True).start()
os._exit(sender.wait())
"""
MANY = 400


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for number in range(MANY):
        write(tmp_path / f"home/f{number:03}", b"before %d" % number)
    write(tmp_path / "home/asked")
    write(tmp_path / "home/other", b"as it was")
    return tmp_path / "home"


@pytest.fixture
def side(tmp_path: Path) -> Side:
    return Side(folder=make_store(tmp_path / "store", kind=StoreKind.HARDLINK), shell=remote_shell(tmp_path))


def lying(side: Side, place: Path, *, asked: str, sent: str) -> Side:
    (place / "rewrite.py").write_text(_REWRITE)
    (place / "lying").mkdir()
    script = f'exec "{sys.executable}" "{place}/rewrite.py" {asked} {sent} "$@"'
    return replace(side, shell=remote_shell(place / "lying", script))


def change_much(home: Path) -> None:
    for number in range(MANY):
        write(home / f"f{number:03}", b"after %d, of another size" % number)


def test_many_changes_are_brought_by_a_list_too(side: Side, home: Path) -> None:
    pull_whole(side, home)
    change_much(home)

    second = pull_by_list(side, home)

    assert fingerprint(second.tree / str(home)[1:]) == fingerprint(home)


def test_what_nobody_asked_for_comes_into_no_snapshot(side: Side, home: Path, tmp_path: Path) -> None:
    first = pull_whole(side, home)
    change_much(home)
    write(home / "asked", b"new content")
    here = first.tree / str(home)[1:]
    before = fingerprint(here)

    # What is `other` by now was changed after the list, which the Desktop has made up.
    def stale(lines: tuple[str, ...]) -> tuple[str, ...]:
        write(home / "other", b"what nobody asked for")
        return lines

    second = pull_as_ever(replace(lying(side, tmp_path, asked="asked", sent="other"), lie=stale), home)

    there = second.tree / str(home)[1:]
    assert second.whole == ""
    assert not (there / "asked").exists()  # the other one came instead
    assert (there / "other").read_bytes() == b"as it was"
    assert (there / "f000").read_bytes() == b"after 0, of another size"
    assert fingerprint(here) == before
    third = pull_by_list(side, home)
    assert fingerprint(third.tree / str(home)[1:]) == fingerprint(home)


def test_where_a_link_leads_out_of_the_base_rsync_looks_at_each_name_itself(
    side: Side, home: Path, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    write(secrets / "x", b"the Server's own")
    (home / "to").symlink_to(secrets)
    write(home / "in/x", b"asked for")
    pull_whole(side, home)
    change_much(home)
    write(home / "in/x", b"asked for again")
    (home / "to").unlink()
    write(home / "to/x", b"the Server's ???")
    os.utime(home / "to/x", ns=((secrets / "x").stat().st_mtime_ns,) * 2)

    def hidden(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(line for line in lines if f"{str(home)[1:]}/to" not in line)

    with pytest.raises(TransferFailed, match="unrequested"):
        pull_by_list(replace(lying(side, tmp_path, asked="in/x", sent="to/x"), lie=hidden), home)


@pytest.mark.parametrize(
    ("target", "names", "in_place", "vouched"),
    [
        ("gone", MANY, False, True),
        ("home/d", MANY, False, True),
        (".", MANY, False, True),
        ("/usr", MANY, False, False),
        ("../../../../..", MANY, False, False),
        ("gone", MANY, True, False),
        ("gone", 10, False, False),
    ],
)
def test_rsync_is_trusted_with_many_names_alone_and_where_no_link_leads_out(
    side: Side, home: Path, target: str, names: int, *, in_place: bool, vouched: bool
) -> None:
    write(home / "d/x")
    (home / "link").symlink_to(target)
    first = pull_whole(side, home)
    links = [entry.path for entry in read_manifest(first.published.snapshot.manifest) if entry.type == "symlink"]
    plan = plan_of(home, home, side.shell, in_place=in_place)

    with opened(side.folder) as store:
        staging = stage(store, side.folder, sources=(str(home),), run_id="r2", now=AT, may_list=True)

        assert may_vouch(staging, plan, names=names, links=links) is vouched
        assert not may_vouch(staging, plan, names=names, links=None)
