"""Whether the Server's key gets into this account, to the gate and to nothing else. Python 3.9."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from backupjump.escape import shown
from backupjump.operations.doctor.desktop_config import as_root, quoted, reload_sshd
from backupjump.operations.doctor.desktop_sshd import settings_command
from backupjump.operations.doctor.door import Door, KeyFile
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from backupjump.operations.doctor.key_lines import (
    KeyLine,
    data_lines,
    is_over,
    lan_sources,
    mend_line,
    right_options,
    too_much,
)
from backupjump.operations.doctor.strict_modes import loose_parts
from backupjump.operations.enroll.expiry import renewal
from backupjump.operations.installed import program

_NO_SHELLS = ("nologin", "false", "true")
_MOST_NAMED = 5


def check_account(door: Door, *, gate_argv: Sequence[str], gated: bool, today: date) -> Iterator[Finding]:
    """Look at shell and authorized_keys, and whether the key gets in; `gate_argv` is what it should start."""
    yield check_shell(door)
    yield from check_lines(door, gate_argv=gate_argv, gated=gated, today=today)
    yield check_others(door)
    yield check_modes(door)
    yield check_login(door)


def check_shell(door: Door) -> Finding:
    """Look at the login shell: sshd hands the forced command to it."""
    name, shell = door.account.name, door.account.shell
    if Path(shell).name in _NO_SHELLS or not os.access(shell, os.X_OK):
        why = f"the login shell of {name}, {shown(shell)}, starts nothing: the gate neither"
        return Finding("account.shell", FAIL, why, f"{as_root()}usermod -s /bin/sh {name}")
    return Finding("account.shell", OK, f"{name} has {shown(shell)}")


def check_lines(door: Door, *, gate_argv: Sequence[str], gated: bool, today: date) -> Iterator[Finding]:
    """Look at each line of the Server's data key; that there is none is amber where the config has no gate either."""
    for file in door.files:
        if file.problem:
            fix = f"{as_root()}chown {door.account.uid} {quoted(file.path)} && chmod 600 {quoted(file.path)}"
            yield Finding("account.line", FAIL, f"{shown(str(file.path))}: {file.problem}", fix)
    if not door.lines:
        where = " or ".join(shown(str(file.path)) for file in door.files) or "no file at all"
        why = f"no line with the gate in {where}: no key of the Server is held to it"
        yield Finding("account.line", FAIL if gated else WARN, why, f"{program()} enroll accept")
    for file, line in door.lines:
        yield judge_line(file, line, gate_argv=gate_argv, today=today)


def judge_line(file: KeyFile, line: KeyLine, *, gate_argv: Sequence[str], today: date) -> Finding:
    """Return what one line of the data key gives away, and the command that makes it as enrolment writes it."""
    what = f"{shown(str(file.path))}:{line.number} ({_name(line)})"
    faults = too_much(line, today=today)
    if not faults and (lan := lan_sources(line)):
        why = f"{what}: the gate alone, but past the tunnel too, from {shown(', '.join(lan))}, as route direct needs it"
        narrow = mend_line(line, right_options(line, gate_argv=line.gate_argv or gate_argv), file=str(file.path))
        return Finding("account.line", WARN, why, narrow)
    if not faults:
        return Finding("account.line", OK, f"{what}: the gate alone, by the tunnel alone")
    options = right_options(line, gate_argv=line.gate_argv or gate_argv, sources=lan_sources(line))
    wide = mend_line(line, options, file=str(file.path))
    fix = f"on the Server: {renewal(line.desktop)}" if is_over(line, today=today) else wide
    return Finding("account.line", FAIL, f"{what}: {'; '.join(faults)}", fix)


def check_others(door: Door) -> Finding:
    """Count who else may log in; whether they should is the owner's to say."""
    others = [line for file in door.files for line in file.lines if line not in data_lines(file.lines)]
    names = ", ".join(_name(line) for line in others[:_MOST_NAMED]) + (", …" if len(others) > _MOST_NAMED else "")
    if not others:
        return Finding("account.others", OK, "no other key may log in")
    return Finding("account.others", OK, f"{len(others)} other key{'s' * (len(others) > 1)} may log in: {names}")


def check_modes(door: Door) -> Finding:
    """Look at the modes of each file with a line of the Server's, and of the folders above, as sshd does."""
    strict = door.settings is None or door.settings.get("strictmodes", "yes") == "yes"
    files = dict.fromkeys(file.path for file, _line in door.lines) or dict.fromkeys(file.path for file in door.files)
    loose = [each for path in files for each in loose_parts(path, home=door.account.home, uid=door.account.uid)]
    if not loose:
        return Finding("account.modes", OK, "nobody else may write authorized_keys, or a folder above it")
    why = "; ".join(dict.fromkeys(each.why for each in loose))
    if strict and is_taken(door):
        # Debian's sshd accepts what a group may write that nobody else is in.  Source: its user-group-modes.patch.
        return Finding("account.modes", OK, f"{why}; its sshd accepts that, as nobody else is in the group")
    effect = "sshd passes the keys over" if strict else "StrictModes is off, so sshd takes what they put there"
    fix = " && ".join(dict.fromkeys(each.fix for each in loose))
    return Finding("account.modes", FAIL if strict else WARN, f"{why}: {effect}", fix)


def check_login(door: Door) -> Finding:
    """Say whether sshd takes the Server's key, by what it answers to the public half."""
    if not door.answer.software:
        return Finding("account.login", SKIP, "no sshd answers")
    if not door.lines:
        return Finding("account.login", SKIP, "there is no key to ask for")
    if is_taken(door):
        return Finding("account.login", OK, f"sshd takes the Server's key for {door.account.name}")
    why, fix = why_refused(door)
    return Finding("account.login", FAIL, f"sshd does not take the Server's key for {door.account.name}: {why}", fix)


def is_taken(door: Door) -> bool:
    """Whether sshd takes every key that has a line of the Server's; False where there is none."""
    wanted = {line.public_key for _file, line in door.lines}
    return bool(wanted) and wanted.issubset(door.answer.taken)


def why_refused(door: Door) -> tuple[str, str]:
    """Return the likeliest reason why sshd refuses the account's key, and what mends it."""
    settings, name = door.settings, door.account.name
    if settings is not None:
        if name == "root" and settings.get("permitrootlogin") == "no":
            by_key = "PermitRootLogin forced-commands-only"
            return "PermitRootLogin no", settings_command("root", by_key, loopback_only=True)
        allowed = settings.get("allowusers")
        if allowed and name not in allowed.split():
            return f"AllowUsers {shown(allowed)}", settings_command("users", f"AllowUsers {name}", loopback_only=False)
        if name in settings.get("denyusers").split():
            return "DenyUsers names it", _no_more_denied(name)
    if Path("/etc/nologin").exists() and door.account.uid != 0:
        return "/etc/nologin is there: this machine lets nobody in", f"{as_root()}rm /etc/nologin"
    modes = check_modes(door)
    if modes.verdict == FAIL:
        return modes.evidence, modes.fix
    if _is_locked(name):
        return "the account is locked", f"{as_root()}usermod -p '*' {name}"
    return door.answer.why or "it does not say why", f"{as_root()}journalctl -u ssh -n 20"


def _no_more_denied(name: str) -> str:
    """Return the command that takes a name out of each DenyUsers; one that has no other is no line for sshd."""
    root, word = as_root(), name.replace(".", "[.]")
    line = "/^\\s*DenyUsers\\s/I"
    edit = f"sed -i -E '{line}{{s/\\s{word}(\\s|$)/\\1/g;s/^\\s*DenyUsers\\s*$/#/I}}'"
    return f"{root}grep -rliE '^\\s*DenyUsers\\s' /etc/ssh | xargs -r {root}{edit} && {reload_sshd(root)}"


def _is_locked(name: str) -> bool:
    """Whether the account's password field starts with `!`; False where only root may look.

    Source: OpenSSH auth.c, allowed_user; a `*` is no lock.
    """
    try:
        lines = Path("/etc/shadow").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return any(line.startswith(f"{name}:!") for line in lines)


def _name(line: KeyLine) -> str:
    return shown(line.comment, limit=60) or f"{line.kind} …{line.blob[-8:]}"
