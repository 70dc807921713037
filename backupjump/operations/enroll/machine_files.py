"""Where the config tells of a machine, and which private keys of its are ours to delete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.load import build_server, read_files
from backupjump.config.machines import machines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backupjump.config.machines import Machine
    from backupjump.config.models import Server

KEYS = "keys"
"""The folder beside the config where enrolment makes keys."""


def machine_in(config: Path, kind: str, name: str) -> Machine:
    """Return where the config tells of the machine `name` of a `kind` (`desktops`, `jump_nodes`); it is there."""
    files = read_files(config)
    build_server(files)
    return next(each for each in machines(files.server, files.machines) if (each.kind, each.name) == (kind, name))


def deletable(paths: Iterable[Path], config: Path, server: Server, *, besides: str) -> tuple[Path, ...]:
    """Return those of `paths` that enrolment made and that no machine of the config but the desktop `besides` uses."""
    others = [each for each in server.desktops.values() if each.name != besides]
    used = {each.identity_file for each in others} | {way.identity_file for each in others for way in each.ways}
    used |= {each.identity_file for each in server.jump_nodes.values()}
    ours = config.absolute().parent / KEYS
    return tuple(path for path in dict.fromkeys(paths) if path.parent == ours and path not in used and path.exists())


def delete_keys(paths: Iterable[Path]) -> None:
    """Delete private keys with their public halves."""
    for path in paths:
        path.unlink(missing_ok=True)
        Path(f"{path}.pub").unlink(missing_ok=True)
