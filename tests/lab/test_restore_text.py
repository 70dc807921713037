"""The page in the store: its own command lines bring everything back, with the program nowhere to be found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import Ownership
from backupjump.store.layout import RESTORE_TEXT_NAME, JobFolder
from backupjump.store.restore_text import restore_text
from fingerprint import Print, fingerprint
from store_world import MARKER, make_store, rsync_from, take, write

pytestmark = pytest.mark.lab

BARE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
NOBODY = 65534


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder that other accounts can get into, which those below pytest's own are not."""
    path = tmp_path if os.geteuid() else Path("/var/tmp") / f"backupjump-{tmp_path.name}-{os.getpid()}"
    path.mkdir(mode=0o755, exist_ok=True)
    yield path
    if path != tmp_path:
        shutil.rmtree(path)


def make_home(home: Path) -> None:
    write(home / "notes.txt")
    write(home / "run me", b"#!/bin/sh\n", mode=0o755)
    write(home / os.fsdecode(b"odd\xff\n\x1b name"))
    (home / "again").hardlink_to(home / "notes.txt")
    (home / "link").symlink_to("notes.txt")
    (home / "nowhere").symlink_to("/does/not/exist")
    os.setxattr(home / "notes.txt", "user.note", b"kept")
    sparse = write(home / "deep" / "sparse")
    os.truncate(sparse, 5_000_000)
    write(home / "deep" / "private" / "key", mode=0o600)
    (home / "deep" / "private").chmod(0o500)
    if os.geteuid() == 0:
        write(home / "program", b"set-uid", mode=0o4755)
        for name, owner in (("notes.txt", 1234), ("link", 1234), ("deep", 4321), ("program", 7)):
            os.chown(home / name, owner, owner + 1, follow_symlinks=False)
        (home / "program").chmod(0o4755)
        os.mknod(home / "device", 0o020640, os.makedev(1, 3))
    for path in [*sorted(home.rglob("*"), reverse=True), home]:
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)


def filled_store(place: Path, ownership: Ownership) -> tuple[JobFolder, Path]:
    home = place / "home" / "me"
    make_home(home)
    folder = make_store(place / "store", ownership=ownership)
    (folder.store / RESTORE_TEXT_NAME).write_text(restore_text(replace(MARKER, ownership=ownership)))
    fake = ("--fake-super",) if ownership is Ownership.FAKE_SUPER else ()
    take(folder, rsync_from(home, *fake), sources=(str(home),))
    return folder, home


def command_lines(page: str, heading: str) -> list[str]:
    """Return the rsync lines below the heading that begins so."""
    after = page[page.index(f"\n{heading}") + 1 :].partition("\n")[2]
    section = re.split(r"\n(?=[A-Z])", after)[0]
    return re.findall(r"^ {4}(rsync .*)$", section, flags=re.MULTILINE)


def type_in(line: str, *, store: Path, target: Path, path: str = "", prefix: Sequence[str] = ()) -> bytes:
    """Type a line of the page into a shell in the store, the real names in place, without our program."""
    words = {"DESKTOP": "desktop", "JOB": "nightly", "TARGET": str(target), "PATH": path}
    typed = re.sub("|".join(rf"\b{word}\b" for word in words), lambda match: words[match[0]], line)
    assert shutil.which("backupjump", path=BARE["PATH"]) is None
    done = subprocess.run(
        [*prefix, "/bin/sh", "-c", typed], cwd=store, env=BARE, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b""), typed
    return done.stdout


def without_owners(prints: dict[str, Print]) -> dict[str, Print]:
    return {name: replace(found, owner=(0, 0)) for name, found in prints.items()}


def restored(place: Path, folder: JobFolder, line: str, home: Path, prefix: Sequence[str] = ()) -> dict[str, Print]:
    target = place / "restored"
    target.mkdir()
    if prefix:
        os.chown(target, NOBODY, NOBODY)
    type_in(line, store=folder.store, target=target, prefix=prefix)
    return fingerprint(target / home.relative_to("/"))


@pytest.mark.needs_root
@pytest.mark.parametrize("ownership", [Ownership.NATIVE, Ownership.FAKE_SUPER])
def test_root_gets_back_everything_owners_and_devices_too(place: Path, ownership: Ownership) -> None:
    folder, home = filled_store(place, ownership)
    line, _one = command_lines((folder.store / RESTORE_TEXT_NAME).read_text(), "As root")

    assert restored(place, folder, line, home) == fingerprint(home)


def test_the_owner_of_a_fake_super_store_gets_back_everything_but_owners(place: Path) -> None:
    folder, home = filled_store(place, Ownership.FAKE_SUPER)
    line, _one = command_lines((folder.store / RESTORE_TEXT_NAME).read_text(), "As root")
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        for path in [folder.store, *folder.store.rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        (home / "device").unlink()
        (home / "program").chmod(0o755)  # a set-uid bit is root's to give
        os.utime(home, (1_600_000_000, 1_600_000_000))

    found = restored(place, folder, line, home, prefix)

    if prefix:
        found["program"] = replace(found["program"], mode=found["program"].mode.replace("s", "x"))
    assert without_owners(found) == without_owners(fingerprint(home))
    assert {each.owner for each in found.values()} == {(NOBODY, NOBODY) if prefix else (os.getuid(), os.getgid())}


def test_a_plain_store_gives_back_everything_but_owners(place: Path) -> None:
    folder, home = filled_store(place, Ownership.PLAIN)
    line, _one = command_lines((folder.store / RESTORE_TEXT_NAME).read_text(), "As the user")

    found = restored(place, folder, line, home)

    assert without_owners(found) == without_owners(fingerprint(home))
    assert {each.owner for each in found.values()} == {(os.getuid(), os.getgid())}


@pytest.mark.parametrize("ownership", [Ownership.FAKE_SUPER, Ownership.PLAIN])
def test_one_file_comes_back_at_its_own_path(place: Path, ownership: Ownership) -> None:
    folder, home = filled_store(place, ownership)
    page = (folder.store / RESTORE_TEXT_NAME).read_text()
    heading = "As the user" if ownership is Ownership.PLAIN else "As root"
    _all, one = command_lines(page, heading)
    path = str((home / "deep/private/key").relative_to("/"))

    target = place / "restored"
    target.mkdir()
    type_in(one, store=folder.store, target=target, path=path)

    files = [file for file in target.rglob("*") if not file.is_dir()]
    assert files == [target / path]
    assert (target / path).read_bytes() == b"content"
    assert (target / path).stat().st_mode & 0o7777 == 0o600


def test_the_list_can_be_read_with_zstdcat(place: Path) -> None:
    folder, home = filled_store(place, Ownership.PLAIN)
    (line,) = re.findall(r"^ {4}(zstdcat .*)$", (folder.store / RESTORE_TEXT_NAME).read_text(), flags=re.MULTILINE)

    listed = type_in(line, store=folder.store, target=place)

    assert f'"path":"{(home / "notes.txt").relative_to("/")}"'.encode() in listed


@pytest.mark.parametrize("ownership", Ownership)
def test_the_page_is_plain_text_that_fits_a_screen(ownership: Ownership) -> None:
    page = restore_text(replace(MARKER, ownership=ownership))

    assert page.isascii()
    assert max(map(len, page.splitlines())) <= 110
