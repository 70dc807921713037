"""One pull under way: what was asked for, what it works with, and the Run that it will come to."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from backupjump.operations.enroll.expiry import expiry_warning
from backupjump.operations.identity import refuse_a_new_history
from backupjump.operations.site import Site, open_site
from backupjump.operations.ways import Ways
from backupjump.rsync.compression import Compression, ContentMix
from backupjump.rsync.progress import Progress
from backupjump.run import Run, Status, exit_code_of, utc_now
from backupjump.ssh.route import Route, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from backupjump.errors import Stopped
    from backupjump.notify.in_time import InTime
    from backupjump.operations.by_list.bring import ByList
    from backupjump.operations.by_list.look import Looked
    from backupjump.operations.gate import Gate
    from backupjump.operations.probe import Rsyncs
    from backupjump.rsync.checksums import Checksums
    from backupjump.ssh.control import Control
    from backupjump.store.layout import JobFolder
    from backupjump.store.staging import Staging
    from backupjump.store.store import Store


log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What there is to see of a pull's transfer: which try by which route, which of its sources, and how far it is.

    `source` counts from 1. `files_before` is how many files the snapshot has that it is built on; None for a first
    backup.
    """

    desktop: str
    route: str
    attempt: int
    source: int
    sources: int
    files_before: int | None
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the caller of a pull asked for besides the job.

    `seed`: to start from nothing, though another job has a history of these sources. `if_due`: to do
    nothing unless the job's schedule says so. `site` is what `config`
    says, where that has been read already, its keys looked at.
    """

    config: Path | None = None
    site: Site | None = None
    wait: timedelta = timedelta(0)
    seed: bool = False
    if_due: bool = False
    on_progress: Callable[[Sight], None] = lambda _sight: None


class Pull:
    """One pull under way: what it works with, and the Run that it will come to.

    `control` is the login to the Desktop, once it is reached, `route` the way in force, `by` all that were so far.
    `gate` is the one that answered there, None without one. `told` has the checksums that rsync told of, source by
    source, with the id of the try. `sources_begun` counts those of the try under way, `progress` is that of the last
    of them. `compression` is the choice for the last try, `sent` what all of them were sent, `link_bytes` what the last
    one that told found its link to carry in a second. `pinging` is the first word to a dead-man's switch, on its way.
    `stopped` is a signal that came when the Run had published. `looked` is what the Desktop's list came to, `by_list`
    the pull by it, None where all is compared, `refreshed` the folders that came with it.
    """

    def __init__(self, job_name: str, asked: Asked) -> None:
        self.asked = asked
        self.site = asked.site or open_site(asked.config, check_keys=True)
        self.job = self.site.job(job_name)
        if not asked.seed:
            refuse_a_new_history(self.site, self.job)
        self.desktop = self.site.desktop_of(self.job)
        self.folder: JobFolder = self.site.folder_of(self.job)
        routes = self.site.routes_to(self.desktop)
        if not self.desktop.revoked:  # its key may be gone
            for route in routes:
                prepare(route)
        self.ways, self.route, self.by = Ways(routes), routes[0], dict[Route, None]()
        self.store: Store | None = None
        self.lock_fd = -1
        self.staging: Staging | None = None
        self.control: Control | None = None
        self.gate: Gate | None = None
        self.rsyncs: Rsyncs | None = None
        self.looked: Looked | None = None
        self.by_list: ByList | None = None
        self.refreshed: Collection[bytes] = ()
        self.sources_begun = 0
        self.progress = Progress()
        self.compression: Compression | None = None
        self.sent = ContentMix()
        self.link_bytes: int | None = None
        self.told: list[tuple[str, Checksums]] = []
        self.stopped: Stopped | None = None
        self.pinging: InTime | None = None
        started_at = utc_now()
        self.run = Run(
            run_id=f"{started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            job=self.job.name,
            desktop=self.desktop.name,
            route=self.route.kind.value,
            jump_node=self.route.jump_node,
            status=Status.FAILED,
            exit_code=exit_code_of(Status.FAILED),
            snapshot=None,
            started_at=started_at,
            ended_at=started_at,
            attempts=0,
            warnings=tuple(filter(None, [expiry_warning(self.desktop, today=started_at.astimezone().date())])),
        )

    def went_by(self, route: Route) -> None:
        """Take note of the way in force from now on, and warn of those before it that a person has to see to."""
        self.route = route
        self.by[route] = None
        self.run = replace(self.run, route=route.kind.value, jump_node=route.jump_node)
        for remark in self.ways.remarks():
            if remark not in self.run.warnings:
                self.warn(remark)

    def begin_source(self, _milestone: str = "") -> None:
        """Take note that the transfer turns to its next source."""
        self.sources_begun, self.progress = self.sources_begun + 1, Progress()

    def note_progress(self, progress: Progress) -> None:
        """Take note of how far the source under way is, and tell the caller."""
        self.progress = progress
        self.asked.on_progress(self._sight())

    def _sight(self) -> Sight:
        before = (self.staging.last_good or self.staging.base) if self.staging is not None else None
        return Sight(
            desktop=self.desktop.name,
            route=self.run.route,
            attempt=self.run.attempts,
            source=max(1, self.sources_begun),
            sources=len(self.job.sources),
            files_before=before.files_total if before is not None else None,
            progress=self.progress,
        )

    def note_checksums(self, checksums: Checksums) -> None:
        """Take note of where the checksums of the source that begins will be."""
        assert self.staging is not None
        self.told.append((self.staging.id, checksums))

    def warn(self, text: str) -> None:
        """Add a line to the Run's warnings; its status stays."""
        log.warning("%s: %s", self.job.name, text)
        self.run = replace(self.run, warnings=(*self.run.warnings, text))
