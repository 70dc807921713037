"""The marker that makes a folder a store: without it nothing is written, nothing deleted.

The folder that a disk is mounted on exists without the disk too, empty. Only the marker tells them apart.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from backupjump.config.models import Ownership, StoreKind
from backupjump.errors import NoStore, StoreError
from backupjump.escape import shown
from backupjump.run import rfc3339
from backupjump.store.failures import store_error
from backupjump.store.layout import MARKER_NAME

STORE_FORMAT = 1

_LIMIT_BYTES = 1 << 16
_CAPABILITIES = ("hard_links", "xattrs", "acls", "nanoseconds")


@dataclass(frozen=True, kw_only=True)
class Marker:
    """What was fixed when the store was made. `timezone` is an IANA name, `created_at` aware."""

    format: int
    uuid: str
    timezone: str
    ownership: Ownership
    hard_links: bool
    xattrs: bool
    acls: bool
    nanoseconds: bool
    created_at: datetime
    kind: StoreKind = StoreKind.HARDLINK

    def to_json(self) -> dict[str, Any]:
        """Return the marker as the JSON values of its file."""
        return {
            "format": self.format,
            "uuid": self.uuid,
            "kind": self.kind.value,
            "timezone": self.timezone,
            "ownership": self.ownership.value,
            "capabilities": {name: getattr(self, name) for name in _CAPABILITIES},
            "created_at": rfc3339(self.created_at),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Marker:
        """Read what `to_json` wrote; anything else raises ValueError."""
        try:
            return cls(
                format=int(values["format"]),
                uuid=str(values["uuid"]),
                timezone=str(values["timezone"]),
                ownership=Ownership(values["ownership"]),
                **{name: bool(values["capabilities"][name]) for name in _CAPABILITIES},
                created_at=datetime.fromisoformat(values["created_at"]),
                kind=StoreKind(values.get("kind", StoreKind.HARDLINK)),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it lacks what it should say: {error}") from error


def read_marker(store: Path, *, uuid: str | None = None) -> Marker:
    """Return the marker of the store at `store`; reads, and writes nothing.

    Raises `NoStore` when there is none or, with `uuid`, when it is another store's; `StoreError` when it
    can't be read, is damaged, or is of a newer format.
    """
    marker = _parsed(store, _content(store))
    if uuid is not None and marker.uuid != uuid:
        raise NoStore(
            f"{store} holds another store: its uuid is {shown(marker.uuid)}, the config says {uuid}",
            hint="is the right disk mounted there? store.uuid in the config pins the one that is meant",
        )
    return marker


def write_marker(store: Path, marker: Marker) -> None:
    """Write the marker of a new store, there whole or not at all; an OSError leaves none."""
    text = json.dumps(marker.to_json(), indent=2) + "\n"
    new = store / f".{MARKER_NAME}.new"
    try:
        with new.open("x", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.rename(store / MARKER_NAME)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _content(store: Path) -> bytes:
    try:
        with (store / MARKER_NAME).open("rb") as file:
            return file.read(_LIMIT_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoStore(
            f"{store} is not a store: there is no {MARKER_NAME}",
            hint="is its disk mounted? a new store is made by: backupjump store init",
        ) from error
    except OSError as error:
        raise store_error("the store's marker can't be read", error) from error


def _parsed(store: Path, content: bytes) -> Marker:
    try:
        values = json.loads(content)
        found = values.get("format") if isinstance(values, dict) else None
        if isinstance(found, int) and found > STORE_FORMAT:
            raise StoreError(
                f"{store} is a store of format {found}, this program knows up to {STORE_FORMAT}",
                hint="update backupjump on this machine",
            )
        return Marker.from_json(values)
    except (ValueError, RecursionError) as error:
        raise StoreError(
            f"{store / MARKER_NAME} is damaged: {shown(str(error))}",
            hint="the snapshots are plain files and still there: see RESTORE-WITHOUT-BACKUPJUMP.txt beside it",
        ) from error
