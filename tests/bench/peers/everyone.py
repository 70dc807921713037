"""Who takes part: by their names, with what must be installed for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping

from bench.course import BASELINE, OURS, PTY
from bench.hosts.host import BY_HAND, BY_HAND_PTY, Hosts
from bench.peers.borg import Borg
from bench.peers.ours import Ours
from bench.peers.peer import Peer
from bench.peers.restic import Restic
from bench.peers.rsnapshot import Rsnapshot
from bench.peers.rsync_by_hand import RsyncByHand

_BY_HAND: Mapping[str, Callable[..., Peer]] = {
    BASELINE: RsyncByHand,
    "rsnapshot": Rsnapshot,
    "borg": Borg,
    "restic": Restic,
}
# The programs, and the Debian packages that have them.
_NEEDS: Mapping[str, Mapping[str, str]] = {
    BASELINE: {"rsync": "rsync"},
    "rsnapshot": {"rsnapshot": "rsnapshot"},
    "borg": {"borg": "borgbackup", "socat": "socat"},
    "restic": {"restic": "restic", "socat": "socat"},
}


def missing() -> dict[str, str]:
    """Return for each that can't take part here the line that installs what it lacks."""
    lacking = {
        name: [package for program, package in needs.items() if shutil.which(program) is None]
        for name, needs in _NEEDS.items()
    }
    return {name: f"sudo apt-get install -y {' '.join(packages)}" for name, packages in lacking.items() if packages}


def peers(hosts: Hosts, names: Iterable[str], *, job_keys: str) -> dict[str, Peer]:
    """Return those of these names."""
    return {name: _peer(hosts, name, job_keys) for name in names}


def ways(names: Iterable[str]) -> list[str]:
    """Return the ways by hand that they need."""
    return [BY_HAND, *([BY_HAND_PTY] if any(name.endswith(PTY) for name in names) else [])]


def _peer(hosts: Hosts, name: str, job_keys: str) -> Peer:
    if name == OURS:
        return Ours(hosts, job_keys=job_keys)
    return _BY_HAND[name.removesuffix(PTY)](hosts, way=BY_HAND_PTY if name.endswith(PTY) else BY_HAND)
