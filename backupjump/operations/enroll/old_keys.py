"""What a renewal of keys leaves behind on a Desktop, once the Server has come with its new key. Python 3.9."""

from __future__ import annotations

import os
import re
from pathlib import Path

from backupjump.config.desktop import DesktopConfig, load_desktop
from backupjump.config.state import state_dir
from backupjump.escape import shown
from backupjump.gate.enrolment import seen_enrolment
from backupjump.operations.enroll.authorized_keys import (
    DATA,
    Mark,
    mark_of,
    read_keys_file,
    without_lines,
    write_keys_file,
)

_TUNNEL_KEY = re.compile(r"tunnel(-[0-9a-f]{8})?")


def drop_old_keys(config_file: Path, *, keys_file: Path | None = None) -> tuple[str, ...]:
    """Take out the lines and tunnel keys that a renewal has replaced; return what was done, as lines for people.

    Nothing goes before the gate has noted that the Server came with the new key; it may be called at any time.
    """
    config = load_desktop(config_file)
    path = keys_file or Path(os.path.expanduser("~/.ssh/authorized_keys"))  # noqa: PTH111
    content = read_keys_file(path)
    marks = replaced_marks(content, config_file, seen=seen_enrolment(state_dir(config.state_dir)))
    if not marks:
        return ()
    # The keys first: it is by the lines that a repetition finds out that something is to go.
    keys = _unused_tunnel_keys(config)
    for key in keys:
        key.unlink(missing_ok=True)
        Path(f"{key}.pub").unlink(missing_ok=True)
    write_keys_file(path, without_lines(content, marks))
    return (
        *(f"{shown(str(path))}: took out the line {mark}" for mark in marks),
        *(f"{shown(str(key))}: deleted; nothing takes that key any more" for key in keys),
    )


def replaced_marks(content: bytes, config_file: Path, *, seen: str | None) -> tuple[Mark, ...]:
    """Return the marks of lines in an authorized_keys that the one of the enrolment `seen` has replaced.

    Those are the ones above it, for the same Desktop and the same config: below stands what a later renewal wrote.
    """
    above: list[Mark] = []
    for line in content.splitlines():
        mark = mark_of(line)
        if mark is None or mark.kind != DATA or not starts_gate_with(line, config_file):
            continue
        if mark.id == seen:
            return tuple(each for each in above if each.name == mark.name)
        above.append(mark)
    return ()


def starts_gate_with(line: bytes, config: Path) -> bool:
    """Whether the forced command of a managed line names `config`."""
    named = b"--config " + os.fsencode(config.absolute())
    return named + b'"' in line or named + b" " in line


def made_tunnel_keys(config: Path) -> tuple[Path, ...]:
    """Return the tunnel keys that enrolment made beside `config` and that no other config there names."""
    folder = config.absolute().parent / "keys"
    found = [key for key in sorted(folder.glob("tunnel*")) if _TUNNEL_KEY.fullmatch(key.name)]
    others = [path.read_bytes() for path in folder.parent.glob("*.yaml") if path != config.absolute()]
    return tuple(key for key in found if not any(_names(text, key) for text in others))


def _names(text: bytes, key: Path) -> bool:
    # A person may write ~ for the home; and `tunnel` is how the names of other keys begin, too.
    return re.search(rb"/keys/" + re.escape(os.fsencode(key.name)) + rb"(?![\w.-])", text) is not None


def _unused_tunnel_keys(config: DesktopConfig) -> tuple[Path, ...]:
    """Return the tunnel keys of ours that the config does not name any more.

    One that is newer than what the config names is of a renewal under way, and left out.
    """
    used = {jump.identity_file for jump in config.tunnel.jump_nodes}
    newest = max((key.stat().st_mtime_ns for key in used if key.exists()), default=0)
    made = made_tunnel_keys(config.path)
    return tuple(key for key in made if key not in used and key.stat().st_mtime_ns < newest)
