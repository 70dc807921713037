"""The nouns of the Desktop's config: its tunnel and its gate, frozen, unknown keys refused.

Plain dataclasses over the strict YAML reader: the Desktop has no pydantic, and may have Python 3.9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from backupjump.config.checks import (
    read_argument,
    read_date,
    read_flag,
    read_folder,
    read_host,
    read_host_keys,
    read_key_path,
    read_name,
    read_port,
    read_share,
    read_source,
    read_tunnel_port,
)
from backupjump.config.hands import foreign_hands
from backupjump.config.key_file import key_file_problem
from backupjump.config.problem import Problem, raise_all
from backupjump.config.section import Section
from backupjump.config.times import Every, read_clock, read_duration, read_every
from backupjump.config.yaml_file import Document, read_document
from backupjump.errors import ConfigError

TOP_KEYS = ("tunnel", "gate", "state_dir")
TUNNEL_KEYS = ("jump_node", "port", "to", "open", "every", "max_age", "unless", "expires")
JUMP_NODE_KEYS = ("host", "port", "user", "identity_file", "host_key", "tunnel_port")
WINDOW_KEYS = ("every", "at", "for")
UNLESS_KEYS = ("battery_below", "metered")
GATE_KEYS = ("read", "hooks", "rsync")

_TARGET = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):(\d{1,5})", re.ASCII)


@dataclass(frozen=True)
class TunnelJump:
    """A JumpNode as the Desktop sees it."""

    host: str
    """DNS name or address."""
    port: int
    """Port of its sshd."""
    user: str
    """The account there that may open this Desktop's port, and nothing else."""
    identity_file: Path
    """The Desktop's private key for it."""
    host_keys: tuple[str, ...]
    """Its public host key, or several (current and spare)."""
    tunnel_port: int
    """The tunnel's port on this one (the key `tunnel_port`, by default the tunnel's `port`)."""


@dataclass(frozen=True)
class Window:
    """A time in which the tunnel stands open."""

    every: Every
    """Which days."""
    at: str
    """The clock time at which it opens."""
    length: timedelta
    """How long it stays open (the key `for`)."""


@dataclass(frozen=True)
class Unless:
    """When the owner would rather not."""

    battery_below: float = 0.0
    """Share of a full battery, when on battery."""
    metered: bool = False
    """On a connection that is paid by volume."""


@dataclass(frozen=True)
class Tunnel:
    """The reverse tunnel that this Desktop opens, and when."""

    jump_nodes: tuple[TunnelJump, ...]
    """The JumpNodes, tried in order."""
    port: int
    """The tunnel's port on the JumpNode."""
    to_host: str = "localhost"
    """Where the tunnel leads: this Desktop's sshd."""
    to_port: int = 22
    """Its port."""
    opens: str = "when-due"
    """when-due, always or windows (the key `open`)."""
    windows: tuple[Window, ...] = ()
    """The windows, when it opens by those."""
    every: timedelta = timedelta(hours=20)
    """When-due: open as soon as the last published run is older than this."""
    max_age: timedelta = timedelta(hours=60)
    """Tell the owner when the last published run is older than this; by default 3 times `every`."""
    unless: Unless = field(default_factory=Unless)
    """When it stays closed."""
    expires: date | None = None
    """The day on which this Desktop's keys end; None is never."""


@dataclass(frozen=True)
class Gate:
    """What the Server's key may do here."""

    read: tuple[str, ...]
    """Folders that it may read."""
    hooks: Mapping[str, tuple[str, ...]]
    """Programs that it may start, by name; each an argv."""
    rsync: Path | None = None
    """The rsync that reads them, by its full path; by default the first of the usual places."""


@dataclass(frozen=True)
class DesktopConfig:
    """Everything that a Desktop is told."""

    path: Path
    """The file that it is told in."""
    tunnel_or_none: Tunnel | None = None
    gate: Gate | None = None
    state_dir: Path | None = None
    """Where this machine remembers (root: /var/lib/backupjump, else the XDG state folder)."""

    @property
    def tunnel(self) -> Tunnel:
        """The tunnel; ConfigError when the file has none."""
        if self.tunnel_or_none is None:
            raise ConfigError(f"{self.path} has no `tunnel:`", hint="backupjump init desktop shows what one looks like")
        return self.tunnel_or_none


def is_desktop_file(document: Document) -> bool:
    """Whether a config file is a Desktop's: it has `tunnel` or `gate`, and nothing of a Server's."""
    return bool({"tunnel", "gate"} & document.value.keys()) and "store" not in document.value


def load_desktop(path: Path, *, check_keys: bool = False) -> DesktopConfig:
    """Return what the file at `path` tells a Desktop; ConfigError tells all of its mistakes at once.

    With `check_keys` the key files must be there, for their owner alone, and the file nobody else's to write.
    """
    document = read_document(path)
    problems = list(document.problems)
    if document.whole:
        config = read_desktop(document, problems, check_keys=check_keys)
    if check_keys:
        problems += foreign_hands([path])
    raise_all(problems)
    return config


def read_desktop(document: Document, problems: list[Problem], *, check_keys: bool = False) -> DesktopConfig:
    """Return what `document` tells a Desktop; without meaning when a mistake was appended to `problems`."""
    top = Section(document, (), document.value, problems)
    if "store" in top and not {"tunnel", "gate"} & document.value.keys():
        top.note(("store",), "is of a Server's config; what was typed is a word for a Desktop", at_key=True)
        return DesktopConfig(document.path)
    top = top.only(TOP_KEYS)
    tunnel = top.one("tunnel")
    gate = top.one("gate")
    if tunnel is None and gate is None:
        top.note((), "holds neither `tunnel:` nor `gate:`")
    return DesktopConfig(
        document.path,
        None if tunnel is None else _tunnel(tunnel.only(TUNNEL_KEYS), check_keys=check_keys),
        None if gate is None else _gate(gate.only(GATE_KEYS)),
        top.get("state_dir", read_folder, default=None),
    )


def _tunnel(section: Section, *, check_keys: bool) -> Tunnel:
    jump_nodes = section.several("jump_node", meaning="the machine that the tunnel leads to, or a list of them")
    opens = section.get("open", _read_opens, default="when-due")
    windows = section.several("open", meaning="") if opens == "windows" else []
    to_host, to_port = section.get("to", _read_target, default=("localhost", 22))
    every = section.get("every", read_duration, default=timedelta(hours=20))
    unless = section.one("unless")
    port = section.need("port", read_tunnel_port, meaning="the tunnel's port on the JumpNode")
    return Tunnel(
        jump_nodes=tuple(_jump_node(jump.only(JUMP_NODE_KEYS), port, check_keys=check_keys) for jump in jump_nodes),
        port=port,
        to_host=to_host,
        to_port=to_port,
        opens=opens,
        windows=tuple(_window(window.only(WINDOW_KEYS)) for window in windows),
        every=every,
        max_age=section.get("max_age", read_duration, default=3 * every),
        unless=Unless() if unless is None else _unless(unless.only(UNLESS_KEYS)),
        expires=section.get("expires", read_date, default=None),
    )


def _jump_node(section: Section, tunnel_port: int, *, check_keys: bool) -> TunnelJump:
    identity_file = section.need("identity_file", read_key_path, meaning="this Desktop's private key for it")
    if check_keys and identity_file and (mistake := key_file_problem(identity_file)):
        section.note(("identity_file",), mistake)
    return TunnelJump(
        host=section.need("host", read_host, meaning="DNS name or address"),
        port=section.get("port", read_port, default=22),
        user=section.need("user", read_name, meaning="the account there that may open the tunnel"),
        identity_file=identity_file,
        host_keys=section.need("host_key", read_host_keys, meaning="its public host key, or a list"),
        tunnel_port=section.get("tunnel_port", read_tunnel_port, default=tunnel_port),
    )


def _window(section: Section) -> Window:
    return Window(
        every=section.need("every", read_every, meaning="which days, such as day or [mon, thu]"),
        at=section.need("at", read_clock, meaning='when it opens, such as "02:00"'),
        length=section.need("for", read_duration, meaning="how long it stays open, such as 3h"),
    )


def _unless(section: Section) -> Unless:
    return Unless(
        battery_below=section.get("battery_below", read_share, default=0.0),
        metered=section.get("metered", read_flag, default=False),
    )


def _gate(section: Section) -> Gate:
    folders = section.each("read", read_source, meaning="the folders that the Server may read")
    hooks = section.one("hooks")
    offered = {} if hooks is None else {name: hooks.each(name, read_argument, meaning="") for name in hooks.names()}
    return Gate(read=folders, hooks=offered, rsync=section.get("rsync", read_folder, default=None))


def _read_opens(value: object) -> str:
    if isinstance(value, list):
        return "windows"
    if value not in ("when-due", "always"):
        raise ValueError('must be when-due, always or a list of windows such as {every: day, at: "02:00", for: 3h}')
    return str(value)


def _read_target(value: object) -> tuple[str, int]:
    match = _TARGET.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a host and a port, such as localhost:22")
    return read_host(match[1] or match[2]), read_port(int(match[3]))
