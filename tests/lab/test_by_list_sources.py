"""A job with several sources, pulled by one list after another."""

from __future__ import annotations

import time

import pytest

from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from lab.gated import gated, meta, stand
from program import backupjump, until
from store_world import write

pytestmark = pytest.mark.lab


def test_of_two_sources_each_brings_what_changed_in_it_and_both_keep_the_rest(lab: Lab) -> None:
    world = gated(lab)
    sources = [world.home / "a b", world.home / "a"]
    for source in sources:
        for name in ("same", "changes", "goes", "moves"):
            write(source / "deep" / name, name.encode() * 100)
    write(world.home / "beside", b"no source")
    youngest = max(path.lstat().st_ctime for path in world.home.rglob("*"))
    until(lambda: time.time() > youngest + 2.1)
    config = stand(lab, {"nightly": {"sources": [str(each) for each in sources]}})
    first = backupjump(config, "run", "nightly", "--json")
    for source in sources:
        write(source / "deep" / "changes", b"changed")
        (source / "deep" / "goes").unlink()
        (source / "deep" / "moves").rename(source / "moved")

    second = backupjump(config, "run", "nightly", "--json")

    assert (first.code, second.code) == (0, 0), (first, second)
    assert meta(lab, second)["how"]["transfer"]["by"] == "list"
    tree = lab.store / "desktop" / "nightly" / "snapshots" / second.json["snapshot"] / "tree"
    for source in sources:
        assert fingerprint(tree / source.relative_to("/")) == fingerprint(source)
    assert second.json["files_linked"] == 4
    assert second.json["bytes_received"] < 3000
