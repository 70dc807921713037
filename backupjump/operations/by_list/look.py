"""Ask the Desktop's gate what is there, and compare that with the last good snapshot, or write it down for the next."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backupjump.config.models import Ownership
from backupjump.errors import ListUnusable
from backupjump.operations.by_list.trust import (
    LIST,
    TRANSFER,
    told_of_transfer,
    why_no_list,
    why_not_trusted,
    why_whole,
)
from backupjump.operations.judge import how_of
from backupjump.operations.provenance import selection_of
from backupjump.operations.source_list import omitted_folders, open_source_list
from backupjump.run import utc_now
from backupjump.store.change_list import compare, same_in
from backupjump.store.draft import Draft, Links, TooManyChanges, write_draft
from backupjump.store.manifest import read_lines, sort_key, write_lines
from backupjump.store.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from backupjump.operations.under_way import Pull
    from backupjump.store.staging import Staging

log = logging.getLogger(__name__)

# They are kept in memory, some 300 bytes each.
_MOST_CHANGES = 300_000


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What the Desktop's list has come to: what to do about each change, or why all is to be compared.

    `seen` is the list itself where all is compared, None where there is none. `how` is that of the last good snapshot.
    """

    draft: Draft | None = None
    why: str = ""
    seen: Seen | None = None
    how: Mapping[str, Any]

    @property
    def listed_at_ns(self) -> int | None:
        """When the list began, by the Desktop's clock; None without one."""
        if self.draft is not None:
            return self.draft.listed_at_ns
        return self.seen.listed_at_ns if self.seen is not None else None


def told(looked: Looked | None, *, now: datetime) -> dict[str, Any]:
    """Return what meta.json's `how` is to keep of lists."""
    if looked is None:
        return {}
    at_ns = looked.listed_at_ns
    return {
        LIST: {"at_ns": at_ns} if at_ns is not None else None,
        TRANSFER: told_of_transfer(looked.how, why=looked.why, now=now),
    }


class _Untrusted(Exception):
    """Why a list is not gone by."""


class _Lists:
    """The lists of a job's sources, one after another, as one; `at_ns` is when the first began, once it has."""

    def __init__(self, pull: Pull, *, deadline: float, how: Mapping[str, Any] | None) -> None:
        self._pull = pull
        self._deadline = deadline
        self._how = how
        self.at_ns = 0

    def lines(self) -> Iterator[str]:
        """Yield the lines of all sources in a manifest's order; _Untrusted, where that is to be told, before any."""
        job = self._pull.job
        assert self._pull.control is not None
        for source in sorted(job.sources, key=lambda each: sort_key(os.fsencode(each.strip("/")))):
            with open_source_list(
                self._pull.control,
                source,
                one_file_system=job.one_file_system,
                omitted=omitted_folders(job),
                deadline=self._deadline,
            ) as listed:
                self.at_ns = min(self.at_ns or listed.at_ns, listed.at_ns)
                if self._how is not None:
                    why = why_not_trusted(self._how, at_ns=self.at_ns, filesystems=[listed.filesystem])
                    if why:
                        raise _Untrusted(why)
                yield from listed.lines()


def look(pull: Pull, *, deadline: float, why: str = "") -> Looked:
    """Ask for a list of each source, if a gate is there that has the word, and compare it with the last good snapshot.

    With `why`, or where it turns out that a list can't be gone by, it is written down alone, for the next run.
    Raises LinkLost.
    """
    staging = pull.staging
    assert staging is not None
    how = how_of(staging.last_good)
    if no_list := why_no_list(pull.gate):
        log.info("%s: everything is compared: %s", pull.job.name, why or no_list)
        return Looked(why=why or no_list, how=how)
    staging.aside.mkdir(mode=0o700, exist_ok=True)
    began = time.monotonic()
    why = why or why_whole(staging, how, job=pull.job, selection=selection_of(pull.job), now=utc_now())
    if not why:
        try:
            draft = _compare(pull, staging, _Lists(pull, deadline=deadline, how=how))
        except _Untrusted as untrusted:
            why = str(untrusted)
        except TooManyChanges:
            why = f"more than {_MOST_CHANGES:,} changes"
        except (ListUnusable, ValueError) as error:
            why = f"the Desktop's list can't be used: {error}"
        else:
            seconds = time.monotonic() - began
            log.info("%s: listed and compared in %.1f s: %d changes", pull.job.name, seconds, len(draft.changes))
            return Looked(draft=draft, how=how)
    log.info("%s: everything is compared: %s", pull.job.name, why)
    return Looked(why=why, seen=_keep(pull, staging, _Lists(pull, deadline=deadline, how=None)), how=how)


def _compare(pull: Pull, staging: Staging, lists: _Lists) -> Draft:
    assert staging.base is not None
    assert pull.store is not None
    marker = pull.store.marker
    same = same_in(owners=marker.ownership is not Ownership.PLAIN, nanoseconds=marker.nanoseconds)
    path = _afresh(staging.aside / "draft.zst")
    links = Links()
    rows = compare(links.noted(read_lines(staging.base.manifest)), lists.lines(), same=same)
    changes, written = write_draft(path, rows, most_changes=_MOST_CHANGES)
    return Draft(path=path, changes=changes, listed_at_ns=lists.at_ns, written=written, links=links.paths)


def _keep(pull: Pull, staging: Staging, lists: _Lists) -> Seen | None:
    path = _afresh(staging.aside / "listed.zst")
    try:
        write_lines(path, lists.lines())
    except (ListUnusable, ValueError) as error:
        log.info("%s: the Desktop's list can't be used, now or by the next run: %s", pull.job.name, error)
        return None
    return Seen(path=path, listed_at_ns=lists.at_ns)


def _afresh(path: Path) -> Path:
    with suppress(FileNotFoundError):
        path.unlink()
    return path
