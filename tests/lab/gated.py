"""The lab's Desktop with the gate as the forced command of each key that the Server or the JumpNode has for it."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backupjump.demo.lab import Lab
from backupjump.demo.sshd import public_key, write_private
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import list_snapshots
from gate_world import GateWorld, gate_world
from program import Said, backupjump, until

HOOK = ["sh", "-c"]
SAY: dict[str, Sequence[str]] = {"say": ["sh", "-c", "echo said; echo $0 $# $SSH_ORIGINAL_COMMAND"]}


def gated(lab: Lab, *, hooks: Mapping[str, Sequence[str]] = SAY, **policy: Any) -> GateWorld:
    """Make the gate's world inside `lab`, and let its keys reach the gate and nothing else."""
    folder = lab.folder / "gate"
    folder.mkdir()
    world = gate_world(folder, policy={"hooks": hooks, **policy})
    force(lab, " ".join(world.argv))
    return world


def force(lab: Lab, command: str) -> None:
    """Let the lab's keys start `command` on the Desktop and nothing else."""
    limits = f'restrict,from="127.0.0.1,::1",command="{command}"'
    lines = [f"{limits} {public_key(key)}\n" for key in (lab.data_key, lab.relay_key)]
    write_private(lab.desktop.authorized_keys, "".join(lines))


def answer_instead(lab: Lab, world: GateWorld, answer: bytes, *, asked: str = "bj1 probe") -> None:
    """Let a gate stand there that says `answer` when it is `asked` this, and is the real one for all else."""
    said, script = lab.folder / "answer", lab.folder / "lying-gate"
    said.write_bytes(answer)
    asks = shlex.quote(asked)
    script.write_text(
        f'#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in {asks}) cat "{said}"; exit 0 ;; esac\n'
        f"exec {shlex.join(world.argv)}\n"
    )
    script.chmod(0o755)
    force(lab, str(script))


def listen(lab: Lab, world: GateWorld) -> Path:
    """Let the gate's words be noted before it hears them; return the file, a line each."""
    heard, script = lab.folder / "heard", lab.folder / "listening-gate"
    script.write_text(f'#!/bin/sh\necho "$SSH_ORIGINAL_COMMAND" >> "{heard}"\nexec {shlex.join(world.argv)}\n')
    script.chmod(0o755)
    force(lab, str(script))
    return heard


def settle(home: Path) -> None:
    """Wait until all that is in `home` has been there for the two seconds in which a list trusts nothing."""
    youngest = max(path.lstat().st_ctime for path in (home, *home.rglob("*")))
    until(lambda: time.time() > youngest + 2.1)


def last(world: GateWorld, name: str) -> Any:
    """Return what the gate has noted of the last run that was `done` or `published`; None if there was none."""
    path: Path = world.folder / f"state/last-{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def stand(lab: Lab, jobs: Mapping[str, Mapping[str, Any]], *, route: str = "proxyjump") -> Path:
    """Make a store with these jobs and open the tunnel; return the Server's config."""
    texts = {name: json.dumps({"desktop": "desktop", **job}) for name, job in jobs.items()}
    config = lab.server_config(route, jobs=texts)
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    return config


def nightly(world: GateWorld, **more: Any) -> dict[str, dict[str, Any]]:
    """Return the one job of most tests, which backs up what the gate allows."""
    return {"nightly": {"sources": [str(world.home)], **more}}


def meta(lab: Lab, said: Said) -> dict[str, Any]:
    """Return the meta.json of a run's snapshot."""
    snapshot = lab.store / "desktop/nightly/snapshots" / said.json["snapshot"]
    found: dict[str, Any] = json.loads((snapshot / "meta.json").read_text())
    return found


def published(lab: Lab) -> list[str]:
    """Return the ids of all backups of the one job; what a broken-off first one left to restore from is none."""
    found = list_snapshots(JobFolder(lab.store, "desktop", "nightly"))
    return sorted(each.id for each in found if not each.is_seeding)
