"""Whether a list of the Desktop's files may stand for a look at each of them, and if not, why. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from backupjump.run import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backupjump.config.models import Job
    from backupjump.operations.gate import Gate
    from backupjump.store.staging import Staging

# Those whose inodes stay and whose ctimes nobody can set. On FAT a ctime is the mtime, over a network or FUSE both are
# whatever the other side says. overlay is what containers have.
_KEEP_CTIMES = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs", "tmpfs", "overlay"}
)
_CLOCK_SLACK_NS = 2_000_000_000

LIST = "list"
"""What meta.json's `how` keeps of the lists: `at_ns` when the first began, by the Desktop's clock."""
TRANSFER = "transfer"
"""What it keeps of the way: `by` (list or whole), `why` it was whole, `whole_at` when all was compared last."""


def why_no_list(gate: Gate | None) -> str:
    """Return why the Desktop can't be asked for a list that the next run could go by; empty if it can."""
    if gate is None:
        return "no gate on the Desktop"
    if not gate.lists:
        return "the Desktop's gate is of a version without lists"
    if not gate.confines:
        return "the Desktop's rsync can't be kept inside a folder, so its gate takes no lists of files"
    return ""


def why_whole(
    staging: Staging, how: Mapping[str, Any], *, job: Job, selection: Mapping[str, Any], now: datetime
) -> str:
    """Return why all is to be compared, whatever a list says; empty where a list may do.

    `how` is that of the last good snapshot, `selection` the job's rules now.
    """
    base, last_good = staging.base, staging.last_good
    if base is None or last_good is None:
        return "the first backup"
    if base.id != last_good.id:
        return f"{base.id}, the newest snapshot, is suspect"
    if base.damaged or base.problem:
        return f"{base.id}, the last good snapshot, is damaged"
    if how.get(LIST) is None or _whole_at(how) is None:
        return f"{base.id}, the last good snapshot, was made without a list"
    if how.get("selection") != selection or tuple(sorted(base.sources)) != tuple(sorted(staging.sources)):
        return "the job's sources or rules were changed"
    if staging.goes_on:
        return "it goes on with what a broken-off run had got"
    return _why_by_age(how, full_every=job.full_every, now=now)


def why_not_trusted(how: Mapping[str, Any], *, at_ns: int, filesystems: Sequence[str]) -> str:
    """Return why a list that has begun can't be gone by: it says when it began, and what the sources lie on."""
    for name in filesystems:
        if name not in _KEEP_CTIMES:
            return "it is not known on which file system the sources lie" if not name else f"the sources lie on {name}"
    before = how.get(LIST)
    before_ns = before.get("at_ns") if isinstance(before, dict) else None
    if not isinstance(before_ns, int) or at_ns < before_ns - _CLOCK_SLACK_NS:
        return "the Desktop's clock went back since the last good snapshot"
    return ""


def told_of_transfer(how: Mapping[str, Any], *, why: str, now: datetime) -> dict[str, Any]:
    """Return what meta.json is to keep of the way: by a list where no reason says otherwise."""
    if why:
        return {"by": "whole", "why": why, "whole_at": rfc3339(now)}
    whole_at = _whole_at(how)
    return {"by": "list", "why": "", "whole_at": rfc3339(whole_at) if whole_at is not None else None}


def _why_by_age(how: Mapping[str, Any], *, full_every: timedelta, now: datetime) -> str:
    whole_at = _whole_at(how)
    assert whole_at is not None
    if not timedelta(0) <= now - whole_at < full_every:
        return f"all was compared last on {whole_at:%Y-%m-%d} (full_every)"
    return ""


def _whole_at(how: Mapping[str, Any]) -> datetime | None:
    told = how.get(TRANSFER)
    try:
        return datetime.fromisoformat(str(told["whole_at"])) if isinstance(told, dict) else None
    except (KeyError, ValueError):
        return None
