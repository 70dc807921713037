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

# Source: linux/route.h, linux/ipv6_route.h.
_RTF_UP = 0x1
_RTF_REJECT = 0x200
_RTF_LOCAL = 0x80000000
# How global and private addresses of IPv6 begin; those of one link begin with fe80, of multicast with ff.
_GLOBAL_6 = ("2", "3", "fc", "fd")
_ASK_SECONDS = 5.0


@dataclass(frozen=True)
class Surroundings:
    """One look. `ways` changes when a network comes, goes or is another one; whether it is metered costs a process, so
    that is asked for by itself.
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
    """Return the default routes, each as its device and gateway, the most preferred first.

    Without one the other routes count: a JumpNode in the same building, or behind a VPN of its own, needs no more.
    """
    found = [_way(line.split()) for line in _lines(routes, "unknown 00000000 00000000 0001 0 0 0 00000000")]
    found += [_way_6(line.split()) for line in _lines(routes_6, "")]
    known = sorted(each for each in found if each is not None)
    return tuple(name for is_narrow, _metric, name in known if is_narrow == known[0][0])


def _way(fields: list[str]) -> tuple[bool, int, str] | None:
    """Return whether a line of IPv4 leads to some addresses only, how preferred it is, and its name."""
    if len(fields) < 8 or fields[0] in ("Iface", "lo", "*") or not _is_up(fields[3]):
        return None
    # As the kernel writes it, in the order of its own bytes: 169.254, what a machine takes where nobody gives it one.
    if fields[1].endswith("FEA9"):
        return None
    is_narrow = not fields[1] == fields[7] == "00000000"
    return is_narrow, int(fields[6]), f"{fields[0]} {fields[2]}"


def _way_6(fields: list[str]) -> tuple[bool, int, str] | None:
    """Return the same of a line of IPv6."""
    if len(fields) != 10 or fields[9] == "lo" or not _is_up(fields[8]):
        return None
    is_narrow = not (fields[0] == "0" * 32 and fields[1] == "00")
    if is_narrow and not fields[0].startswith(_GLOBAL_6):
        return None
    return is_narrow, int(fields[5], 16), f"{fields[9]} {fields[4]}"


def _is_up(flags: str) -> bool:
    """Whether a route with these flags leads anywhere but to this machine itself."""
    return int(flags, 16) & (_RTF_UP | _RTF_REJECT | _RTF_LOCAL) == _RTF_UP


def _lines(path: Path, otherwise: str) -> list[str]:
    try:
        return path.read_text("ascii", "replace").splitlines()
    except OSError:
        return [otherwise]
