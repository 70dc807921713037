"""Making a store: once, in a folder that is there, and only on a filesystem that is fit for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import Ownership, StoreKind
from backupjump.errors import NoStore, StoreError
from backupjump.operations.store_init import WantedKind, choose_kind, choose_ownership, init_store
from backupjump.store.marker import read_marker
from backupjump.store.probe import Capabilities, probe
from backupjump.store.store import open_store

# linux/seccomp.h and linux/filter.h: load the number of the system call; answer linkat and link with
# EPERM, as FAT does; allow all others.
WITHOUT_HARD_LINKS = """
import ctypes, os, struct, sys
link, linkat = {"x86_64": (86, 265), "aarch64": (1025, 37)}[os.uname().machine]
steps = [(0x20, 0, 0, 0), (0x15, 2, 0, link), (0x15, 1, 0, linkat), (6, 0, 0, 0x7FFF0000), (6, 0, 0, 0x00050001)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0, "no_new_privs"
assert libc.prctl(22, 2, program) == 0, "seccomp"
from backupjump.cli.main import run_cli
sys.exit(run_cli(sys.argv[1:]))
"""


def test_an_empty_folder_becomes_a_store_that_only_its_user_can_look_into(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()

    made = init_store(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "RESTORE-WITHOUT-BACKUPJUMP.txt", "backupjump-store.json", "lost+found",
    ]  # fmt: skip
    assert tmp_path.stat().st_mode & 0o7777 == 0o700
    assert not made.others_can_look
    assert read_marker(tmp_path, uuid=made.marker.uuid) == made.marker
    open_store(tmp_path, uuid=made.marker.uuid).close()


def test_the_probe_finds_what_this_machine_can_do_and_leaves_nothing(tmp_path: Path) -> None:
    found = probe(tmp_path)

    why = found.no_subvolumes_why
    assert found == Capabilities(
        hard_links=True, xattrs=True, acls=True, nanoseconds=True, locks=True, no_subvolumes_why=why
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "why_not", "chosen", "because"),
    [
        ("auto", "", StoreKind.BTRFS, "subvolumes work here"),
        ("auto", "the filesystem is not btrfs", StoreKind.HARDLINK, "the filesystem is not btrfs"),
        ("hardlink", "", StoreKind.HARDLINK, "as the config says"),
        ("btrfs", "", StoreKind.BTRFS, "as the config says"),
    ],
)
def test_the_kind_is_what_was_asked_for_or_what_works(
    tmp_path: Path, wanted: WantedKind, why_not: str, chosen: StoreKind, because: str
) -> None:
    kind, why = choose_kind(tmp_path, wanted, replace(probe(tmp_path), no_subvolumes_why=why_not))

    assert kind is chosen
    assert because in why


def test_a_store_is_not_made_of_btrfs_where_there_is_none(tmp_path: Path) -> None:
    found = replace(probe(tmp_path), no_subvolumes_why="the filesystem is not btrfs")

    with pytest.raises(StoreError, match="is not btrfs") as caught:
        choose_kind(tmp_path, "btrfs", found)

    assert "kind: auto" in caught.value.hint


def test_a_config_that_says_another_kind_than_the_store_is_refused(tmp_path: Path) -> None:
    made = init_store(tmp_path, kind="hardlink")

    with pytest.raises(StoreError, match="kind hardlink for good, the config says btrfs"):
        open_store(tmp_path, uuid=made.marker.uuid, kind="btrfs")


def test_a_folder_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(NoStore) as caught:
        init_store(tmp_path / "not" / "mounted")

    assert f"mkdir {tmp_path}/not/mounted" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_is_taken_only_on_request_and_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "holiday.jpg").touch()

    with pytest.raises(StoreError, match=r"holiday\.jpg") as caught:
        init_store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]
    assert "store init --yes" in caught.value.hint

    made = init_store(tmp_path, even_with_files=True)
    assert made.others_can_look
    assert tmp_path.stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("even_with_files", [False, True])
def test_a_store_is_never_made_anew(tmp_path: Path, even_with_files: bool) -> None:
    made = init_store(tmp_path)

    with pytest.raises(StoreError, match=f"a store already, uuid {made.marker.uuid}"):
        init_store(tmp_path, even_with_files=even_with_files)

    assert read_marker(tmp_path) == made.marker


@pytest.mark.parametrize(
    ("is_root", "xattrs", "ownership"),
    [
        (True, True, Ownership.NATIVE),
        (True, False, Ownership.NATIVE),
        (False, True, Ownership.FAKE_SUPER),
        (False, False, Ownership.PLAIN),
    ],
)
def test_how_owners_are_kept_follows_from_who_and_where(is_root: bool, xattrs: bool, ownership: Ownership) -> None:
    assert choose_ownership(is_root=is_root, xattrs=xattrs) is ownership


def command(
    tmp_path: Path, *words: str, start: tuple[str, ...] = ("-m", "backupjump")
) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "backupjump.yaml"
    config.write_text(f"store: {{path: {json.dumps(str(tmp_path / 'store'))}}}\n")
    argv = [sys.executable, *start, "--config", str(config), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(tmp_path)})


def test_the_command_prints_the_uuid_and_how_to_pin_it(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()

    done = command(tmp_path, "store", "init")

    uuid = read_marker(tmp_path / "store").uuid
    assert (done.returncode, done.stderr) == (0, "")
    assert f"store: {{uuid: {uuid}}}" in done.stdout
    assert "0700" in done.stdout


def test_a_filesystem_without_hard_links_is_refused_and_nothing_is_left_there(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o755)

    done = command(tmp_path, "store", "init", start=("-c", WITHOUT_HARD_LINKS))

    assert (done.returncode, done.stdout) == (1, "")
    assert "has no hard links" in done.stderr
    assert "hint: use ext4" in done.stderr
    assert list((tmp_path / "store").iterdir()) == []
    assert (tmp_path / "store").stat().st_mode & 0o7777 == 0o755
