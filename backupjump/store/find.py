"""Which snapshot a person means: by its id, by its age, or the newest good one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches

from backupjump.config.times import read_duration
from backupjump.errors import UsageError
from backupjump.escape import shown
from backupjump.store.snapshots import Snapshot, newest_seeding

_LATEST = re.compile(r"latest(?:~(\d{1,4}))?", re.ASCII)


def find_snapshot(
    snapshots: Sequence[Snapshot], wanted: str | None, *, at: str | None = None, now: datetime, zone: tzinfo = UTC
) -> Snapshot:
    """Return the snapshot that a person names; `snapshots` are oldest first.

    `wanted` is an id, a unique beginning of one, `latest` (the newest good one, as with neither) or
    `latest~1`. `at` asks for the state at a time: `2d` ago, or at the end of a day of `zone`, and gives
    the newest good one that is not younger. Raises `UsageError`, with a guess where there is one.
    """
    if wanted is not None and at is not None:
        raise UsageError("name a snapshot or a time, not both")
    if at is not None:
        return _find_at(snapshots, at, now=now, zone=zone)
    match = _LATEST.fullmatch("latest" if wanted is None else wanted)
    if match is not None:
        return _find_latest(snapshots, int(match[1] or 0))
    return _find_by_id(snapshots, wanted or "")


def _find_latest(snapshots: Sequence[Snapshot], back: int) -> Snapshot:
    good = [snapshot for snapshot in snapshots if snapshot.is_good]
    if back < len(good):
        return good[-1 - back]
    if not good:
        raise _nothing_yet(snapshots)
    raise UsageError(f"there is no latest~{back}: good snapshots: {len(good)}", hint=f"try latest~{len(good) - 1}")


def _nothing_yet(snapshots: Sequence[Snapshot]) -> UsageError:
    seeding = newest_seeding(snapshots)
    if seeding is None:
        return UsageError("there is no good snapshot yet", hint="backupjump snapshots JOB lists what there is")
    return UsageError(
        f"there is no whole backup of {seeding.job} yet, only what had arrived of the first one until {seeding.id}",
        hint=f"to have that: backupjump restore {seeding.job} --snapshot {seeding.id} --to DIR",
    )


def _find_by_id(snapshots: Sequence[Snapshot], wanted: str) -> Snapshot:
    ids = [snapshot.id for snapshot in snapshots]
    if wanted in ids:
        return snapshots[ids.index(wanted)]
    found = [snapshot for snapshot in snapshots if wanted and snapshot.id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{shown(wanted)} is the beginning of {len(found)} snapshots",
            hint="write more of it: " + ", ".join(snapshot.id for snapshot in found[-5:]),
        )
    near = get_close_matches(wanted, ids, n=1)
    guess = f"did you mean {near[0]}?" if near else "backupjump snapshots JOB lists them"
    raise UsageError(f"there is no snapshot {shown(wanted)}", hint=guess)


def _find_at(snapshots: Sequence[Snapshot], at: str, *, now: datetime, zone: tzinfo) -> Snapshot:
    moment = read_moment(at, now=now, zone=zone)
    good = [snapshot for snapshot in snapshots if snapshot.is_good]
    not_younger = [snapshot for snapshot in good if snapshot.taken_at <= moment]
    if not_younger:
        return max(not_younger, key=lambda snapshot: snapshot.taken_at)
    if not good:
        raise _nothing_yet(snapshots)
    hint = f"the oldest one is {good[0].id}"
    raise UsageError(f"there is no good snapshot as old as {shown(at)}", hint=hint)


def read_moment(at: str, *, now: datetime, zone: tzinfo) -> datetime:
    """Return the time that `at` means: a duration before `now`, the end of a day of `zone`, or a time in full."""
    try:
        return now - read_duration(at)
    except (ValueError, OverflowError):
        pass
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", at, re.ASCII):
            return datetime.combine(date.fromisoformat(at) + timedelta(days=1), time(), zone) - timedelta(seconds=1)
        moment = datetime.fromisoformat(at)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{shown(at)} is not a time", hint="write 2d, 2026-11-20 or 2026-11-20T14:00:00+01:00"
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
