"""What a Desktop is told: its config, who may write it, its state folder, its keys. Python 3.9."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from backupjump.config.desktop import DesktopConfig, load_desktop
from backupjump.config.state import state_dir
from backupjump.errors import ConfigError
from backupjump.escape import shown
from backupjump.operations.doctor.finding import FAIL, OK, Finding
from backupjump.operations.installed import program
from backupjump.ssh.keys import key_problem

_LINE = re.compile(r":(\d+):\d+: ")
# A message of config/key_file.py or ssh/keys.py ends in the command that mends it.
_COMMAND = re.compile(r"(?:type|make it|make one|take it off): (.+)")


def read_config(path: Path) -> tuple[DesktopConfig | None, Finding]:
    """Return the config at `path`, None if it can't be used, and what was found of it: every mistake at once."""
    try:
        config = load_desktop(path)
    except ConfigError as error:
        return None, broken(path, str(error))
    parts = [*(["a tunnel"] if config.tunnel_or_none else []), *(["a gate"] if config.gate else [])]
    return config, Finding("config.read", OK, f"{shown(str(path))}: {' and '.join(parts)}")


def broken(path: Path, message: str) -> Finding:
    """Return what a ConfigError's `message` comes to: the lines that name a place, not those that quote it."""
    mistakes = [line for line in message.splitlines() if line and not line.startswith(" ")]
    found = _LINE.search(message)
    where = f"+{found[1]} " if found else ""
    return Finding("config.read", FAIL, "; ".join(mistakes), f"${{EDITOR:-vi}} {where}{quoted(path)}")


def check_files(config: DesktopConfig) -> Iterator[Finding]:
    """Look at what lies on this disk: modes of the config and its folder, the state folder, the private keys."""
    yield check_mode(config.path)
    yield check_state(config)
    if config.tunnel_or_none is not None:
        for key in dict.fromkeys(jump.identity_file for jump in config.tunnel.jump_nodes):
            yield check_key(key)


def check_mode(path: Path) -> Finding:
    """Look who may write the config at `path`: the gate refuses one that others may write."""
    for each in (path, path.absolute().parent):
        try:
            found = each.stat()
        except OSError as error:
            why = f"{shown(str(each))} can't be looked at: {error.strerror}"
            return Finding("config.mode", FAIL, why, f"ls -ld {quoted(each)}")
        if (loose := judge_mode(each, owner=found.st_uid, mode=found.st_mode, uid=os.geteuid())) is not None:
            return Finding("config.mode", FAIL, *loose)
    return Finding("config.mode", OK, "only its owner may write it")


def judge_mode(path: Path, *, owner: int, mode: int, uid: int) -> tuple[str, str] | None:
    """Return what is wrong with the config or its folder for the account `uid`, and what mends it; None if nothing."""
    name = shown(str(path))
    if owner not in (0, uid):
        if uid == 0:
            why = f"{name} is another account's ({owner}): what it says is to be asked as that account"
            return why, f"sudo -u '#{owner}' {program()} doctor"
        return f"{name} is another account's ({owner}), which decides what the gate allows", (
            f"sudo chown {uid} {quoted(path)}"
        )
    if mode & 0o022:
        why = f"other accounts may write {name} (mode {mode & 0o7777:04o}), and so widen the gate"
        return why, f"{'' if uid in (0, owner) else 'sudo '}chmod go-w {quoted(path)}"
    return None


def check_state(config: DesktopConfig) -> Finding:
    """Look at the state folder, which is made if it is not there."""
    try:
        folder = state_dir(config.state_dir)
    except ConfigError as error:
        folder = config.state_dir or Path(os.path.expanduser("~/.local/state/backupjump"))  # noqa: PTH111
        make = f"{as_root()}install -d -m 700 -o {os.geteuid()} {quoted(folder)}"
        return Finding("config.state", FAIL, str(error), error.hint if error.hint.startswith("chown") else make)
    return Finding("config.state", OK, shown(str(folder)))


def check_key(path: Path) -> Finding:
    """Look at a private key: there, for its owner alone, usable with nobody at the keyboard."""
    problem = key_problem(path)
    if problem is None:
        return Finding("config.key", OK, f"{shown(str(path))} is for its owner alone")
    command = _COMMAND.search(problem)
    fix = command[1] if command else f"ls -l {quoted(path)}"
    return Finding("config.key", FAIL, _COMMAND.sub("", problem).rstrip(" ;"), fix)


def quoted(path: Path | str) -> str:
    """Return `path` as one word of a command line that a person can paste."""
    return shlex.quote(shown(str(path)))


def as_root() -> str:
    """Return what stands before a command that needs root."""
    return "" if os.geteuid() == 0 else "sudo "


def reload_sshd(root: str) -> str:
    """Return the command that makes sshd read its config again, whoever started it; `root` is what stands before it."""
    ways = ("systemctl reload ssh", "systemctl reload sshd", 'kill -HUP "$(cat /run/sshd.pid)"')
    return "{ " + " || ".join(root + way for way in ways) + "; }"
