"""The nouns of the Server's config: Server, Store, JumpNode, Desktop, Job. All frozen, unknown keys refused.

Every key has its one-line meaning beside it; the JSON Schema and the docs are made from these. What a
single value can't tell (a job's desktop exists, ports are free, keys are readable) is checked in cross_checks.py.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from backupjump.config.checks import read_sources_apart
from backupjump.config.fields import (
    Argv,
    Cadence,
    Clock,
    Count,
    Day,
    Flag,
    Folder,
    Host,
    HostKeys,
    KeyPath,
    Name,
    Pattern,
    Port,
    PublicKey,
    Source,
    TimeZone,
    TunnelPort,
)
from backupjump.config.noun import Noun
from backupjump.config.problem import dotted
from backupjump.config.routes import WAY_KEYS, route_mistakes
from backupjump.config.routes import RouteKind as RouteKind  # one of the nouns, so it is found here too
from backupjump.config.telling import Channel, Metrics, Ping, one_check_a_job
from backupjump.config.units import Duration, Rate, Share, Size
from backupjump.config.way import Way as Way

PARTIAL_FOLDER = ".~backupjump-partial~"
"""Where rsync keeps half-written files, in each folder of an attempt; rsync's argv and the store must agree on it."""


class Ownership(StrEnum):
    """How a store keeps owners; fixed when it is made.

    native: as they are (root). fake-super: in user xattrs (rsync(1), --fake-super). plain: not at all.
    """

    NATIVE = "native"
    FAKE_SUPER = "fake-super"
    PLAIN = "plain"


class StoreKind(StrEnum):
    """How the snapshots of a store share what did not change; fixed when it is made.

    hardlink: a fresh tree each, with --link-dest. btrfs: a subvolume each, a copy of the last one updated in place.
    """

    HARDLINK = "hardlink"
    BTRFS = "btrfs"


class StoreSettings(Noun):
    """Where the snapshots are kept."""

    path: Folder
    """An existing folder, made a store by `backupjump store init`."""
    kind: Literal["auto", "hardlink", "btrfs"] = "auto"
    """How snapshots share what did not change; `auto` takes btrfs where the filesystem lets us, and is fixed then."""
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
    routes: tuple[Way, ...] = ()
    """Several ways there, tried in order; each says its own route, jump_node, port and so on, and none the desktop."""
    port: TunnelPort | None = None
    """The tunnel's port on the JumpNode; needed unless `routes` say theirs."""
    user: Name | None = None
    """The account to log in to."""
    identity_file: KeyPath | None = None
    """The Server's private key for it."""
    host_key: HostKeys | None = None
    """Its public host key, or a list (current and spare)."""
    jump_alias: Name | None = None
    """Route nested: the Host name by which the JumpNode's own ssh_config knows this Desktop."""
    allow_plaintext_at_jump: Flag = False
    """Route nested: yes, the JumpNode may see all data and holds the Desktop's key."""
    tunnel_ends_here: Flag = False
    """Route local: yes, the Desktop's tunnel key is a (restricted) key to this Server."""
    relay: Flag = False
    """Route nested: a forced command there leads to this Desktop alone; identity_file is then the key for it."""
    tunnel_key: PublicKey | None = None
    """The public half of the key that it opens its tunnel with, as enrolled."""
    expires: Day | None = None
    """The day on which its keys end, here and on the JumpNode, such as 2027-12-31; by default never."""
    revoked: Flag = False
    """Its keys were taken back: no run any more; restore and listings go on."""

    @model_validator(mode="after")
    def _route_has_what_it_needs(self) -> Self:
        keys = self.model_dump(exclude_unset=True)
        if mistakes := [f"{dotted(where)} {message}" for where, message in route_mistakes(keys)]:
            raise ValueError("; ".join(mistakes))
        return self

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways there, in the order in which they are tried: one at least, and one by its tunnel."""
        return self.routes or (Way(**{key: getattr(self, key) for key in WAY_KEYS}, identity_file=self._relay_key),)

    @property
    def _relay_key(self) -> Path | None:
        return self.identity_file if self.relay else None

    def tunnels_on(self, jump_node: str | None) -> tuple[Way, ...]:
        """Return the ways by a tunnel that ends on that JumpNode; None is this Server itself."""
        return tuple(way for way in self.ways if way.by_tunnel and way.jump_node == jump_node)


class Schedule(Noun):
    """When a job is due."""

    every: Cadence
    """hour, 6 hours, day, [mon, thu], week or month."""
    at: Clock | None = None
    """A clock time such as "02:30"."""
    timezone: TimeZone | None = None
    """An IANA name such as Europe/Paris; the store's zone when left out."""


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
    """Last, whatever happened; where the link is gone, first when the Desktop is reached again."""


class ServerHooks(Noun):
    """Programs of this Server, each an argv; BACKUPJUMP_JOB, _DESKTOP, _RUN_ID, _STATUS, _SNAPSHOT tell of the run."""

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
    sources: Annotated[tuple[Source, ...], Field(min_length=1), AfterValidator(read_sources_apart)]
    """Folders on the Desktop, absolute; none inside another."""
    exclude: tuple[Pattern, ...] = ()
    """rsync patterns to leave out; one that starts with / is a full path on the Desktop."""
    include: tuple[Pattern, ...] = ()
    """rsync patterns that win over the excludes."""
    default_excludes: Flag = True
    """Leave out cache and trash folders by name."""
    one_file_system: Flag = True
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
    """Tries in a row that may bring nothing new before a run with a broken link ends; 1: it ends with the link."""
    time_limit: Duration = timedelta(hours=12)
    """A run's transfer that takes longer, waits for a lost link included, is ended; the next run goes on."""
    grace: Duration = timedelta(minutes=30)
    """How long a run waits for a Desktop whose link was lost while data moved, to go on with what has arrived."""
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
    ping: Ping | None = None
    """Its dead-man's switch, instead of the Server's."""


class Server(Noun):
    """Everything the Server is told: its config file with the jobs beside it."""

    store: StoreSettings
    """Where the snapshots are kept."""
    jump_nodes: dict[Name, JumpNode] = Field(default_factory=dict)
    """The JumpNodes by name."""
    desktops: dict[Name, Desktop] = Field(default_factory=dict)
    """The Desktops by name."""
    jobs: dict[Name, Job] = Field(default_factory=dict)
    """The jobs by name; each from its own file in jobs/."""
    state_dir: Folder | None = None
    """Where the history lies (root: /var/lib/backupjump, else the XDG state folder)."""
    max_parallel: Annotated[int, Field(strict=True, ge=1)] = 2
    """How many jobs run at once under `serve`."""
    notify: tuple[Channel, ...] = ()
    """Whom to tell, and how."""
    ping: Annotated[Ping, AfterValidator(one_check_a_job)] | None = None
    """A dead-man's switch for each job that has none of its own."""
    metrics: Metrics | None = None
    """Where to put numbers for Prometheus."""
