"""The zone that a store keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.store.zone import local_zone


@pytest.mark.parametrize(
    ("environment", "localtime", "timezone", "zone"),
    [
        ({"TZ": "Asia/Tokyo"}, "/usr/share/zoneinfo/Europe/Paris", "Europe/Rome", "Asia/Tokyo"),
        ({"TZ": ":Asia/Tokyo"}, None, None, "Asia/Tokyo"),
        ({"TZ": "CET-1CEST"}, "/usr/share/zoneinfo/Europe/Paris", None, "Europe/Paris"),
        ({"TZ": "../etc/passwd"}, "../usr/share/zoneinfo/America/Argentina/Salta", None, "America/Argentina/Salta"),
        ({}, "/somewhere/else", "Europe/Rome\n", "Europe/Rome"),
        ({}, None, "\xff", "UTC"),
        ({}, None, None, "UTC"),
    ],
)
def test_the_zone_is_the_first_name_that_is_one(
    tmp_path: Path, environment: dict[str, str], localtime: str | None, timezone: str | None, zone: str
) -> None:
    if localtime is not None:
        (tmp_path / "localtime").symlink_to(localtime)
    if timezone is not None:
        (tmp_path / "timezone").write_text(timezone, encoding="latin-1")

    assert local_zone(environment, etc=tmp_path) == zone
