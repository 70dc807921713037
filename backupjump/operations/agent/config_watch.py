"""The Desktop's config while an agent runs: what is written into it counts, a mistake in it does not. Python 3.9."""

from __future__ import annotations

import logging
from pathlib import Path

from backupjump.config.desktop import Tunnel, load_desktop
from backupjump.errors import BackupjumpError, Stopped

log = logging.getLogger(__name__)


class ConfigWatch:
    """Tells once of each change of the config at `path`; a renewal of keys writes to it, and so may its owner."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _stamp(path)

    def changed(self) -> Tunnel | None:
        """Return the tunnel as the file has it now, if it is another file than at the last call and can be obeyed."""
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return None
        self._seen = stamp
        try:
            return load_desktop(self._path, check_keys=True).tunnel
        except Stopped:
            raise
        except BackupjumpError as error:
            log.warning("the config is another one now, and can't be used; the one before still counts: %s", error)
            return None


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_mtime_ns, found.st_size)
