"""What a pull will do, before anything is done: the value that argv, preview and transfer are made from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from backupjump.config.models import Job, Ownership
from backupjump.rsync.filters import filter_rules


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One source and the private folder that it goes into.

    `source` is absolute and has no trailing slash (but for `/` itself). `target` is made by rsync if it is
    not there; the folder above it must exist. `link_dests` are absolute, best base first, at most 20. With
    `files_from` only the paths in that file are meant, relative to the source, a NUL byte after each. What is
    in a folder of `withheld`, names below the source, is not taken; where there are too many of these, rsync follows no
    link that leads out of `confine_root` (fence.py). `by_list`: the paths are those that a list found changed, told
    to rsync on its standard input; some may be gone by now, `files_beside` regular files of the source are not among
    them, and the caller has seen that no base has a link on the way to one. `vouched`: of what comes the caller takes
    no name that was not asked for, and no base has a link that leads out of it.
    """

    source: str
    target: Path
    link_dests: tuple[Path, ...] = ()
    files_from: Path | None = None
    withheld: tuple[str, ...] = ()
    confine_root: Path | None = None
    by_list: bool = False
    vouched: bool = False
    files_beside: int = 0

    @property
    def root(self) -> bytes:
        """What stands before each name below the source in its full path, the leading slash left out."""
        source = os.fsencode(self.source).strip(b"/")
        return source + b"/" if source else b""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which sources of which Desktop go where, and by which rules.

    `remote_shell` is the argv that takes a host and a command (rsync(1), -e), `host` the alias that it
    knows. With `in_place` the targets are private copies of the base, which are updated block by block; else
    they are fresh, and link to the base. `max_size` is in bytes, `bwlimit` in bytes a second. `acls`, `xattrs`
    and `nanoseconds` say what the store can keep. With `compare_content` both sides read every file, and none is
    taken as it is for having the same size and time alone. With `compress` content is sent as zstd.
    """

    remote_shell: tuple[str, ...]
    host: str
    transfers: tuple[Transfer, ...]
    ownership: Ownership
    nanoseconds: bool
    acls: bool
    xattrs: bool
    in_place: bool = False
    sparse: bool = True
    checksum: str = "xxh128"
    compare_content: bool = False
    compress: bool = False
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    default_excludes: bool = True
    one_file_system: bool = True
    max_size: int | None = None
    bwlimit: int | None = None
    attempts: int = 3
    time_limit: timedelta = timedelta(hours=12)
    idle_limit: timedelta = timedelta(minutes=10)

    def rules(self, transfer: Transfer) -> tuple[str, ...]:
        """Return the filter rules of one transfer, first match wins; ConfigError if nothing would be left."""
        return filter_rules(
            transfer.source, exclude=self.exclude, include=self.include, default_excludes=self.default_excludes
        )


def plan_pull(
    job: Job,
    *,
    remote_shell: Sequence[str],
    host: str,
    transfers: Sequence[Transfer],
    ownership: Ownership,
    nanoseconds: bool,
    acls: bool,
    xattrs: bool,
    checksum: str,
    in_place: bool = False,
    compare_content: bool = False,
) -> Plan:
    """Return the plan of one pull of `job`; ConfigError if its excludes leave nothing of a source."""
    plan = Plan(
        remote_shell=tuple(remote_shell),
        host=host,
        transfers=tuple(transfers),
        ownership=ownership,
        nanoseconds=nanoseconds,
        acls=acls,
        xattrs=xattrs,
        in_place=in_place,
        checksum=checksum,
        compare_content=compare_content,
        exclude=job.exclude,
        include=job.include,
        default_excludes=job.default_excludes,
        one_file_system=job.one_file_system,
        max_size=job.max_size,
        bwlimit=job.bwlimit,
        attempts=job.attempts,
        time_limit=job.time_limit,
        idle_limit=job.idle_limit,
    )
    for transfer in plan.transfers:
        plan.rules(transfer)
    return plan
