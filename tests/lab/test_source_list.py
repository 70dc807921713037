"""The gate's list of a folder, asked for by the control connection and read as it comes."""

from __future__ import annotations

import time

import pytest

from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.operations.source_entry import parse_line
from backupjump.operations.source_list import open_source_list
from backupjump.ssh.control import open_control
from lab.gated import gated
from lab.routes import EVERY, route_in

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("kind", EVERY)
def test_a_list_comes_by_every_route_beside_other_words(lab: Lab, kind: RouteKind) -> None:
    world = gated(lab)
    source = world.home / "a b$(touch canary);'*\\é"
    (source / "left out").mkdir(parents=True)
    (source / "kept").mkdir()
    (source / "kept/file").write_text("mine")
    lab.open_tunnel()

    with (
        open_control(route_in(lab, kind)) as control,
        open_source_list(
            control, str(source), one_file_system=True, omitted=["left out/"], deadline=time.monotonic() + 60
        ) as listed,
    ):
        lines = listed.lines()
        first = next(lines)
        probe = control.run(["bj1", "probe"], timeout=30)
        entries = [parse_line(line) for line in (first, *lines)]

    root = bytes(source)[1:]
    assert [(each.path, each.type) for each in entries] == [
        (root, "dir"), (root + b"/kept", "dir"), (root + b"/kept/file", "file")
    ]  # fmt: skip
    assert listed.dev == source.stat().st_dev
    assert probe.status == 0
    assert list(lab.folder.rglob("canary")) == []
