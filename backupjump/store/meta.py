"""meta.json: what a snapshot says of itself, beside its tree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backupjump.run import Counts, Run
from backupjump.store.manifest import Written

META_NAME = "meta.json"
META_FORMAT = 2
# What is not whole has a number of its own: a program that does not know of it must not take it for a backup.
_WHOLE, _SEEDING = 1, 2

_LIMIT_BYTES = 16 << 20


def write_meta(
    snapshot: Path,
    *,
    run: Run,
    sequence: int,
    base: str | None,
    sources: Sequence[str],
    written: Written,
    counts: Counts,
    how: Mapping[str, Any],
    is_seeding: bool = False,
) -> None:
    """Write the meta.json of a snapshot that is about to be published; nothing is synced yet."""
    meta = {
        "format": _SEEDING if is_seeding else _WHOLE,
        "seeding": is_seeding,
        "run": run.to_json(),
        "sequence": sequence,
        "base": base,
        "sources": list(sources),
        "route": run.route,
        "how": dict(how),
        "manifest": asdict(written),
        "counts": asdict(counts),
    }
    path = snapshot / META_NAME
    path.write_text(json.dumps(meta, indent=1) + "\n", encoding="ascii")
    path.chmod(0o600)


def read_meta(snapshot: Path) -> Mapping[str, Any]:
    """Return the values of a snapshot's meta.json; one that is missing, damaged or too new raises ValueError."""
    try:
        with (snapshot / META_NAME).open("rb") as file:
            values: dict[str, Any] = json.loads(file.read(_LIMIT_BYTES))
    except OSError as error:
        raise ValueError(f"{META_NAME}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{META_NAME} is not JSON") from error
    found = values.get("format") if isinstance(values, dict) else None
    if not isinstance(found, int) or found > META_FORMAT:
        raise ValueError(f"{META_NAME} has format {found!r}, this program reads up to {META_FORMAT}")
    return values
