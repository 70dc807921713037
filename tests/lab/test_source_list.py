"""The gate's list of a folder, asked for by the control connection and read as it comes."""

from __future__ import annotations

import json
import shlex
import time
import zlib
from pathlib import Path
from threading import Timer

import pytest

from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.errors import LinkLost, ListUnusable
from backupjump.operations.source_list import open_source_list
from backupjump.ssh.control import Control, open_control
from backupjump.store.source_entry import parse_line
from gate_world import GateWorld
from lab.gated import force, gated
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


def listed(control: Control, world: GateWorld, *, seconds: float = 60) -> int:
    """Return how many lines a list of all that the gate allows has."""
    until = time.monotonic() + seconds
    with open_source_list(control, str(world.home), one_file_system=True, deadline=until) as found:
        return sum(1 for _line in found.lines())


def lying_gate(lab: Lab, folder: Path) -> Path:
    """Let a gate stand there that does what stands in the file that is returned."""
    lie, script = folder / "lie", folder / "lying-gate"
    script.write_text(f'#!/bin/sh\n. "{lie}"\n')
    script.chmod(0o755)
    force(lab, str(script))
    return lie


def test_whatever_a_desktop_sends_instead_the_run_can_go_on_by_the_same_connection(lab: Lab) -> None:
    world = gated(lab)
    lie, sent = lying_gate(lab, world.folder), world.folder / "sent"
    header = json.dumps(
        {"list": 1, "root": str(world.home), "at_ns": 5, "dev": 1, "filesystem": "ext4"}, separators=(",", ":")
    )
    own = f'{{"path":"{str(world.home)[1:]}","type":"dir"}}\n'
    send = f"cat {shlex.quote(str(sent))}"
    refuse = "echo 'backupjump-gate: refused: not-understood: none of the words of the gate' >&2; exit 64"
    lies = {
        "an older gate": (refuse, b"", "none of the words"),
        "a shell": ("echo 'sh: 1: bj1: not found' >&2; exit 127", b"", "ended with 127"),
        "nothing": ("exit 0", b"", "cut short"),
        "words of a login": ("echo Welcome; " + send, b"", "no list"),
        "half of it": (send, zlib.compress(f"{header}\n{own * 9}".encode())[:-9], "cut short"),
        "a good list and an error": (send + "; exit 1", zlib.compress(f"{header}\n{own}".encode()), "ended with 1"),
        "a bomb": (send, zlib.compress(f"{header}\n".encode() + bytes(300_000_000), 9), "too long"),
        "another folder": (
            send,
            zlib.compress(f"{header}\n{own}".replace("home/me", "etc").encode()),
            "another folder",
        ),
        "no end": ("yes", b"", "no list"),
        "a wait": ("sleep 60", b"", "in its time"),
    }
    lab.open_tunnel()

    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control:
        for script, packed, says in lies.values():
            lie.write_text(script)
            sent.write_bytes(packed)
            with pytest.raises(ListUnusable, match=says):
                listed(control, world, seconds=2 if says == "in its time" else 60)
        lie.write_text(f"exec {shlex.join(world.argv)}")
        whole = listed(control, world)

    assert whole == 5


def test_a_list_whose_link_breaks_is_a_lost_link(lab: Lab) -> None:
    world = gated(lab)
    lie = lying_gate(lab, world.folder)
    lie.write_text("sleep 60")
    lab.open_tunnel()

    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control:
        cut = Timer(0.5, lab.jump.cut_connections)
        cut.start()
        with pytest.raises(LinkLost):
            listed(control, world)
        cut.join()
