"""What a list said is kept with the entries of the manifest, where it can be relied on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from backupjump.store.manifest import Entry, from_line, write_lines
from backupjump.store.seen import Seen
from change_lines import NOW_NS, OLD_NS, SOURCE, entry, folder, list_line, listed

HOME = folder(b"h", source=(1, OLD_NS, 2))
TREE = [HOME, entry(b"h/a"), folder(b"h/b"), entry(b"h/b/\n\xff"), entry(b"h/c")]


def kept(
    place: Path, entries: list[Entry], lines: list[str], *, doubtful: tuple[bytes, ...] = ()
) -> dict[bytes, object]:
    path = place / "listed.zst"
    write_lines(path, lines)
    bare = [replace(each, source=None) for each in entries]
    found = [from_line(line) for line in Seen(path=path, listed_at_ns=NOW_NS, doubtful=doubtful).lines(bare)]
    assert [replace(each, source=None) for each in found] == bare
    return {each.path: each.source for each in found}


def test_each_entry_gets_what_the_list_had_on_it(tmp_path: Path) -> None:
    found = kept(tmp_path, TREE, [list_line(listed(each)) for each in TREE])

    assert found == {each.path: each.source for each in TREE}


def test_what_only_one_of_the_two_has_is_passed_over(tmp_path: Path) -> None:
    more = [TREE[0], entry(b"h/0"), TREE[1], entry(b"h/a.tmp"), *TREE[2:4], entry(b"h/zz")]

    found = kept(tmp_path, TREE, [list_line(listed(each)) for each in more])

    assert found == {each.path: each.source if each.path != b"h/c" else None for each in TREE}


def test_of_what_changed_in_the_last_two_seconds_nothing_is_kept(tmp_path: Path) -> None:
    lines = [list_line(listed(each, ctime_ns=NOW_NS - 2_000_000_000 - (each.path == b"h/a"))) for each in TREE]

    found = kept(tmp_path, TREE, lines)

    assert found == {each.path: None for each in TREE} | {b"h/a": (77, NOW_NS - 2_000_000_001, 1)}


def test_of_what_did_not_arrive_as_it_is_nothing_is_kept(tmp_path: Path) -> None:
    found = kept(tmp_path, TREE, [list_line(listed(each)) for each in TREE], doubtful=(b"h/a",))

    assert (found[b"h/a"], found[b"h/c"]) == (None, SOURCE)
