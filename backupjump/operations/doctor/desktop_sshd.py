"""What the sshd behind the tunnel is, and what it lets strangers try: all that comes through the JumpNode gets to it.

Python 3.9.
"""

from __future__ import annotations

from collections.abc import Iterator

from backupjump.operations.doctor.desktop_config import as_root, reload_sshd
from backupjump.operations.doctor.door import Door, is_this_machine
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from backupjump.operations.doctor.sshd_settings import sshd_program

_BY_WORDS = ("password", "keyboard-interactive")
_DROP_INS = "/etc/ssh/sshd_config.d"


def check_sshd(door: Door) -> Iterator[Finding]:
    """Look at the sshd; nothing but `sshd.answers` where none answers."""
    answer, where = door.answer, f"{door.host}:{door.port}"
    if not answer.software:
        why = answer.why or "it hung up before it named itself"
        yield Finding("sshd.answers", FAIL, f"no sshd answers on {where}: {why}", _start(door))
        return
    shows = f"{answer.software} on {where}, host key {answer.host_key or 'of another type'}"
    yield Finding("sshd.answers", OK, f"{shows} (the one that the Server must have pinned)")
    yield _publickey(door)
    yield _passwords(door)
    yield _penalties(door)


def settings_command(name: str, *lines: str, loopback_only: bool) -> str:
    """Return the command that gives sshd these `lines` in a file for `name`, taken out again if it can't read them.

    A file of its own stands before Debian's sshd_config, and the first value counts.
    """
    text = ["Match Address 127.0.0.1,::1", *(f"  {line}" for line in lines), "Match all"] if loopback_only else lines
    words = " ".join(f"'{line}'" for line in text)
    root, file = as_root(), f"{_DROP_INS}/10-backupjump-{name}.conf"
    undo = f"{{ {root}rm {file}; false; }}"
    return (
        f"printf '%s\\n' {words} | {root}tee {file} >/dev/null && {{ {root}sshd -t || {undo}; }} && {reload_sshd(root)}"
    )


def _start(door: Door) -> str:
    if not is_this_machine(door.host):
        return f"nc -vz {door.host} {door.port}"
    if sshd_program() is None:
        return f"{as_root()}apt-get install -y openssh-server"
    return f"{as_root()}systemctl enable --now ssh || {as_root()}service ssh start"


def _publickey(door: Door) -> Finding:
    methods = door.answer.methods
    if not methods:
        return Finding("sshd.publickey", SKIP, f"it did not say how one may log in: {door.answer.why}")
    if "publickey" not in methods:
        fix = settings_command("keys", "PubkeyAuthentication yes", loopback_only=True)
        return Finding("sshd.publickey", FAIL, f"it takes no keys, only {', '.join(methods)}", fix)
    chains = door.settings.get("authenticationmethods", "any") if door.settings else "any"
    if chains not in ("any", "publickey"):
        fix = settings_command("keys", "AuthenticationMethods publickey", loopback_only=True)
        return Finding("sshd.publickey", FAIL, f"a key alone is not enough: AuthenticationMethods {chains}", fix)
    return Finding("sshd.publickey", OK, "a key is enough")


def _passwords(door: Door) -> Finding:
    methods = [method for method in door.answer.methods if method in _BY_WORDS]
    if not methods:
        return Finding("sshd.password", OK, "no passwords")
    return Finding(
        "sshd.password",
        WARN,
        "passwords are on: while the tunnel stands, every account of the JumpNode may try some here",
        settings_command(
            "passwords", "PasswordAuthentication no", "KbdInteractiveAuthentication no", loopback_only=True
        ),
    )


def _penalties(door: Door) -> Finding:
    """Look whether strangers can have the Server locked out: to this sshd all that comes by the tunnel is one address.

    Source: sshd_config(5), PerSourcePenalties, on by default since OpenSSH 9.8.
    """
    if door.answer.version < (9, 8):
        return Finding("sshd.penalties", OK, "this sshd locks no address out")
    if door.settings is None:
        return Finding("sshd.penalties", SKIP, "its settings can't be read by this account")
    exempt = door.settings.get("persourcepenaltyexemptlist")
    if door.settings.get("persourcepenalties") == "no" or "127.0.0.1" in exempt:
        return Finding("sshd.penalties", OK, "loopback is not locked out")
    return Finding(
        "sshd.penalties",
        WARN,
        "PerSourcePenalties counts against 127.0.0.1: whoever fails to log in by the tunnel locks the Server out too",
        settings_command("penalties", "PerSourcePenaltyExemptList 127.0.0.1,::1", loopback_only=False),
    )
