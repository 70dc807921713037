"""Where the config is looked for. The Desktop runs this file: Python 3.9, the standard library alone."""

from __future__ import annotations

import os
from pathlib import Path

from backupjump.errors import ConfigError
from backupjump.escape import shown

FILE_NAME = "backupjump.yaml"
_HOW_TO_BEGIN = (
    "to begin, on the Server: backupjump enroll new NAME --jump HOST --store DIR; on a Desktop: backupjump enroll"
    " accept (or write the config yourself: backupjump init server, init desktop)"
)


def find_config(explicit: Path | None) -> Path:
    """Return the config file to use; ConfigError when there is none.

    `explicit` (--config), else $BACKUPJUMP_CONFIG, else the first that exists of ./backupjump.yaml,
    ~/.config/backupjump/ and /etc/backupjump/.
    """
    named = explicit or (Path(value) if (value := os.environ.get("BACKUPJUMP_CONFIG")) else None)
    if named is not None:
        if not os.path.exists(named):  # noqa: PTH110  (Path.exists raises where it may not look)
            origin = "--config" if explicit else "$BACKUPJUMP_CONFIG"
            raise ConfigError(f"{shown(str(named))} (from {origin}) is not there", hint=_HOW_TO_BEGIN)
        return named
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  (Path.home raises when nobody knows it)
    places = (Path(FILE_NAME), home / ".config/backupjump" / FILE_NAME, Path("/etc/backupjump") / FILE_NAME)
    for place in places:
        if os.path.exists(place):  # noqa: PTH110
            return place
    looked = ", ".join(shown(str(place)) for place in places)
    raise ConfigError(f"there is no config; looked at {looked}", hint=_HOW_TO_BEGIN)
