"""Timers of launchd, as text alone. Nothing here has been tried on a Mac."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.operations.timers.plan import in_local_time
from backupjump.timing.launchd import plist

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backupjump.operations.site import Site
    from backupjump.timing.slots import Timer


def plist_files(site: Site, timers: Sequence[Timer], *, environ: Mapping[str, str]) -> dict[Path, str]:
    """Return the text of each property list by its path: root's are daemons, another account's are agents."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111
    folder = Path("/Library/LaunchDaemons") if os.geteuid() == 0 else home / "Library/LaunchAgents"
    return {
        folder / name: text
        for timer in timers
        for name, text in plist(timer, logs=site.state, in_local_time=in_local_time(timer, environ=environ)).items()
    }
