"""Whether this machine runs on its battery, and how full that is.  Source: Linux, ABI/testing/sysfs-class-power."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SUPPLIES = Path("/sys/class/power_supply")


@dataclass(frozen=True)
class Power:
    """`percent` is None where there is no battery, or none that tells."""

    on_battery: bool
    percent: int | None


def read_power(supplies: Path) -> Power:
    """Return how the machine is fed, from the folder of its supplies; without one it is taken to be plugged in."""
    found = [_read(path) for path in sorted(supplies.glob("*"))]
    # A mouse has a battery too; its scope is Device.
    batteries = [each for each in found if each["type"] == "Battery" and each["scope"] != "Device"]
    levels = [int(each["capacity"]) for each in batteries if each["capacity"].isdigit()]
    plugged_in = any(each["type"] != "Battery" and each["online"] == "1" for each in found)
    return Power(
        on_battery=not plugged_in and any(each["status"] == "Discharging" for each in batteries),
        percent=min(100, round(sum(levels) / len(levels))) if levels else None,
    )


def _read(supply: Path) -> dict[str, str]:
    return {name: _first_line(supply / name) for name in ("type", "scope", "capacity", "status", "online")}


def _first_line(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()[:40]
    except OSError:
        return ""
