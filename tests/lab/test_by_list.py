"""What a pull by a list brings, links and leaves, in both kinds of store."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import Ownership, StoreKind
from backupjump.store.subvolume import is_subvolume
from fingerprint import fingerprint
from lab.filesystems import command, disk
from list_world import Side, Taken, pull_as_ever, pull_by_list, pull_whole
from rsync_world import remote_shell
from store_world import WRITTEN_AT, make_store, write

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]


@pytest.fixture(scope="module")
def btrfs() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="backupjump-test-") as name:
        Path(name).chmod(0o755)  # a plain user must get there
        with disk("btrfs", Path(name) / "disk") as made:
            yield made.folder


@pytest.fixture(params=list(StoreKind))
def side(request: pytest.FixtureRequest, tmp_path: Path, btrfs: Path) -> Side:
    return side_in(tmp_path, btrfs, kind=request.param)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(tmp_path / "home/stays")
    write(tmp_path / "home/d/large", os.urandom(500_000))
    return tmp_path / "home"


def side_in(place: Path, btrfs: Path, *, kind: StoreKind, ownership: Ownership = Ownership.NATIVE) -> Side:
    stores = btrfs / f"{place.name}.stores" if kind is StoreKind.BTRFS else place
    stores.mkdir(exist_ok=True)
    store = make_store(stores / f"store-{ownership}", kind=kind, ownership=ownership)
    return Side(folder=store, shell=remote_shell(place))


def inode(taken: Taken, path: Path) -> int:
    return taken.tree.joinpath(*path.parts[1:]).stat().st_ino


def content(taken: Taken, path: Path) -> bytes:
    return taken.tree.joinpath(*path.parts[1:]).read_bytes()


def prints(taken: Taken, home: Path) -> object:
    return fingerprint(taken.tree / str(home)[1:])


def test_a_file_that_moved_is_not_sent_again(side: Side, home: Path) -> None:
    pull_whole(side, home)
    (home / "d/large").rename(home / "d/moved")
    (home / "d").rename(home / "e")

    second = pull_by_list(side, home)

    assert prints(second, home) == fingerprint(home)
    assert second.pulled.bytes_received < 5000


def test_on_hard_links_a_file_that_moved_is_the_same_one(tmp_path: Path, btrfs: Path, home: Path) -> None:
    side = side_in(tmp_path, btrfs, kind=StoreKind.HARDLINK)
    first = pull_whole(side, home)
    (home / "d/large").rename(home / "moved")

    second = pull_by_list(side, home)

    assert inode(second, home / "moved") == inode(first, home / "d/large")


def test_a_file_that_moved_and_has_grown_is_sent_as_what_it_is(side: Side, home: Path) -> None:
    pull_whole(side, home)
    (home / "d/large").rename(home / "moved")
    with (home / "moved").open("ab") as file:
        file.write(b"more")

    second = pull_by_list(side, home)

    assert prints(second, home) == fingerprint(home)


def test_an_edit_that_keeps_size_and_time_is_looked_at_and_left_to_rsync_as_ever(side: Side, home: Path) -> None:
    """Its ctime gives it away, and rsync is asked; by size and time it takes the file for the same, as a whole pull."""
    pull_whole(side, home)
    write(home / "stays", b"CONTENT")

    by_list = pull_by_list(side, home)
    whole = pull_whole(side, home)

    assert content(by_list, home / "stays") == content(whole, home / "stays") == b"content"
    assert by_list.published.counts.files_changed == whole.published.counts.files_changed == 0


def test_with_a_new_time_an_edit_of_the_same_size_comes(side: Side, home: Path) -> None:
    pull_whole(side, home)
    write(home / "stays", b"CONTENT", mtime=WRITTEN_AT + 1)

    second = pull_by_list(side, home)

    assert content(second, home / "stays") == b"CONTENT"
    assert prints(second, home) == fingerprint(home)


def test_nothing_that_is_done_by_a_list_changes_an_older_snapshot(side: Side, home: Path) -> None:
    first = pull_whole(side, home)
    before = prints(first, home)
    (home / "d/large").chmod(0o600)
    (home / "stays").unlink()
    os.setxattr(home / "d", "user.note", b"x")
    write(home / "new")

    pull_by_list(side, home)

    assert prints(first, home) == before


@pytest.mark.parametrize("kind", StoreKind)
@pytest.mark.parametrize("ownership", Ownership)
def test_a_file_that_only_has_another_owner_stays(
    tmp_path: Path, btrfs: Path, home: Path, kind: StoreKind, ownership: Ownership
) -> None:
    side = side_in(tmp_path, btrfs, kind=kind, ownership=ownership)
    pull_whole(side, home)
    os.chown(home / "stays", 7, 7)
    (home / "d/large").chmod(0o644)  # as it was: another ctime, and nothing else

    second = pull_by_list(side, home)

    assert (content(second, home / "stays"), len(content(second, home / "d/large"))) == (b"content", 500_000)
    assert second.published.counts.files_deleted == 0


@pytest.mark.parametrize("kind", StoreKind)
def test_a_folder_that_a_plain_user_may_not_open_in_his_own_store_ends_no_run(
    btrfs: Path, home: Path, kind: StoreKind
) -> None:
    with tempfile.TemporaryDirectory(prefix="backupjump-test-", dir=btrfs) as name:
        place = Path(name)
        place.chmod(0o755)
        side = replace(side_in(place, place, kind=kind, ownership=Ownership.PLAIN), server=12345)
        for path in (side.folder.store, *side.folder.store.rglob("*")):
            os.chown(path, 12345, 12345)
        own = shutil.copytree(home, place / "home")
        taken = [pull_whole(side, own)]
        for do in (lambda: (own / "d").chmod(0), lambda: write(own / "d/new"), lambda: write(own / "beside")):
            do()
            taken.append(pull_as_ever(side, own))

        assert content(taken[-1], own / "beside") == b"content"
        assert all((each.tree / str(own)[1:] / "d").stat().st_mode & 0o777 == 0 for each in taken[1:])
        for each in place.rglob("tree"):
            if is_subvolume(each):
                command("btrfs", "subvolume", "delete", each)


@pytest.mark.parametrize("kind", StoreKind)
@pytest.mark.parametrize("says", ["new", "moved", "moved deep"])
def test_what_a_list_has_below_a_link_that_it_says_is_as_it_was_is_never_put_behind_it(
    tmp_path: Path, btrfs: Path, home: Path, kind: StoreKind, says: str
) -> None:
    side, outside = side_in(tmp_path, btrfs, kind=kind), tmp_path / "outside"
    outside.mkdir()
    (home / "link").symlink_to(outside)
    pull_whole(side, home)
    moved = home / "link/planted" if says != "moved deep" else home / "link/planted/deeper"
    (home / "d/large").rename(home / "d/moved")

    def lie(lines: tuple[str, ...]) -> tuple[str, ...]:
        at = next(number for number, line in enumerate(lines) if '/d/moved"' in line)
        link = next(number for number, line in enumerate(lines) if '/link"' in line)
        line = lines[at].replace(str(home / "d/moved"), str(moved)).replace(str(home / "d/moved")[1:], str(moved)[1:])
        if says == "new":
            line = line.replace('"source":[', '"source":[7')
        return (*lines[:at], *lines[at + 1 : link + 1], line, *lines[link + 1 :])

    taken = pull_as_ever(replace(side, lie=lie), home)

    assert list(outside.iterdir()) == []
    assert taken.whole.startswith("a link became a folder")
    assert prints(taken, home) == fingerprint(home)


def test_a_folder_whose_names_can_not_be_looked_at_gets_its_attributes_all_the_same(
    tmp_path: Path, btrfs: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix="backupjump-test-", dir=btrfs) as name:
        place = Path(name)
        place.chmod(0o755)
        plain = side_in(place, btrfs, kind=StoreKind.HARDLINK)
        shell = remote_shell(place, 'exec setpriv --reuid 4242 --regid 4242 --clear-groups sh -c "$*"')
        side = replace(plain, shell=shell, login=4242)
        folder = write(place / "home/deep/d/file").parent
        pull_whole(side, place / "home")
        write(place / "home/another")
        folder.chmod(0o754)

        taken = pull_by_list(side, place / "home")

        assert (taken.tree / str(folder)[1:]).stat().st_mode & 0o777 == 0o754


def test_a_folder_from_which_the_only_name_vanished_meanwhile_is_looked_at_again(side: Side, home: Path) -> None:
    write(home / "deep/d/stays")
    pull_whole(side, home)
    write(home / "another")
    write(home / "deep/d/short-lived")
    (home / "deep/d").chmod(0o700)

    def vanish(lines: tuple[str, ...]) -> tuple[str, ...]:
        (home / "deep/d/short-lived").unlink()
        return lines

    pull_by_list(replace(side, lie=vanish), home)
    os.utime(home / "deep/d", (WRITTEN_AT, WRITTEN_AT))
    taken = pull_by_list(side, home)

    assert prints(taken, home) == fingerprint(home)


def test_where_the_only_change_vanished_meanwhile_nothing_is_told_of_it(side: Side, home: Path) -> None:
    pull_whole(side, home)
    before = fingerprint(home)
    times = home.stat()
    write(home / "short-lived")

    def vanish(lines: tuple[str, ...]) -> tuple[str, ...]:
        (home / "short-lived").unlink()
        os.utime(home, ns=(times.st_atime_ns, times.st_mtime_ns))
        return lines

    taken = pull_by_list(replace(side, lie=vanish), home)

    assert (taken.pulled.left_out, taken.pulled.remarks) == ((), ())
    assert prints(taken, home) == before
