"""The Desktop's part of repin: its JumpNode. Python 3.9."""

from __future__ import annotations

from pathlib import Path

from backupjump.config.desktop import DesktopConfig, load_desktop
from backupjump.config.state import state_dir
from backupjump.config.yaml_file import read_document
from backupjump.errors import UsageError
from backupjump.operations.enroll.repin import Consent, Pin, repin
from backupjump.operations.tunnel import forwards_of
from backupjump.ssh.offered_key import ask_offered_key
from backupjump.ssh.tunnel import write_config
from backupjump.ssh.tunnel_verdicts import Forward, why_it_fails


def repin_jump_node(config: Path, name: str | None, consent: Consent) -> tuple[str, ...]:
    """Pin the host key that the JumpNode `name` (its host, or host:port) offers now; return what was done.

    The name may be left out where there is one JumpNode. Raises as `repin`, and why the machine can't be asked.
    """
    consent.check()
    desktop = load_desktop(config)
    forwards = forwards_of(desktop.tunnel)
    number = _number(forwards, name)
    value = read_document(config).value["tunnel"]["jump_node"]
    place = ("tunnel", "jump_node", number) if isinstance(value, list) else ("tunnel", "jump_node")
    written = value[number] if isinstance(value, list) else value
    jump = forwards[number].jump
    machine = f"JumpNode {forwards[number].jump_node}"
    pin = Pin(machine, config, (*place, "host_key"), written["host_key"], jump.host_keys)
    return repin(pin, _ask(desktop, forwards, number), consent)


def _number(forwards: tuple[Forward, ...], name: str | None) -> int:
    wanted = [number for number, each in enumerate(forwards) if name in (None, each.jump.host, each.jump_node)]
    if len(wanted) != 1:
        known = ", ".join(each.jump_node for each in forwards)
        raise UsageError("which JumpNode is meant?", hint=f"backupjump enroll repin NAME, one of: {known}")
    return wanted[0]


def _ask(desktop: DesktopConfig, forwards: tuple[Forward, ...], number: int) -> str:
    config = write_config((forward.jump for forward in forwards), state_dir(desktop.state_dir) / "tunnel")
    jump = forwards[number].jump
    offer = ask_offered_key(config, jump.alias, pinned=jump.host_keys)
    if offer.host_key is None:
        raise why_it_fails(offer.said.splitlines(), forwards[number])
    return offer.host_key
