"""The nouns of the Server's config: Server, Store, JumpNode, Desktop, Job. All frozen, unknown keys refused.

Every key has its one-line meaning beside it; the JSON Schema and the docs are made from these. What a
single value can't tell (a job's desktop exists, ports are free, keys are readable) is checked in load.py.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from backupjump.config.units import Duration, Rate, Share, Size, read_every

# One alphabet for all that ends up in an ssh_config, an argv or a folder's name. `%`, `$`, quotes and a
# leading dash have meant code in ssh before (CVE-2023-51385, CVE-2025-61984).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_KEY_TYPES = "ssh-ed25519|ecdsa-sha2-nistp256|ecdsa-sha2-nistp384|ecdsa-sha2-nistp521|ssh-rsa"
_HOST_KEY = re.compile(rf"({_KEY_TYPES}) [A-Za-z0-9+/]{{40,}}={{0,2}}( [\w.@:+-]*)?")

PARTIAL_FOLDER = ".~backupjump-partial~"


class RouteKind(StrEnum):
    """A way from the Server to the Desktop."""

    PROXYJUMP = "proxyjump"
    PROXYCOMMAND = "proxycommand"
    NESTED = "nested"
    LOCAL = "local"


class Ownership(StrEnum):
    """How a store keeps owners; fixed when it is made.

    native: as they are (root). fake-super: in user xattrs (rsync(1), --fake-super). plain: not at all.
    """

    NATIVE = "native"
    FAKE_SUPER = "fake-super"
    PLAIN = "plain"


def read_name(value: str) -> str:
    """Accept a name that is safe in a path, an argv and an ssh_config."""
    if not _NAME.fullmatch(value):
        raise ValueError("may hold letters, digits and . _ - only, starts with a letter or digit, 63 at most")
    return value


def read_host(value: str) -> str:
    """Accept a DNS name or an IP address, nothing that ssh could read as an option or a token."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        if not _HOST.fullmatch(value):
            raise ValueError("is not a host name or an IP address (no user, no port, no ssh tokens)") from None
        return value


def read_host_key(value: str) -> str:
    """Accept a public host key as a `.pub` file has it: the type, the key, perhaps a comment (dropped)."""
    if not _HOST_KEY.fullmatch(value.strip()):
        raise ValueError("is not a public host key; copy the line of /etc/ssh/ssh_host_ed25519_key.pub over there")
    return " ".join(value.split()[:2])


def _as_sequence(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def read_tunnel_port(value: int) -> int:
    """Accept a port that an account without privileges may listen on."""
    if not 1024 <= value <= 65535:
        raise ValueError("must be from 1024 to 65535: only root may listen below 1024 on the JumpNode")
    return value


def read_key_path(value: Any) -> Path:
    """Read a path to a key, `~` expanded; refuses what ssh_config can't carry in quotes."""
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("is not a path to a key file")
    path = Path(value).expanduser()
    if not path.is_absolute():
        raise ValueError("must be an absolute path, or start with ~/")
    if re.search(r'["$\\\x00-\x1f\x7f]', str(path)):
        raise ValueError("may not hold a quote, $, \\ or control character: ssh_config has no way to write those")
    return path


def read_folder(value: Any) -> Path:
    """Read an absolute folder of this machine, `~` expanded."""
    if not isinstance(value, str | Path) or not (path := Path(value).expanduser()).is_absolute():
        raise ValueError("must be an absolute path, or start with ~/")
    return path


def read_source(value: str) -> str:
    """Accept an absolute, normal path on the Desktop and return it without a trailing slash."""
    path = PurePosixPath(value)
    if not value.startswith("/") or value.startswith("//"):
        raise ValueError("must be an absolute path on the Desktop, such as /home/me")
    if ".." in path.parts:
        raise ValueError("may not contain ..")
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("may not hold control characters; name the folder above it")
    if path.parts[1:2] in (("proc",), ("sys",)):
        raise ValueError("/proc and /sys are not files to back up")
    return str(path)


def _read_pattern(value: str) -> str:
    if not value or re.search(r"[\x00\r\n]", value):
        raise ValueError("is not an rsync pattern: empty, or with a line break")
    return value


Name = Annotated[str, AfterValidator(read_name)]
Host = Annotated[str, AfterValidator(read_host)]
HostKeys = Annotated[
    tuple[Annotated[str, AfterValidator(read_host_key)], ...],
    BeforeValidator(_as_sequence, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]
TunnelPort = Annotated[int, Field(strict=True), AfterValidator(read_tunnel_port)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
KeyPath = Annotated[Path, BeforeValidator(read_key_path, json_schema_input_type=str)]
Folder = Annotated[Path, BeforeValidator(read_folder, json_schema_input_type=str)]
Source = Annotated[str, AfterValidator(read_source)]
Pattern = Annotated[str, AfterValidator(_read_pattern)]
Count = Annotated[int, Field(strict=True, ge=0)]
Argv = Annotated[tuple[str, ...], Field(min_length=1)]


class Noun(BaseModel):
    """What all parts of the config share: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class StoreSettings(Noun):
    """Where the snapshots are kept."""

    path: Folder
    """An existing folder, made a store by `backupjump store init`."""
    kind: Literal["auto", "hardlink", "btrfs"] = "auto"
    """How snapshots share what did not change."""
    uuid: str | None = None
    """The store's uuid as `store init` printed it: another disk mounted there is then refused."""


class JumpNode(Noun):
    """A machine with sshd that the Desktop and the Server can both reach."""

    name: Name
    """Its name in this config (the key above it)."""
    host: Host
    """DNS name or address."""
    port: Port = 22
    """Port of its sshd."""
    user: Name
    """The Server's account there."""
    identity_file: KeyPath
    """The Server's private key for it."""
    host_key: HostKeys
    """Its public host key, or a list (current and spare)."""


class Desktop(Noun):
    """A machine to back up, at the far end of a reverse tunnel."""

    name: Name
    """Its name in this config (the key above it)."""
    jump_node: Name | None = None
    """The JumpNode that its tunnel ends on; left out for route local."""
    route: RouteKind = RouteKind.PROXYJUMP
    """How the Server gets there: proxyjump, proxycommand, nested or local."""
    routes: tuple[RouteKind, ...] = ()
    """Several routes, tried in order."""
    port: TunnelPort
    """The tunnel's port on the JumpNode."""
    user: Name | None = None
    """The account to log in to."""
    identity_file: KeyPath | None = None
    """The Server's private key for it."""
    host_key: HostKeys | None = None
    """Its public host key, or a list (current and spare)."""
    jump_alias: Name | None = None
    """Route nested: the Host name by which the JumpNode's own ssh_config knows this Desktop."""
    allow_plaintext_at_jump: bool = False
    """Route nested: yes, the JumpNode may see all data and holds the Desktop's key."""
    tunnel_ends_here: bool = False
    """Route local: yes, the Desktop's tunnel key is a (restricted) key to this Server."""

    @model_validator(mode="after")
    def _route_has_what_it_needs(self) -> Self:
        if self.route is RouteKind.NESTED and not self.allow_plaintext_at_jump:
            raise ValueError("route nested lets the JumpNode read everything: say allow_plaintext_at_jump: true")
        if self.route is RouteKind.LOCAL and not self.tunnel_ends_here:
            raise ValueError("route local gives the Desktop a key to this Server: say tunnel_ends_here: true")
        if self.route is RouteKind.LOCAL and self.jump_node is not None:
            raise ValueError("route local has no JumpNode: leave out jump_node")
        if self.route is not RouteKind.LOCAL and self.jump_node is None:
            raise ValueError("jump_node is missing (only route local goes without)")
        if self.route is not RouteKind.NESTED:
            for key in ("user", "identity_file", "host_key"):
                if getattr(self, key) is None:
                    raise ValueError(f"{key} is missing (only route nested goes without)")
        return self


class Schedule(Noun):
    """When a job is due."""

    every: str | tuple[str, ...]
    """hour, 6 hours, day, [mon, thu], week or month."""
    at: str | None = None
    """A clock time such as "02:30"."""
    timezone: str | None = None
    """An IANA name such as Europe/Paris; the store's zone when left out."""

    @model_validator(mode="after")
    def _is_a_cadence(self) -> Self:
        read_every(self.every)
        if self.timezone is not None:
            try:
                ZoneInfo(self.timezone)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError(f"timezone {self.timezone!r} is not an IANA name such as Europe/Paris") from error
        return self


class Keep(Noun):
    """How many good snapshots of which kind stay. Without it nothing is ever pruned."""

    last: Count = 0
    """The newest ones."""
    hourly: Count = 0
    """One for each of the last hours that have any."""
    daily: Count = 0
    """One for each of the last days that have any."""
    weekly: Count = 0
    """One for each of the last weeks that have any."""
    monthly: Count = 0
    """One for each of the last months that have any."""
    yearly: Count = 0
    """One for each of the last years that have any."""


class Hooks(Noun):
    """Names of hooks that the Desktop's gate offers."""

    before: tuple[Name, ...] = ()
    """Before the transfer; 75 puts the run off, another status fails it."""
    after: tuple[Name, ...] = ()
    """After a published run."""
    on_failure: tuple[Name, ...] = ()
    """After a run that did not publish."""
    always: tuple[Name, ...] = ()
    """Last, whatever happened."""


class ServerHooks(Noun):
    """Programs of this Server, each an argv; BACKUPJUMP_JOB, _RUN_ID and _STATUS tell them which run it is."""

    before: tuple[Argv, ...] = ()
    """Before the transfer; 75 puts the run off, another status fails it."""
    after: tuple[Argv, ...] = ()
    """After a published run."""
    on_failure: tuple[Argv, ...] = ()
    """After a run that did not publish."""
    always: tuple[Argv, ...] = ()
    """Last, whatever happened."""


class Gates(Noun):
    """From where on a run is suspect: shares of the number of regular files of the last good snapshot."""

    max_deleted: Share = 0.25
    """Share of files that may vanish."""
    max_changed: Share = 0.5
    """Share of files that may change."""
    min_files: Count = 1
    """Fewest files that a run may find."""


class Job(Noun):
    """What to back up from one Desktop, and how. One file a job; its stem is the name."""

    name: Name
    """The stem of the file's name."""
    desktop: Name
    """A desktop of backupjump.yaml."""
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    """Folders on the Desktop, absolute; none inside another."""
    exclude: tuple[Pattern, ...] = ()
    """rsync patterns to leave out; one that starts with / is a full path on the Desktop."""
    include: tuple[Pattern, ...] = ()
    """rsync patterns that win over the excludes."""
    default_excludes: bool = True
    """Leave out cache and trash folders by name."""
    one_file_system: bool = True
    """Stay on the file system of each source."""
    max_size: Size | None = None
    """Leave out larger files; they are named in the run's warnings."""
    bwlimit: Rate | None = None
    """At most this many bytes a second."""
    schedule: Schedule | None = None
    """When the job is due; without it never."""
    keep: Keep | None = None
    """What stays when pruning; without it everything."""
    hooks: Hooks = Hooks()
    """Hooks that run on the Desktop."""
    server_hooks: ServerHooks = ServerHooks()
    """Programs that run on this Server."""
    gates: Gates = Gates()
    """What makes a run suspect."""
    attempts: Annotated[int, Field(strict=True, ge=1, le=20)] = 3
    """Tries of the transfer within one run, once data has moved."""
    time_limit: Duration = timedelta(hours=12)
    """A transfer that takes longer is ended; the next run goes on."""
    grace: Duration = timedelta(minutes=30)
    """How late a due run may start before it counts as missed."""
    idle_limit: Duration = timedelta(minutes=10)
    """A transfer without a byte for this long is ended."""
    on_full: Literal["stop", "prune"] = "stop"
    """What to do when the store is full."""
    max_age: Duration | None = None
    """Older than this, the last good snapshot makes the job late; by default 3 times `every`."""
    full_every: Duration = timedelta(days=30)
    """How often everything is compared, not only what seems to have changed."""
    streams: Annotated[int, Field(strict=True, ge=1, le=8)] = 1
    """Parallel transfers."""
    prepare: Literal["auto", "never"] = "auto"
    """Whether the next snapshot's tree is made ready ahead of time."""

    @model_validator(mode="after")
    def _sources_are_apart(self) -> Self:
        paths = [PurePosixPath(source) for source in self.sources]
        for inner in paths:
            for outer in paths:
                if inner is not outer and inner.is_relative_to(outer):
                    raise ValueError(f"source {str(inner)!r} is inside {str(outer)!r}: name one of them")
        return self


class Server(Noun):
    """Everything the Server is told: its config file with the jobs beside it."""

    store: StoreSettings
    """Where the snapshots are kept."""
    jump_nodes: dict[Name, JumpNode] = {}
    """The JumpNodes by name."""
    desktops: dict[Name, Desktop] = {}
    """The Desktops by name."""
    jobs: dict[Name, Job] = {}
    """The jobs by name; each from its own file in jobs/."""
    state_dir: Folder | None = None
    """Where the history lies (root: /var/lib/backupjump, else the XDG state folder)."""
    max_parallel: Annotated[int, Field(strict=True, ge=1)] = 2
    """How many jobs run at once under `serve`."""
    notify: tuple[dict[str, Any], ...] = ()
    """Whom to tell."""
    ping: dict[str, Any] | None = None
    """A dead-man's switch to ping."""
