"""Which bases rsync may be given, and where it has to stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import Ownership
from backupjump.rsync.argv import pull_argv
from backupjump.rsync.fence import confines, fenced, turned, ways_out
from backupjump.rsync.plan import Transfer
from rsync_world import plan_of


def tree(folder: Path) -> Path:
    """Make a snapshot's tree beside a folder of the Server's own."""
    base = folder / "base"
    (base / "home/real").mkdir(parents=True)
    (folder / "private").mkdir()
    (folder / "private/secret").touch()
    (folder / "base2").mkdir()
    return base


@pytest.mark.parametrize(
    ("link", "leads_out"),
    [
        ("{folder}/private", True),
        ("../../private", True),
        ("{folder}/base2", True),
        ("../..", True),
        ("../../base/home/real", False),
        ("real", False),
        ("..", False),
        ("{folder}/private/secret", False),
        ("/not/there", False),
        ("loop", False),
    ],
)
def test_a_link_to_a_folder_outside_of_a_tree_leads_out(tmp_path: Path, link: str, leads_out: bool) -> None:
    base = tree(tmp_path)
    (base / "home/loop").symlink_to(link.format(folder=tmp_path))

    assert list(ways_out(base)) == ([base / "home/loop"] if leads_out else [])


@pytest.mark.parametrize("ownership", [Ownership.NATIVE, Ownership.PLAIN])
def test_what_is_in_the_place_of_a_link_that_leads_out_is_withheld(tmp_path: Path, ownership: Ownership) -> None:
    base, older = tree(tmp_path / "1"), tree(tmp_path / "2")
    one = Transfer(source="/home", target=tmp_path / "new", link_dests=(base, older))
    plan = plan_of("/home", one.target, ("sh",), ownership=ownership)

    before = fenced(plan, one)
    for link in (base / "home/od*d[", older / "home/od*d[", older / "other\\"):
        link.symlink_to(tmp_path)
    fence = fenced(plan, one)

    assert before == one
    assert fence == replace(one, withheld=("home/od*d[", "other\\"))
    words = pull_argv(plan, fence, marker="m")
    assert [word for word in words if str(word).startswith("--filter")][:2] == [
        r"--filter=- /home/od\*d\[/*",
        r"--filter=- /other\\/*",
    ]


def test_of_too_many_links_rsync_stays_in_the_folder_of_the_job_named_without_links(tmp_path: Path) -> None:
    job = tmp_path / "store/job"
    (tmp_path / "disk/job/snapshots").mkdir(parents=True)
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    base = tree(job / "snapshots")
    (base / "home/link").symlink_to(tmp_path)
    one = Transfer(source="/home", target=job / "work/2/tree", link_dests=(base,))
    plan = plan_of("/home", one.target, ("sh",))

    fence = fenced(plan, one, most=0)

    assert confines()
    assert fence == replace(one, confine_root=tmp_path / "disk/job")
    assert "--whole-file" in pull_argv(plan, fence, marker="m")


def test_an_rsync_that_can_not_be_confined_gets_no_basis_with_too_many(tmp_path: Path) -> None:
    base, older = tree(tmp_path / "1"), tree(tmp_path / "2")
    (base / "home/link").symlink_to(tmp_path / "2/private")
    one = Transfer(source="/home", target=tmp_path / "new", link_dests=(base, older))

    fence = fenced(plan_of("/home", one.target, ("sh",)), one, most=0, confining=lambda: False)

    assert fence == replace(one, link_dests=(older,))


def test_of_what_was_withheld_the_folders_are_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)

    one = Transfer(source="/home", target=tmp_path, withheld=("folder", "file", "link", "gone"))

    assert turned(one) == ("folder",)


def test_without_a_basis_or_where_no_link_is_one_there_is_nothing_to_fence(tmp_path: Path) -> None:
    alone = Transfer(source="/home", target=tmp_path)
    based = Transfer(source="/home", target=tmp_path / "new", link_dests=(tmp_path / "old",))

    assert fenced(plan_of("/home", tmp_path, ("sh",)), alone) == alone
    assert fenced(plan_of("/home", tmp_path, ("sh",), ownership=Ownership.FAKE_SUPER), based) == based


def test_a_basis_that_itself_lies_behind_a_link_is_none(tmp_path: Path) -> None:
    job = tmp_path / "job"
    (job / "snapshots/1").mkdir(parents=True)
    (tmp_path / "private/me").mkdir(parents=True)
    (job / "snapshots/1/home").symlink_to(tmp_path / "private")
    bases = (job / "snapshots/1/home/me", job / "snapshots/2/home/me")
    one = Transfer(source="/home/me", target=job / "work/3/home/me", link_dests=bases)

    assert fenced(plan_of("/home/me", one.target, ("sh",)), one).link_dests == bases[1:]
