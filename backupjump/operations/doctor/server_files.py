"""doctor on the Server: its config, its keys, its state folder, and who may change or read them."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.load import load_server
from backupjump.config.models import RouteKind
from backupjump.config.state import state_dir
from backupjump.errors import ConfigError
from backupjump.operations.doctor.finding import FAIL, OK, WARN, Finding
from backupjump.operations.doctor.server_words import command_in, edit, evidence_of, here_as_root, listed, quoted
from backupjump.ssh.keys import key_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backupjump.config.models import Desktop, JumpNode, Server

# Nothing of these is ours to shut: /, /etc, /srv and the like, sshd's own.
_SYSTEM_PARTS = 2
_SYSTEM_FOLDERS = frozenset({Path("/etc/ssh"), Path("/usr/local"), Path("/usr/local/etc"), Path("/var/lib")})
_PLACE = re.compile(r"(?P<file>/.*?|.+?):(?:(?P<line>\d+):\d+:)? ")


def look_at_config(path: Path) -> tuple[list[Finding], Server | None]:
    """Return what there is to say of the config at `path`, and the Server that it tells of if it has no mistake."""
    try:
        server = load_server(path)
    except ConfigError as error:
        return [_mistake(line, path) for line in str(error).splitlines() if line[:1].strip()], None
    counts = (("JumpNode", server.jump_nodes), ("Desktop", server.desktops), ("job", server.jobs))
    told = ", ".join(f"{len(them)} {noun}{'' if len(them) == 1 else 's'}" for noun, them in counts)
    return [Finding("config.read", OK, f"{quoted(path)}: {told}"), *config_modes(_config_files(path))], server


def _mistake(line: str, path: Path) -> Finding:
    found = _PLACE.match(line)
    place = Path(found["file"]) if found and Path(found["file"]).exists() else path
    return Finding("config.read", FAIL, line, edit(place, int((found and found["line"]) or 0)))


def _config_files(path: Path) -> list[Path]:
    folder = path.parent.absolute()
    below = [folder / name for name in ("jobs", "jump_nodes", "desktops")]
    files = [file for place in below if place.is_dir() for file in sorted(place.glob("*.y*ml"))]
    return [path.absolute(), *files, folder, *(place for place in below if place.is_dir())]


def config_modes(paths: Sequence[Path]) -> Iterator[Finding]:
    """Yield what is wrong with who may write to the config: it names keys and programs, so that is as good as us."""
    foreign = [path for path in paths if path.stat().st_uid not in (0, os.geteuid())]
    if foreign:
        told = f"{listed(map(quoted, foreign))} belongs to another account, which could change what this one does"
        fix = here_as_root(f"chown {os.geteuid()} {quoted(*foreign)}")
        yield Finding("config.mode", FAIL, told, fix)
    loose = [path for path in paths if _others_may_write(path)]
    if loose:
        told = f"other accounts may write to {listed(map(quoted, loose))}"
        yield Finding("config.mode", FAIL, told, f"chmod go-w {quoted(*loose)}")
    if not foreign and not loose:
        yield Finding("config.mode", OK, "only this account and root may write to it")


def _others_may_write(path: Path) -> bool:
    mode = path.stat().st_mode
    # In a sticky folder nobody replaces another's files.
    return bool(mode & 0o022) and not (stat.S_ISDIR(mode) and mode & stat.S_ISVTX)


def look_at_keys(nodes: Sequence[JumpNode], desktops: Sequence[Desktop]) -> Iterator[Finding]:
    """Yield a finding for each private key for `nodes` and `desktops`, and for the folders they lie in."""
    keys = [("jumpnode.key", f"JumpNode {node.name}", node.identity_file) for node in nodes]
    keys += [
        ("desktop.key", f"desktop {desktop.name}", desktop.identity_file)
        for desktop in desktops
        if desktop.identity_file is not None and any(way.route is not RouteKind.NESTED for way in desktop.ways)
    ]
    relays = [(desktop.name, way.identity_file) for desktop in desktops for way in desktop.ways if way.relay]
    keys += [("desktop.key", f"desktop {name}", path) for name, path in relays if path is not None]
    for check, whose, path in keys:
        yield key_finding(check, whose, path)
    yield folder_finding(sorted({path.parent for _check, _whose, path in keys if path.parent.is_dir()}))


def key_finding(check: str, whose: str, path: Path) -> Finding:
    """Return what can be said of one private key."""
    if (problem := key_problem(path)) is None:
        return Finding(check, OK, f"{whose}: {quoted(path)}, for this account alone, without a passphrase")
    return Finding(check, FAIL, f"{whose}: {problem}", command_in(problem) or f"ls -l {quoted(path)}")


def folder_finding(folders: Sequence[Path]) -> Finding:
    """Return what can be said of the folders that keys lie in: who may write there can put another key in place."""
    writable = [folder for folder in folders if _others_may_write(folder)]
    readable = [folder for folder in folders if all(each.stat().st_mode & 0o011 for each in (folder, *folder.parents))]
    if writable:
        told = f"other accounts may put another key into {listed(map(quoted, writable))}"
        return Finding("keys.folder", FAIL, told, _shut(writable))
    if readable:
        told = f"other accounts may look into {listed(map(quoted, readable))}"
        return Finding("keys.folder", WARN, told, _shut(readable))
    return Finding("keys.folder", OK, listed(map(quoted, folders)) or "no keys, no folder")


def _shut(folders: Sequence[Path]) -> str:
    """Return the command that shuts `folders`; where one is the system's, which others need, keys belong elsewhere."""
    if shared := [folder for folder in folders if len(folder.parts) <= _SYSTEM_PARTS or folder in _SYSTEM_FOLDERS]:
        return f"ls -ld {quoted(*shared)}   # others need it: keep the keys in a folder of their own"
    return f"chmod 700 {quoted(*folders)}"


def look_at_state(server: Server) -> tuple[Finding, Path | None]:
    """Return what can be said of the state folder, and its path if it can be used."""
    try:
        folder = state_dir(server.state_dir)
    except ConfigError as error:
        fix = error.hint if error.hint.startswith("chown") else f"ls -ld {quoted(server.state_dir or '/var/lib')}"
        return Finding("config.state", FAIL, evidence_of(error), here_as_root(fix)), None
    return Finding("config.state", OK, f"{quoted(folder)}, only this account may write to it"), folder
