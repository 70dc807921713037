"""Whether the gate does what the Server will ask of it: its rsync, its roots and hooks, and the gate itself, started.

Python 3.9.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.errors import DesktopUnfit, ProgramMissing
from backupjump.escape import shown, shown_lines
from backupjump.gate.folder import state_of
from backupjump.gate.main import PATH
from backupjump.gate.refusal import REFUSED
from backupjump.gate.rsync_here import RsyncHere, ask_rsync, find_rsync
from backupjump.operations.doctor.desktop_config import as_root, quoted
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from backupjump.rsync.version import check_desktop, read_version

if TYPE_CHECKING:
    from backupjump.config.desktop import Gate

_SECONDS = 20.0
_SLOW_SECONDS = 1.0
# Nothing that any policy allows, and harmless should something run it all the same.
_FORBIDDEN = "echo backupjump-doctor"


def check_rsync(configured: Path | None) -> Iterator[Finding]:
    """Look at the rsync that would send: there, new enough, and whether it can be kept inside a folder."""
    install = f"{as_root()}apt-get update && {as_root()}apt-get install -y rsync"
    try:
        rsync = ask_rsync(find_rsync(configured))
    except ProgramMissing as error:
        yield Finding("rsync.version", FAIL, str(error), install)
        yield Finding("rsync.confines", SKIP, "there is no rsync")
        return
    yield judge_version(rsync, install)
    yield judge_confinement(rsync, install)


def judge_version(rsync: RsyncHere, install: str) -> Finding:
    """Return whether the Server would pull from this rsync, by its own rule."""
    try:
        version = check_desktop(read_version(rsync.said), desktop="this Desktop")
    except DesktopUnfit as error:
        return Finding("rsync.version", FAIL, str(error), install)
    return Finding("rsync.version", OK, f"{shown(rsync.path)} is {shown(version.text)}, protocol {version.protocol}")


def judge_confinement(rsync: RsyncHere, install: str) -> Finding:
    """Return whether a Server that lies can lead this rsync outside of what the gate allows."""
    if rsync.confines:
        return Finding("rsync.confines", OK, "it can be kept inside a folder (--confine-root)")
    why = (
        "it knows no --confine-root (3.5.0): by filter rules, which no gate sees, a hostile Server could learn what "
        "stands in files outside of `read`"
    )
    return Finding("rsync.confines", WARN, why, install)


def check_policy(policy: Gate, config: Path) -> Iterator[Finding]:
    """Look at each folder and each hook that the policy names."""
    states = {root: state_of(root) for root in policy.read}
    if good := [shown(root) for root, state in states.items() if state == "folder"]:
        yield Finding("gate.roots", OK, f"may be read: {', '.join(good)}")
    for root, state in states.items():
        if state != "folder":
            yield Finding("gate.roots", FAIL, *judge_root(root, state, config))
    for name, argv in policy.hooks.items():
        yield check_hook(name, argv, config)


def judge_root(root: str, state: str, config: Path) -> tuple[str, str]:
    """Return why the gate refuses to send `root`, and what mends it."""
    name, edit = shown(root), f"${{EDITOR:-vi}} {quoted(config)}"
    if state == "absent":
        return f"{name} is not there", f"mkdir -p {quoted(root)}"
    if state == "link":
        target = shown(os.path.realpath(root))
        return f"a part of {name} is a symbolic link; name {target} under `read`", edit
    if state == "closed":
        return f"this account may not enter {name}", f"{as_root()}setfacl -m u:{os.geteuid()}:rx {quoted(root)}"
    return f"{name} is no folder", edit


def check_hook(name: str, argv: Sequence[str], config: Path) -> Finding:
    """Look whether the program of a hook can be started with the PATH that the gate gives it."""
    program = shutil.which(argv[0], path=PATH)
    if program is None:
        why = f"hook {shown(name)}: {shown(argv[0])} can't be started (looked in {PATH})"
        return Finding("gate.hooks", FAIL, why, f"${{EDITOR:-vi}} {quoted(config)}")
    return Finding("gate.hooks", OK, f"hook {shown(name)} starts {shown(program)}")


@dataclass(frozen=True)
class Said:
    """What a started gate answered, and how long it took."""

    status: int
    stdout: bytes
    stderr: bytes
    seconds: float


def check_gate(argv: Sequence[str], *, config: Path, mend: str) -> Iterator[Finding]:
    """Start the gate as sshd would, once with a word of its own, once with one that it must refuse.

    `config` is the one that it should obey; `mend` is the command that makes the line start this very program.
    """
    obeyed = argv[argv.index("--config") + 1 :][:1]
    if not obeyed or os.path.realpath(obeyed[0]) != os.path.realpath(config):
        why = f"the line of authorized_keys obeys another config: {shown(' '.join(obeyed))}"
        yield Finding("gate.config", WARN, why, mend)
    probe = start_gate(argv, "bj1 probe")
    yield judge_probe(probe, argv, mend=mend)
    yield judge_refusal(start_gate(argv, _FORBIDDEN), mend=mend)


def start_gate(argv: Sequence[str], asked: str) -> Said | None:
    """Run the words of a forced command with what the Server asks for; None if they start nothing, or don't end."""
    begun = time.monotonic()
    try:
        done = process.run(argv, timeout=_SECONDS, environment={"SSH_ORIGINAL_COMMAND": asked})
    except (ProgramMissing, process.TimedOut):
        return None
    return Said(done.status, done.stdout, done.stderr, time.monotonic() - begun)


def judge_probe(said: Said | None, argv: Sequence[str], *, mend: str) -> Finding:
    """Return what the gate's answer to `bj1 probe` comes to."""
    command = shown(" ".join(argv), limit=300)
    if said is None:
        return Finding("gate.starts", FAIL, f"{command} can't be started, or does not end", mend)
    answer = _json(said.stdout)
    if said.status != 0 or "gate" not in answer:
        why = shown_lines(said.stderr, lines=2, limit=200).replace("\n", "; ") or f"it ended with {said.status}"
        return Finding("gate.starts", FAIL, f"{command} is no gate: {why}", mend)
    took = f"{said.seconds * 1000:.0f} ms"
    if said.seconds > _SLOW_SECONDS:
        why = f"it answers, but only after {took}; each run of a job starts it several times"
        return Finding("gate.starts", WARN, why, mend)
    return Finding("gate.starts", OK, f"version {shown(str(answer['gate']))}, answers in {took}")


def judge_refusal(said: Said | None, *, mend: str) -> Finding:
    """Return whether the gate refused a command that is none of its words."""
    if said is None:
        return Finding("gate.refuses", SKIP, "it can't be started")
    if said.status == REFUSED and not said.stdout:
        return Finding("gate.refuses", OK, f"refuses what is none of its words ({REFUSED})")
    return Finding("gate.refuses", FAIL, f"`{_FORBIDDEN}` was not refused: it ended with {said.status}", mend)


def _json(text: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
