"""What the agent sees of this machine: routes, power, a paid line, its sleep. Linux; elsewhere it assumes the best.

Python 3.9, the standard library alone.
"""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from pathlib import Path

from backupjump import process
from backupjump.errors import ProgramMissing
from backupjump.gate.power import SUPPLIES, Power, read_power

ROUTES = Path("/proc/net/route")
ROUTES_6 = Path("/proc/net/ipv6_route")

# Source: linux/route.h.
_RTF_UP = 0x1
_RTF_REJECT = 0x200
_ASK_SECONDS = 5.0


@dataclass(frozen=True)
class Surroundings:
    """One look. `ways` changes when a network comes, goes or is another one; `metered` costs a process, so it is asked
    for by itself.
    """

    ways: tuple[str, ...]
    power: Power

    @property
    def online(self) -> bool:
        """Whether there is a way out; true where this machine does not tell."""
        return bool(self.ways)


def look(*, routes: Path = ROUTES, routes_6: Path = ROUTES_6, supplies: Path = SUPPLIES) -> Surroundings:
    """Return what can be read at once, without starting anything."""
    return Surroundings(ways=_ways(routes, routes_6), power=read_power(supplies))


def slept_seconds() -> float:
    """Return how long this machine has slept since it was started.  Source: clock_gettime(2), CLOCK_BOOTTIME."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(boottime) - time.clock_gettime(time.CLOCK_MONOTONIC) if boottime is not None else 0.0


def is_metered(ways: tuple[str, ...]) -> bool:
    """Ask NetworkManager whether the first of `ways` is paid by volume; False where there is none to ask.

    Source: nmcli(1), GENERAL.METERED: yes, no, unknown, and the same `(guessed)`.
    """
    if not ways:
        return False
    device = ways[0].partition(" ")[0]
    try:
        done = process.run(["nmcli", "-g", "GENERAL.METERED", "device", "show", device], timeout=_ASK_SECONDS)
    except (ProgramMissing, process.TimedOut):
        return False
    return done.status == 0 and done.stdout.startswith(b"yes")


def is_this_machine(host: str) -> bool:
    """Whether `host` is a loopback address, which needs no route."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ways(routes: Path, routes_6: Path) -> tuple[str, ...]:
    """Return the default routes, each as its device and gateway, the most preferred first."""
    found = []
    for line in _lines(routes, "unknown 00000000 00000000 0001 0 0 0 00000000"):
        fields = line.split()
        if len(fields) >= 8 and fields[1] == fields[7] == "00000000" and int(fields[3], 16) & _RTF_UP:
            found.append((int(fields[6]), f"{fields[0]} {fields[2]}"))
    for line in _lines(routes_6, ""):
        fields = line.split()
        if len(fields) == 10 and fields[0] == "0" * 32 and fields[1] == "00":
            flags = int(fields[8], 16)
            if flags & _RTF_UP and not flags & _RTF_REJECT and fields[9] != "lo":
                found.append((int(fields[5], 16), f"{fields[9]} {fields[4]}"))
    return tuple(way for _metric, way in sorted(found))


def _lines(path: Path, otherwise: str) -> list[str]:
    try:
        return path.read_text("ascii", "replace").splitlines()
    except OSError:
        return [otherwise]
