"""The rsync of this Desktop: where it lies, what it says of itself, whether it can be confined."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backupjump.errors import ProgramMissing
from backupjump.process import TimedOut, run

# Never by $PATH, which a login may bring along.
_PLACES = ("/usr/bin/rsync", "/usr/local/bin/rsync", "/opt/homebrew/bin/rsync", "/opt/local/bin/rsync")
_MOST_BYTES = 4096
_SECONDS = 10.0


@dataclass(frozen=True)
class RsyncHere:
    """`said` is what `rsync --version` prints, its first 4 KiB."""

    path: str
    said: str
    confines: bool


def find_rsync(configured: Path | None) -> str:
    """Return the path of the rsync to run: the `configured` one, else the first of the usual places."""
    if configured is not None:
        return str(configured)
    found = next((place for place in _PLACES if Path(place).exists()), None)
    if found is None:
        raise ProgramMissing(
            f"there is no rsync on this Desktop: not at {', '.join(_PLACES)}",
            hint="install it (Debian, Ubuntu: sudo apt-get install rsync), or set gate.rsync",
        )
    return found


def ask_rsync(path: str) -> RsyncHere:
    """Return what the rsync at `path` is.

    One that knows --confine-root (3.5.0 and newer) prints its version behind it as it does alone, any other ends
    with an error (measured). ProgramMissing where it can't be started, or does not end.
    """
    try:
        confined = run([path, "--confine-root=/", "--version"], timeout=_SECONDS)
        answer = confined if confined.status == 0 else run([path, "--version"], timeout=_SECONDS)
    except TimedOut as error:
        raise ProgramMissing(f"{path} on this Desktop does not tell its version within {_SECONDS:.0f} s") from error
    return RsyncHere(path, answer.stdout[:_MOST_BYTES].decode("utf-8", "replace"), confined.status == 0)
