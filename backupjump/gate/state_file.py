"""The small files by which gate, agent and people on a Desktop tell each other: read bounded, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backupjump.whole_files import replacing

_MOST_BYTES = 16 * 1024


def read_state(path: Path) -> dict[str, Any]:
    """Return the JSON object in the file at `path`; empty for none, and for what is no such file."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def replace_state(path: Path, values: Mapping[str, Any]) -> None:
    """Make `values`, with `schema` 1, the content of `path`: the old or the new one is there, after a power cut too."""
    # Gate and agent may be two accounts of one group.
    with replacing(path, mode=0o640) as file:
        file.write(f"{json.dumps({'schema': 1, **values})}\n".encode("ascii"))
