"""`enroll revoke`, on a Desktop: the Server's key opens nothing here any more, and the tunnel's key is gone.

Python 3.9.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backupjump.config.desktop import load_desktop
from backupjump.errors import BackupjumpError
from backupjump.escape import shown
from backupjump.operations.enroll.authorized_keys import (
    DATA,
    Mark,
    mark_of,
    read_keys_file,
    without_lines,
    write_keys_file,
)
from backupjump.operations.enroll.consent import agreed
from backupjump.operations.enroll.old_keys import made_tunnel_keys, starts_gate_with


@dataclass(frozen=True)
class Withdrawal:
    """What taking back comes to. `others` are lines of ours that start the gate with another config."""

    config: Path
    aside: Path
    keys_file: Path
    lines: tuple[Mark, ...]
    others: tuple[Mark, ...]
    deletes: tuple[Path, ...]
    kept: tuple[Path, ...]


def withdraw(config: Path, *, authorized_keys: Path | None, yes: bool, say: Callable[..., None]) -> None:
    """Take out the Server's lines, delete the tunnel's key, set the config aside; all shown and asked before."""
    plan = plan_withdrawal(config, authorized_keys=authorized_keys)
    say(*withdrawal_lines(plan))
    if not agreed("Shall it be so?", yes=yes):
        raise BackupjumpError("nothing was changed")
    # The line first: it is what lets somebody in.
    write_keys_file(plan.keys_file, without_lines(read_keys_file(plan.keys_file), plan.lines))
    for path in plan.deletes:
        path.unlink(missing_ok=True)
        Path(f"{path}.pub").unlink(missing_ok=True)
    config.rename(plan.aside)
    say(
        "The Server gets in no more. A tunnel that is open, and an agent, go on until you end them.",
        f"On the Server, for its part: backupjump enroll revoke {_names(plan)}",
    )


def plan_withdrawal(config: Path, *, authorized_keys: Path | None) -> Withdrawal:
    """Return what is to be taken back; nothing is changed."""
    desktop = load_desktop(config)
    keys_file = (authorized_keys or Path(os.path.expanduser("~/.ssh/authorized_keys"))).absolute()  # noqa: PTH111
    marked = [(mark, line) for line in read_keys_file(keys_file).splitlines() if (mark := mark_of(line)) is not None]
    data = [(mark, line) for mark, line in marked if mark.kind == DATA]
    ours = tuple(mark for mark, line in data if starts_gate_with(line, config))
    jumps = desktop.tunnel_or_none.jump_nodes if desktop.tunnel_or_none is not None else ()
    keys = dict.fromkeys(jump.identity_file for jump in jumps if jump.identity_file.exists())
    made = made_tunnel_keys(config)
    return Withdrawal(
        config=config,
        aside=_free(config),
        keys_file=keys_file,
        lines=ours,
        others=tuple(mark for mark, _line in data if mark not in ours),
        deletes=made,
        kept=tuple(path for path in keys if path not in made),
    )


def withdrawal_lines(plan: Withdrawal) -> list[str]:
    """Return what a person must see before saying yes."""
    return [
        "The Server is to get in no more, and the tunnel to open no more:",
        *(f"  {shown(str(plan.keys_file))}: the line {mark} goes" for mark in plan.lines),
        *([] if plan.lines else [f"  {shown(str(plan.keys_file))}: has no line of this config"]),
        *(f"  {shown(str(plan.keys_file))}: the line {mark} is for another config, and stays" for mark in plan.others),
        *(f"  {shown(str(path))}: deleted, with its public half" for path in plan.deletes),
        *(f"  {shown(str(path))}: not made by enrolment, or another config's too: it stays" for path in plan.kept),
        f"  {shown(str(plan.config))}: kept aside as {shown(plan.aside.name)}",
    ]


def _free(config: Path) -> Path:
    names = (config.with_name(f"{config.name}.revoked{number or ''}") for number in range(1000))
    return next(path for path in names if not path.exists())


def _names(plan: Withdrawal) -> str:
    return " ".join(sorted({mark.name for mark in plan.lines})) or "NAME"
