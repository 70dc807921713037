"""The Desktop's config as enrolment writes it, and what one that is there already says. Python 3.9."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from backupjump.config.checks import read_host
from backupjump.config.desktop import DesktopConfig, Gate, is_desktop_file, load_desktop, read_desktop
from backupjump.config.edit import append_text, appended, set_values
from backupjump.config.problem import raise_all
from backupjump.config.yaml_file import parse, read_document
from backupjump.errors import ConfigError, UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.fresh_file import write_new_file
from backupjump.operations.enroll.invitation import Invitation


@dataclass(frozen=True)
class ConfigPlan:
    """What is to become of the config: `text` is a new file, or what is appended to one; nothing: it says all that.

    `gate` is what it will allow, `to` where its tunnel leads, `identity_file` the tunnel's key; `expires` is a day that
    is to be put into it.
    """

    path: Path
    text: str
    gate: Gate
    to: str
    identity_file: Path
    is_new: bool = False
    expires: date | None = None

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.text) or self.expires is not None


def plan_config(path: Path, invitation: Invitation, *, read: tuple[str, ...], to: str) -> ConfigPlan:
    """Return what is to be written to `path`. `read`: folders named on the command line, else those asked for.

    UsageError for a config that is there and says something else: it is its owner's.
    """
    is_new = not path.exists()
    if not is_new and not _says_nothing_yet(path):
        return _plan_for_existing(path, invitation, read)
    identity_file = path.parent / "keys" / "tunnel"
    text = _tunnel_text(invitation, identity_file, to) + _gate_text(_folders(invitation, read))
    text += _state_text() if is_new else ""
    if not is_new:
        appended(path, path.read_bytes(), text)
    problems = list((document := parse(path, text.encode("utf-8"), environment={})).problems)
    config = read_desktop(document, problems)
    raise_all(problems)
    assert config.gate is not None
    return ConfigPlan(path, text, config.gate, to, identity_file, is_new=is_new)


def _folders(invitation: Invitation, read: tuple[str, ...]) -> tuple[str, ...]:
    if not (read or invitation.read):
        raise UsageError(
            "the invitation asks for no folder, and none is named", hint="name what may be read: --read DIR"
        )
    return read or invitation.read


def _says_nothing_yet(path: Path) -> bool:
    """Whether a config only says where this machine remembers."""
    document = read_document(path)
    return document.whole and not document.problems and document.value.keys() == {"state_dir"}


def _plan_for_existing(path: Path, invitation: Invitation, read: tuple[str, ...]) -> ConfigPlan:
    _refuse_a_server(path)
    config = load_desktop(path)
    _refuse_another_tunnel(config, invitation)
    expires = invitation.expires if invitation.expires != config.tunnel.expires else None
    identity_file = config.tunnel.jump_nodes[0].identity_file
    to_host = config.tunnel.to_host
    leads_to = f"{f'[{to_host}]' if ':' in to_host else to_host}:{config.tunnel.to_port}"
    if config.gate is not None:
        if read and set(read) != set(config.gate.read):
            allowed = ", ".join(shown(folder) for folder in config.gate.read)
            raise UsageError(
                f"{shown(str(path))} allows {allowed} to be read, and is yours: it is not changed for --read",
                hint="edit its gate.read, then the same again without --read",
            )
        return ConfigPlan(path, "", config.gate, leads_to, identity_file, expires=expires)
    folders = _folders(invitation, read)
    appended(path, path.read_bytes(), _gate_text(folders))
    return ConfigPlan(path, _gate_text(folders), Gate(folders, {}), leads_to, identity_file, expires=expires)


def write_config(plan: ConfigPlan) -> None:
    """Write what `plan` says, whole; ConfigError if it can't be, or if the file would not be read as it is meant."""
    if plan.is_new:
        write_new_file(plan.path, plan.text)
    elif plan.text:
        append_text(plan.path, plan.text)
    if plan.expires is not None:
        set_values(plan.path, {("tunnel", "expires"): plan.expires.isoformat()})
    if load_desktop(plan.path).gate != plan.gate:
        raise ConfigError(f"{shown(str(plan.path))} does not say what was written to it")


def _refuse_a_server(path: Path) -> None:
    document = read_document(path)
    if document.whole and not is_desktop_file(document):
        raise UsageError(
            f"{shown(str(path))} is not a Desktop's config",
            hint="is this the Server? name a file for the Desktop: --user-config FILE",
        )


def _refuse_another_tunnel(config: DesktopConfig, invitation: Invitation) -> None:
    jump = config.tunnel.jump_nodes[0]
    invited = invitation.jump
    there = (jump.host, jump.port, jump.user, jump.tunnel_port)
    if there == (read_host(invited.host), invited.port, invited.user, invitation.port):
        if not set(invited.host_keys) & set(jump.host_keys):
            raise UsageError(
                f"{shown(str(config.path))} pins another host key of JumpNode {jump.host} than the invitation has",
                hint="was it reinstalled? backupjump enroll repin; else ask who sent the invitation",
            )
        return
    raise UsageError(
        f"{shown(str(config.path))} is there, for port {jump.tunnel_port} of {jump.user}@{jump.host}:{jump.port}; the "
        f"invitation is for port {invitation.port} of {invited.user}@{invited.host}:{invited.port}",
        hint="is it of an older enrolment? backupjump enroll revoke; to have both: --user-config FILE",
    )


def _tunnel_text(invitation: Invitation, identity_file: Path, to: str) -> str:
    jump = invitation.jump
    expires = f"  expires: {invitation.expires}\n" if invitation.expires else ""
    return f"""\
# backupjump on this Desktop, written by `backupjump enroll accept`; yours to edit. It holds no key to the Server.
tunnel:
  jump_node:
    host: {_quoted(jump.host)}
    port: {jump.port}
    user: {_quoted(jump.user)}
    identity_file: {_quoted(str(identity_file))}
    host_key: {_list(jump.host_keys) if len(jump.host_keys) > 1 else jump.host_keys[0]}
  port: {invitation.port}                                    # the tunnel's end on the JumpNode
  to: {_quoted(to)}                       # this machine's sshd
{expires}"""


def _gate_text(folders: tuple[str, ...]) -> str:
    return f"""\
gate:                                           # what the Server's key may do here; all else is refused
  read: {_list(folders)}
  # hooks: {{dump-db: [pg_dump, -f, /home/me/db.sql, app]}}   # programs that it may have run, by name
"""


def _state_text() -> str:
    # The gate starts without the environment of this shell, and both must remember in one place.
    state = os.environ.get("XDG_STATE_HOME", "")
    return f"state_dir: {_quoted(state + '/backupjump')}\n" if state.startswith("/") and os.geteuid() != 0 else ""


def _quoted(text: str) -> str:
    # JSON is YAML; `${` would be taken for a variable.
    return json.dumps(text.replace("${", "$${"), ensure_ascii=False)


def _list(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(_quoted(text) for text in texts) + "]"
