"""marks.json: what people and checks say of a job's snapshots: holds, acks, when each was verified."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self, TypeVar

from backupjump.errors import StoreError
from backupjump.escape import shown
from backupjump.run import rfc3339
from backupjump.store.failures import told_as_store_error
from backupjump.store.layout import JobFolder
from backupjump.store.tree import sync_folder

MARKS_FORMAT = 1

_LIMIT_BYTES = 64 << 20
_Mark = TypeVar("_Mark")


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Someone wants a snapshot to stay, whatever `keep` says: until an aware time, or for good.

    `others` are keys of a newer version, kept as they are.
    """

    until: datetime | None = None
    note: str = ""
    others: Mapping[str, Any] = field(default_factory=dict)

    def lasts(self, now: datetime) -> bool:
        """Whether it still holds."""
        return self.until is None or now <= self.until

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        until = rfc3339(self.until) if self.until is not None else None
        return {**self.others, "until": until, "note": self.note}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; what is wrong raises ValueError, TypeError or AttributeError."""
        until = values.get("until")
        others = {name: value for name, value in values.items() if name not in ("until", "note")}
        return cls(
            until=_read_time(until) if until is not None else None, note=str(values.get("note", "")), others=others
        )


@dataclass(frozen=True, kw_only=True)
class Marks:
    """All marks of one job, by the id of the snapshot; times are aware. `others` are keys of a newer version.

    `verified_at` is when a snapshot was last found whole, everything in it read. `damage` is the number of
    paths that the last look at a snapshot found damaged, never 0, `given_up` how many of these
    nothing can heal. `parts_at` is when each part of the job's
    content was last read: a bucket of the newest snapshot by its number, what only an older one holds by
    its id. `drilled_at` is the last restore that was tried out.
    """

    holds: Mapping[str, Hold] = field(default_factory=dict)
    acks: Mapping[str, datetime] = field(default_factory=dict)
    wrong: Mapping[str, datetime] = field(default_factory=dict)
    verified_at: Mapping[str, datetime] = field(default_factory=dict)
    damage: Mapping[str, int] = field(default_factory=dict)
    given_up: Mapping[str, int] = field(default_factory=dict)
    parts_at: Mapping[str, datetime] = field(default_factory=dict)
    drilled_at: datetime | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    def held(self, id_: str, hold: Hold) -> Marks:
        """Return these marks with a hold on a snapshot, in place of an older one."""
        return replace(self, holds={**self.holds, id_: hold})

    def released(self, id_: str) -> Marks:
        """Return these marks without a hold on a snapshot."""
        return replace(self, holds=_without(self.holds, [id_]))

    def without(self, ids: Collection[str]) -> Marks:
        """Return these marks without any of snapshots that are gone: an id may come again when a clock goes back."""
        return replace(
            self,
            holds=_without(self.holds, ids),
            acks=_without(self.acks, ids),
            wrong=_without(self.wrong, ids),
            verified_at=_without(self.verified_at, ids),
            damage=_without(self.damage, ids),
            given_up=_without(self.given_up, ids),
            parts_at=_without(self.parts_at, ids),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the marks as the JSON values of their file."""
        return {
            **self.others,
            "format": MARKS_FORMAT,
            "holds": {id_: hold.to_json() for id_, hold in self.holds.items()},
            "acks": {id_: rfc3339(at) for id_, at in self.acks.items()},
            "wrong": {id_: rfc3339(at) for id_, at in self.wrong.items()},
            "verified_at": {id_: rfc3339(at) for id_, at in self.verified_at.items()},
            "damage": dict(self.damage),
            "given_up": dict(self.given_up),
            "parts_at": {part: rfc3339(at) for part, at in self.parts_at.items()},
            "drilled_at": rfc3339(self.drilled_at) if self.drilled_at is not None else None,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Marks:
        """Read what `to_json` wrote; anything else raises ValueError, TypeError, KeyError or AttributeError."""
        return cls(
            holds={id_: Hold.from_json(hold) for id_, hold in values["holds"].items()},
            acks={id_: _read_time(at) for id_, at in values["acks"].items()},
            wrong={id_: _read_time(at) for id_, at in values.get("wrong", {}).items()},
            verified_at={id_: _read_time(at) for id_, at in values["verified_at"].items()},
            damage={id_: int(paths) for id_, paths in values.get("damage", {}).items()},
            given_up={id_: int(paths) for id_, paths in values.get("given_up", {}).items()},
            parts_at={part: _read_time(at) for part, at in values.get("parts_at", {}).items()},
            drilled_at=_read_time(at) if (at := values.get("drilled_at")) is not None else None,
            others={name: value for name, value in values.items() if name not in _KEYS},
        )


_KEYS = ("format", "holds", "acks", "wrong", "verified_at", "damage", "given_up", "parts_at", "drilled_at")


def read_marks(folder: JobFolder) -> Marks:
    """Return the marks of a job, none when there is no file. Raises StoreError for a damaged or a newer one."""
    with told_as_store_error(f"{folder.marks} can't be read"):
        try:
            with folder.marks.open("rb") as file:
                content = file.read(_LIMIT_BYTES)
        except FileNotFoundError:
            return Marks()
    try:
        values = json.loads(content)
        found = values["format"]
        if isinstance(found, int) and found > MARKS_FORMAT:
            raise StoreError(
                f"{folder.marks} has format {found}, this program knows up to {MARKS_FORMAT}",
                hint="update backupjump on this machine",
            )
        return Marks.from_json(values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"{folder.marks} is damaged: {shown(str(error))}",
            hint="it holds what `backupjump hold` said; mend it, or move it away and hold again what must stay",
        ) from error


def write_marks(folder: JobFolder, marks: Marks) -> None:
    """Put `marks` in place of those that are there, in one step and on the disk; the job's lock must be held.

    Raises StoreError, and then the older ones stand.
    """
    new = folder.path / f".{folder.marks.name}.new"
    content = json.dumps(marks.to_json(), indent=1).encode("ascii") + b"\n"
    with told_as_store_error(f"{folder.marks} can't be written"):
        new.unlink(missing_ok=True)
        with new.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.rename(folder.marks)
        sync_folder(folder.path)


def _read_time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} is in no time zone")
    return at


def _without(marks: Mapping[str, _Mark], ids: Collection[str]) -> dict[str, _Mark]:
    return {id_: mark for id_, mark in marks.items() if id_ not in ids}
