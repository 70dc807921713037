"""Which changed paths rsync is asked for: it is asked first, here, what the job's rules say of the new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.errors import ListUnusable
from backupjump.operations.by_list.names import by_list, shares, wanted_paths
from backupjump.rsync.plan import Plan, Transfer
from backupjump.store.change_list import Change
from backupjump.store.manifest import sort_key
from change_lines import change, entry, folder, listed
from rsync_world import ODD_NAMES, plan_of, remote_shell
from store_world import write

EXCLUDE = ("*.tmp", "skip/", "cache*/", "a/b/", "/home/me/full/path/")
HOME = b"home/me/"


def plan(place: Path, *bases: Path, exclude: tuple[str, ...] = EXCLUDE) -> Plan:
    return plan_of("/home/me", place / "tree/home/me", remote_shell(place), *bases, exclude=exclude)


def new(*paths: bytes) -> list[Change]:
    """Return changes for new names; one that ends with a slash is a folder."""
    return [
        change(None, listed(folder(HOME + path.rstrip(b"/")) if path.endswith(b"/") else entry(HOME + path)))
        for path in paths
    ]


def wanted(place: Path, changes: Sequence[Change], **more: tuple[str, ...]) -> list[bytes]:
    place.joinpath("aside").mkdir()
    (paths,) = wanted_paths(plan(place, **more), changes, place=place / "aside").values()
    return [path.removeprefix(HOME) for path in paths]


def test_what_the_rules_leave_out_is_not_asked_for(tmp_path: Path) -> None:
    changes = new(
        b"a/", b"a/b/", b"a/b/in", b"a/c", b"b", b"cache1/", b"cache1/x/", b"cache1/x/y", b"cache2",
        b"full/", b"full/path/", b"full/path/x", b"full/x", b"skip/", b"skip/x", b"x.tmp", b".cache/", b".cache/x",
    )  # fmt: skip

    assert wanted(tmp_path, changes) == [b"a", b"a/c", b"b", b"cache2", b"full", b"full/x"]


def test_what_is_new_below_a_folder_that_is_left_out_does_not_come_though_rsync_would_send_it(tmp_path: Path) -> None:
    assert wanted(tmp_path, new(b"skip/deep/deeper/new")) == []


def test_what_was_taken_before_is_asked_for_without_another_look_at_the_rules(tmp_path: Path) -> None:
    old = entry(HOME + b"kept.tmp")

    assert wanted(tmp_path, [change(old, listed(old, size=9))]) == [b"kept.tmp"]


def test_a_file_that_became_a_folder_is_looked_at_again(tmp_path: Path) -> None:
    was = entry(HOME + b"skip")

    assert wanted(tmp_path, [change(was, listed(folder(was.path))), *new(b"skip/in")]) == []


def test_what_went_is_not_asked_for(tmp_path: Path) -> None:
    assert wanted(tmp_path, [change(entry(HOME + b"gone"), None)]) == []


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_names_of_any_kind_come_as_they_are(tmp_path: Path, name: bytes) -> None:
    changes = new(b"f/", b"f/" + name, name + b"/" if name != b"f" else name, name + b"/.tmpx", name + b"/x.tmp")
    in_order = sorted(changes, key=lambda each: each.path.replace(b"/", b"\0"))

    assert set(wanted(tmp_path, in_order)) == {b"f", b"f/" + name, name, name + b"/.tmpx"}


@pytest.mark.parametrize("path", [b"etc/passwd", b"home/mean", b"home"])
def test_a_path_beyond_the_sources_spoils_the_list(tmp_path: Path, path: bytes) -> None:
    (tmp_path / "aside").mkdir()

    with pytest.raises(ListUnusable, match="beyond"):
        wanted_paths(plan(tmp_path), [change(None, listed(entry(path)))], place=tmp_path / "aside")


@pytest.mark.parametrize("exclude", [EXCLUDE, ()], ids=["with rules", "without"])
def test_a_name_that_can_not_be_made_here_spoils_the_list(tmp_path: Path, exclude: tuple[str, ...]) -> None:
    (tmp_path / "aside").mkdir()
    changes = new(b"x" * 300)

    with pytest.raises(ListUnusable, match="can't be made here"):
        wanted_paths(plan(tmp_path, exclude=exclude), changes, place=tmp_path / "aside")


def test_a_file_with_names_below_it_spoils_the_list(tmp_path: Path) -> None:
    (tmp_path / "aside").mkdir()

    with pytest.raises(ListUnusable, match="can't be made here"):
        wanted_paths(plan(tmp_path), new(b"a", b"a/b"), place=tmp_path / "aside")


def narrowed(place: Path, base: Path, *paths: bytes) -> Plan:
    whole = plan(place, base)
    asked: dict[Transfer, tuple[bytes, ...]] = {whole.transfers[0]: tuple(HOME + path for path in paths)}
    return by_list(whole, asked, place=place, files_beside=7)


def test_the_paths_are_named_in_a_file_below_the_source(tmp_path: Path) -> None:
    asked = {plan(tmp_path).transfers[0]: (b"home/me", HOME + b"a\nb", HOME + b" c/d")}

    (one,) = by_list(plan(tmp_path), asked, place=tmp_path, files_beside=7).transfers

    assert one.files_from is not None
    assert one.files_from.read_bytes() == b".\0a\nb\0 c/d\0"
    assert (one.by_list, one.files_beside) == (True, 7)


def test_a_source_with_nothing_to_bring_is_not_gone_to(tmp_path: Path) -> None:
    assert narrowed(tmp_path, tmp_path).transfers == ()


@pytest.mark.parametrize(
    ("paths", "is_fine"),
    [
        ([b"a/x"], True),
        ([b"link"], True),
        ([b"new/deep/x"], True),
        ([b"file/x"], True),
        ([b"link/x"], False),
        ([b"a/x", b"a/link/deep/x"], False),
    ],
)
def test_no_base_is_looked_into_by_a_link(tmp_path: Path, paths: list[bytes], *, is_fine: bool) -> None:
    base = tmp_path / "base"
    write(base / "a/x")
    write(base / "file")
    (base / "link").symlink_to("/etc")
    (base / "a/link").symlink_to("..")

    if is_fine:
        assert [replace(each, files_from=None, by_list=False) for each in narrowed(tmp_path, base, *paths).transfers]
    else:
        with pytest.raises(ListUnusable, match="a link became a folder"):
            narrowed(tmp_path, base, *paths)


@given(
    paths=st.sets(st.text("ab/", min_size=1, max_size=4), max_size=12),
    linked=st.sets(st.text("ab/", min_size=1, max_size=4)),
    most=st.integers(1, 5),
)
def test_many_paths_are_shared_out_in_order_and_those_that_may_be_one_file_stay_together(
    paths: set[str], linked: set[str], most: int
) -> None:
    in_order = sorted((path.encode() for path in paths), key=sort_key)
    together = {path.encode() for path in linked} & {*in_order}

    found = [list(share) for share in shares(in_order, together, most=most)]

    assert sorted((path for share in found for path in share), key=sort_key) == in_order
    assert all(share == sorted(share, key=sort_key) for share in found)
    assert all(0 < len(share) <= most for share in found[1:])
    assert not found or (together <= {*found[0]} and len(found[0]) <= max(most, len(together)))


def test_each_share_has_names_of_its_own_and_counts_the_others_as_beside_it(tmp_path: Path) -> None:
    whole = plan(tmp_path)
    paths = tuple(HOME + b"%04d" % number for number in range(3500))

    first, second, third = by_list(whole, {whole.transfers[0]: paths}, place=tmp_path, files_beside=7).transfers

    assert [told(each)[0] for each in (first, second, third)] == [b"0000", b"1500", b"3000"]
    assert [len(told(each)) + each.files_beside for each in (first, second, third)] == [3507, 3507, 3507]


def test_where_it_is_vouched_for_many_names_one_rsync_brings_all(tmp_path: Path) -> None:
    whole = plan(tmp_path)
    asked = {whole.transfers[0]: tuple(HOME + b"%04d" % number for number in range(3500))}

    assert len(by_list(whole, asked, place=tmp_path, files_beside=7, vouched=True).transfers) == 1


def told(one: Transfer) -> list[bytes]:
    assert one.files_from is not None
    return one.files_from.read_bytes().split(b"\0")[:-1]
