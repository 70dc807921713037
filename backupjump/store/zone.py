"""The IANA name of this machine's time zone, which a store keeps for good."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def local_zone(environment: Mapping[str, str], *, etc: Path = Path("/etc")) -> str:
    """Return the zone that $TZ names, else the one that /etc/localtime links to, else /etc/timezone's, else UTC.

    Source: tzset(3), localtime(5).
    """
    guesses = (environment.get("TZ", "").removeprefix(":"), _linked(etc / "localtime"), _written(etc / "timezone"))
    return next((guess for guess in guesses if _is_zone(guess)), "UTC")


def _linked(localtime: Path) -> str:
    try:
        return str(localtime.readlink()).partition("zoneinfo/")[2]
    except OSError:
        return ""


def _written(timezone: Path) -> str:
    try:
        return timezone.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _is_zone(name: str) -> bool:
    try:
        return bool(name) and ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
