"""doctor on the Desktop: from its own config to what its tunnel key opens on the JumpNode.

Python 3.9, the standard library and yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.state import state_dir
from backupjump.operations.doctor.desktop_account import check_account
from backupjump.operations.doctor.desktop_awake import check_awake, check_clock, check_expiry, check_power
from backupjump.operations.doctor.desktop_config import check_files, quoted, read_config
from backupjump.operations.doctor.desktop_gate import check_gate, check_policy, check_rsync
from backupjump.operations.doctor.desktop_python import check_bundle, check_python, check_ssh
from backupjump.operations.doctor.desktop_sshd import check_sshd
from backupjump.operations.doctor.desktop_tunnel import check_tunnel
from backupjump.operations.doctor.door import Door, is_this_machine, look_at_door
from backupjump.operations.doctor.finding import FAIL, SKIP, WARN, Finding
from backupjump.operations.doctor.key_lines import KeyLine, mend_line, right_options
from backupjump.operations.doctor.other_keys import check_other_keys
from backupjump.operations.installed import gate_argv

if TYPE_CHECKING:
    from backupjump.config.desktop import DesktopConfig


def look(path: Path) -> Iterator[Finding]:
    """Yield each finding about the Desktop that the config at `path` tells, as it comes; raises nothing expected.

    It logs in to the JumpNode five times and asks this machine's sshd once. What stands behind a hop that is
    broken is `skip`.
    """
    config, finding = read_config(path)
    yield finding
    yield check_python()
    if config is None:
        yield Finding("gate", SKIP, "without its config there is no gate and no tunnel")
        return
    files = list(check_files(config))
    yield from files
    yield from check_rsync(config.gate.rsync if config.gate else None)
    ssh = check_ssh()
    yield ssh
    if ssh.verdict == FAIL:
        yield Finding("sshd.answers", SKIP, "there is no ssh to ask it with")
        return
    door = look_at_door(config)
    yield from check_sshd(door)
    yield from _into_the_gate(config, door)
    yield from _to_the_jump_node(config, broken={finding.check for finding in files if finding.verdict == FAIL})
    yield from _this_machine(config, door)


def _into_the_gate(config: DesktopConfig, door: Door) -> Iterator[Finding]:
    if not is_this_machine(door.host):
        yield Finding("account.login", SKIP, f"the tunnel leads to {door.host}: ask doctor there")
        return
    wanted = gate_argv(config.path)
    yield from check_account(door, gate_argv=wanted, gated=config.gate is not None, today=_today())
    if config.gate is None:
        why = "the config has no `gate:`, so nothing says what the Server may read: a key with no gate reads all"
        yield Finding("gate.roots", WARN, why, add_gate(config.path))
        return
    yield from check_policy(config.gate, config.path)
    gates = {line.gate_argv: (file, line) for file, line in door.lines if line.gate_argv}
    if not gates:
        yield Finding("gate.starts", SKIP, "no line of authorized_keys starts a gate")
    for file, line in gates.values():
        argv = (*wanted, *enrolment_words(line.gate_argv))
        mend = mend_line(line, right_options(line, gate_argv=argv), file=str(file.path))
        yield from check_gate(line.gate_argv, config=config.path, mend=mend)
        yield from check_bundle(line.gate_argv)


def enrolment_words(gate_words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a forced command that say which renewal of keys wrote its line; a mended one keeps them."""
    if "--enrolment" not in gate_words:
        return ()
    start = gate_words.index("--enrolment")
    return tuple(gate_words[start : start + 2])


def _to_the_jump_node(config: DesktopConfig, *, broken: set[str]) -> Iterator[Finding]:
    if config.tunnel_or_none is None:
        yield Finding("tunnel.login", SKIP, "the config has no `tunnel:`")
    elif broken & {"config.state", "config.key"}:
        yield Finding("tunnel.login", SKIP, f"not tried before {' and '.join(sorted(broken))} is mended")
    else:
        yield from check_tunnel(config.tunnel_or_none, state_dir(config.state_dir) / "tunnel")


def _this_machine(config: DesktopConfig, door: Door) -> Iterator[Finding]:
    tunnel = config.tunnel_or_none
    ours = [jump.identity_file for jump in tunnel.jump_nodes] if tunnel else []
    yield check_other_keys(door.account.home / ".ssh", ours=ours)
    yield from check_awake(door.account.name)
    yield check_power()
    name = next((line.desktop for _file, line in door.lines), "DESKTOP")
    lines = [line for _file, line in door.lines]
    yield check_expiry(keys_end(tunnel.expires if tunnel else None, lines), desktop=name, today=_today())
    yield check_clock()


def keys_end(by_config: date | None, lines: Sequence[KeyLine]) -> date | None:
    """Return the day on which the first key ends: the tunnel's, or the Server's, whose last line counts."""
    ends = [line.ends_on for line in lines]
    by_lines = [max(day for day in ends if day is not None)] if ends and None not in ends else []
    return min([*by_lines, *([by_config] if by_config else [])], default=None)


def add_gate(config: Path) -> str:
    """Return the command that gives a config a gate for the home of the account."""
    return f"printf '\\ngate:\\n  read: [%s]\\n' \"$HOME\" >> {quoted(config)}"


def _today() -> date:
    # expiry-time without a zone is of the machine's own.
    return date.today()  # noqa: DTZ011
