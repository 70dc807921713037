"""What accepting an invitation would change on this Desktop, worked out and shown before anything is. Python 3.9."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backupjump.errors import BackupjumpError, UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.authorized_keys import (
    DATA,
    Mark,
    data_line,
    foreign_line_with,
    marks_of_key,
    read_keys_file,
    with_line,
    without_lines,
)
from backupjump.operations.enroll.desktop_files import ConfigPlan, plan_config
from backupjump.operations.enroll.invitation import Invitation, read_root
from backupjump.operations.enroll.polkit import AwakeRule, awake_rule
from backupjump.operations.enroll.this_desktop import ThisDesktop, look_at_this_desktop
from backupjump.operations.installed import (
    command_link,
    gate_argv,
    is_settled_as,
    lasting_place,
    program,
    running_bundle,
    system_python,
)
from backupjump.ssh.keys import fingerprint


@dataclass(frozen=True)
class Wishes:
    """What was said on the command line of `enroll accept`. `text` is the file that the invitation stands in."""

    text: Path | None = None
    config: Path | None = None
    read: tuple[str, ...] = ()
    hooks: bool = True
    to: str = "localhost:22"
    authorized_keys: Path | None = None
    wait: bool = True
    yes: bool = False


@dataclass(frozen=True)
class AcceptPlan:
    """Everything that accepting comes to.

    `replaces` are our lines of earlier invitations for the same key, which would go on admitting it by what they say;
    `settles` is where a one-file program is to be copied, if it is to be.
    """

    invitation: Invitation
    here: ThisDesktop
    config: ConfigPlan
    keys_file: Path
    line: str
    line_is_there: bool
    replaces: tuple[Mark, ...]
    settles: Path | None
    rule: AwakeRule | None

    @property
    def mark(self) -> Mark:
        """The mark of the line."""
        return Mark(DATA, self.invitation.desktop, self.invitation.id)


def plan_accept(invitation: Invitation, wishes: Wishes) -> AcceptPlan:
    """Return what accepting comes to on this Desktop; nothing is changed. Raises what keeps it from being done."""
    path = (wishes.config or default_config()).absolute()
    _check_wished(wishes.read)
    config = plan_config(path, invitation, read=wishes.read, to=wishes.to)
    _check_folders(config)
    if config.gate.hooks and not wishes.hooks:
        raise UsageError(f"{shown(str(path))} offers hooks and is yours: it is not changed for --hooks none",
                         hint="take them out of its gate.hooks")  # fmt: skip
    here = look_at_this_desktop(config.to, rsync=config.gate.rsync)
    keys_file = (wishes.authorized_keys or here.home / ".ssh/authorized_keys").absolute()
    argv, settles = lasting_gate(path)
    mark = Mark(DATA, invitation.desktop, invitation.id)
    line = data_line(mark, invitation.data_key, gate_argv=argv, expires=invitation.expires)
    content = read_keys_file(keys_file)
    if (number := foreign_line_with(content, invitation.data_key)) is not None:
        raise BackupjumpError(
            f"line {number} of {shown(str(keys_file))} admits the Server's key already, without the gate",
            hint="it is not a line of backupjump: look at it, take it out, then the same again",
        )
    replaces = tuple(each for each in marks_of_key(content, invitation.data_key) if each != mark)
    return AcceptPlan(
        invitation=invitation,
        here=here,
        config=config,
        keys_file=keys_file,
        line=line,
        line_is_there=with_line(without_lines(content, replaces), line) == content,
        replaces=replaces,
        settles=settles,
        rule=awake_rule(here.user, path.parent),
    )


def plan_lines(plan: AcceptPlan) -> list[str]:
    """Return what a person must see before saying yes: what the Server will be able to do, and what is written."""
    invitation, gate = plan.invitation, plan.config.gate
    jump, is_local = invitation.jump, invitation.route == "local"
    hooks = ", ".join(shown(name) for name in gate.hooks)
    return [
        f"The Server calls this Desktop {invitation.desktop}.",
        f"While the tunnel is open, the Server's key may, as {plan.here.user}:",
        *(f"  read     {shown(folder)} and all below it" for folder in gate.read),
        f"  run      {hooks or 'no program of yours'}{' (hooks of your config)' if hooks else ''}",
        "  and nothing else: no shell, no writing, no other folder.",
        *_not_given(invitation, gate.read),
        f"The tunnel leads to port {invitation.port} of {jump.user}@{jump.host} port {jump.port}, pinned to",
        *(f"  {fingerprint(key)}" for key in jump.host_keys),
        *(["This is the Server itself; the tunnel's key opens that one port there, no more."] if is_local else []),
        *([f"Its keys end on {invitation.expires}."] if invitation.expires else []),
        "This will be written:",
        *(f"  {what}" for what in _written(plan)),
    ]


def _written(plan: AcceptPlan) -> list[str]:
    config, key = plan.config, plan.config.identity_file
    lines = [f"{shown(str(plan.settles))}   (a copy of this program, for good)"] if plan.settles else []
    lines += [] if key.exists() else [f"{shown(str(key))}   (the tunnel's key; it never leaves this machine)"]
    if config.changes:
        lines.append(f"{shown(str(config.path))}   ({'its config' if config.is_new else 'completed'})")
    if not plan.line_is_there:
        lines += [f"{shown(str(plan.keys_file))}   (one line more; every other one stays as it is)", f"  {plan.line}"]
    lines += [f"{shown(str(plan.keys_file))}: the line {mark} goes: it is for the same key" for mark in plan.replaces]
    if plan.rule:
        lines.append(f"{shown(str(plan.rule.path))}   (a rule by which a pull keeps this Desktop awake)")
    return lines or ["nothing: all of it is there"]


def _not_given(invitation: Invitation, read: tuple[str, ...]) -> list[str]:
    refused = [shown(folder) for folder in invitation.read if folder not in read]
    return [f"  (The Server asked for {', '.join(refused)} too, and does not get it.)"] if refused else []


def default_config() -> Path:
    """Return where a Desktop's config belongs when nobody names a file."""
    if os.geteuid() == 0:
        return Path("/etc/backupjump/backupjump.yaml")
    return Path(os.path.expanduser("~/.config/backupjump/backupjump.yaml"))  # noqa: PTH111


def typed(config: Path) -> str:
    """Return how this program is called with that config, the file named where it would not be found by itself."""
    return _lasting_program() + ("" if config == default_config() else f" --config {shlex.quote(str(config))}")


def _lasting_program() -> str:
    """Return what starts the program from now on: the copy that was settled, not the one on a stick."""
    place, link = lasting_place(), command_link()
    if running_bundle() is None or not place.exists():
        return program()
    if os.path.realpath(link) != os.path.realpath(place):
        return f"{system_python()} {shlex.quote(str(place))}"
    # A shell that was there before ~/.local/bin does not look into it.
    return link.name if shutil.which(link.name) == str(link) else shlex.quote(str(link))


def lasting_gate(config: Path) -> tuple[tuple[str, ...], Path | None]:
    """Return the argv of the gate as it will last, and where this one-file program is to be copied for it, if it is."""
    bundle, place = running_bundle(), lasting_place()
    if bundle is None or bundle == place:
        return gate_argv(config), None
    argv = (system_python(), "-I", str(place), "gate", "--config", str(config))
    return argv, None if is_settled_as(bundle, place) else place


def _check_wished(folders: Sequence[str]) -> None:
    for folder in folders:
        try:
            read_root(folder)
        except ValueError as error:
            raise UsageError(f"--read {shown(folder)} {error}", hint="such as --read /home/me") from error


def _check_folders(config: ConfigPlan) -> None:
    for folder in config.gate.read:
        path = Path(folder)
        if path.is_symlink() or not path.is_dir():
            what = "a symbolic link, which the gate does not follow" if path.is_symlink() else "not a folder here"
            raise UsageError(f"{shown(folder)} is {what}", hint="name what the Server may read: --read DIR")
