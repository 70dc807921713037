"""What a pull brought: the value that the snapshot and the run are made from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby

from backupjump.escape import shown
from backupjump.rsync.checksums import Checksums, joined
from backupjump.rsync.in_place import stale_after
from backupjump.rsync.messages import Messages, Trouble
from backupjump.rsync.output import Output
from backupjump.rsync.plan import Plan, Transfer

_MOST_OF_A_KIND = 50
_LONGEST_SHOWN = 1000
# The receiver writes NAME as .NAME.XXXXXX and names that where it fails. Source: get_tmpname(), rsync's receiver.c.
_TEMPORARY = re.compile(rb"\.(.+)\.[A-Za-z0-9]{6}", re.DOTALL)


class Kind(StrEnum):
    """Why something is not in a snapshot as it is on the Desktop."""

    TOO_LARGE = "left out, too large"
    NEEDS_ROOT = "left out, needs root here"
    UNREADABLE = "unreadable"
    NOT_WHOLE = "not kept whole"

    @property
    def is_trouble(self) -> bool:
        """Whether something failed; what is left out by a rule is no trouble."""
        return self in (Kind.UNREADABLE, Kind.NOT_WHOLE)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """One path that did not arrive, or not as it is: a full path on the Desktop, without the leading slash."""

    path: bytes
    kind: Kind
    why: str = ""

    @property
    def text(self) -> str:
        """One line about it, safe to show."""
        why = f": {shown(self.why, limit=_LONGEST_SHOWN)}" if self.why else ""
        return f"{self.kind}: /{shown(self.path, limit=_LONGEST_SHOWN)}{why}"


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What arrived, and what did not. Paths are full paths on the Desktop as bytes, without the leading slash.

    `warning` means that rsync ended with one: something was left out that was asked for. `hashes` has
    "xxh128:…" or "md5:…" for each regular file whose content was sent, not for those that were linked.
    `remarks` are lines of rsync that name no path, safe to show. `stale` are files that must
    not be published as they are.
    """

    warning: bool = False
    bytes_received: int = 0
    hashes: Checksums = field(default_factory=Checksums, compare=False)
    left_out: tuple[LeftOut, ...] = ()
    vanished: tuple[bytes, ...] = ()
    remarks: tuple[str, ...] = ()
    stale: tuple[bytes, ...] = ()

    def paths_of(self, kind: Kind) -> tuple[bytes, ...]:
        """Return the paths that were left out for one reason."""
        return tuple(each.path for each in self.left_out if each.kind is kind)


def read_pulled(plan: Plan, one: Transfer, output: Output, messages: Messages, *, warning: bool) -> Pulled:
    """Return what one rsync brought that was judged usable; TransferFailed if it can't be told what is stale."""
    limit = f"larger than {plan.max_size} bytes"
    return Pulled(
        warning=warning,
        bytes_received=output.bytes_received or 0,
        hashes=output.hashes,
        left_out=(
            *(LeftOut(path=path, kind=Kind.TOO_LARGE, why=limit) for path in output.too_large),
            *(LeftOut(path=path, kind=Kind.NEEDS_ROOT) for path in output.not_kept),
            *(_about_trouble(trouble, one) for trouble in messages.troubles),
        ),
        vanished=tuple(path.lstrip(b"/") for path in messages.vanished),
        remarks=tuple(shown(line, limit=400) for line in messages.unexplained),
        stale=stale_after(plan, one, output, messages),
    )


def with_withheld(pulled: Pulled, one: Transfer, folders: Sequence[str]) -> Pulled:
    """Return `pulled` with the `folders` below its source that came empty, for they were links in the last snapshot."""
    if not folders:
        return pulled
    why = "it was a link into this Server's own files in the last snapshot; what is in it comes with the next run"
    left_out = (LeftOut(path=one.root + os.fsencode(name), kind=Kind.NOT_WHOLE, why=why) for name in folders)
    return replace(pulled, warning=True, left_out=(*pulled.left_out, *left_out))


def merged(parts: Sequence[Pulled]) -> Pulled:
    """Return the pulls of several sources as one; of none, nothing."""
    if not parts:
        return Pulled()
    if len(parts) == 1:
        return parts[0]
    return Pulled(
        warning=any(part.warning for part in parts),
        bytes_received=sum(part.bytes_received for part in parts),
        hashes=joined(part.hashes for part in parts),
        left_out=tuple(each for part in parts for each in part.left_out),
        vanished=tuple(path for part in parts for path in part.vanished),
        remarks=tuple(text for part in parts for text in part.remarks),
        stale=tuple(path for part in parts for path in part.stale),
    )


def told(left_out: Iterable[LeftOut], remarks: Iterable[str] = ()) -> tuple[str, ...]:
    """Return lines that name what was left out, at most fifty of a kind and the number of the rest."""
    by_kind = sorted(left_out, key=lambda each: list(Kind).index(each.kind))
    kinds = [[each.text for each in group] for _kind, group in groupby(by_kind, key=lambda each: each.kind)]
    return tuple(text for texts in (*kinds, list(remarks)) for text in _limited(texts))


def _about_trouble(trouble: Trouble, one: Transfer) -> LeftOut:
    kind = Kind.NOT_WHOLE if trouble.here else Kind.UNREADABLE
    # Of a file that changed while it was read only the name below the source is told.
    there = trouble.path if trouble.path.startswith(b"/") else one.root + trouble.path
    path = _desktop_path(trouble.path, one) if trouble.here else there
    return LeftOut(path=path.lstrip(b"/"), kind=kind, why=trouble.why)


def _desktop_path(path: bytes, one: Transfer) -> bytes:
    """Return what a path below the transfer's folder here is on the Desktop: the folder is another one each time."""
    for target in (one.target.absolute(), os.path.realpath(one.target)):
        if path.startswith(os.fsencode(target) + b"/"):
            folder, slash, name = path[len(os.fsencode(target)) + 1 :].rpartition(b"/")
            temporary = _TEMPORARY.fullmatch(name)
            return one.root + folder + slash + (temporary[1] if temporary else name)
        if path == os.fsencode(target):
            return one.root.rstrip(b"/")
    return path


def _limited(texts: Sequence[str]) -> list[str]:
    more = len(texts) - _MOST_OF_A_KIND
    return [*texts[:_MOST_OF_A_KIND], *([f"and {more} more of this kind"] if more > 0 else [])]
