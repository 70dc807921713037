from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.operations.agent.surroundings import is_this_machine, look, slept_seconds

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
WIFI = "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
CABLE = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
LOCAL = "wlan0\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0\n"
DOWN = "eth0\t00000000\t0102A8C0\t0002\t0\t0\t100\t00000000\t0\t0\t0\n"
SELF_GIVEN = "wlan0\t0000FEA9\t00000000\t0001\t0\t0\t1000\t0000FFFF\t0\t0\t0\n"
SIX_PRIVATE = f"fd{'0' * 30} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001     vpn0\n"
SIX_OF_LINK = f"fe80{'0' * 28} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001     eth0\n"
SIX_OWN = f"fd{'0' * 29}2 80 {'0' * 32} 00 {'0' * 32} 00000000 00000004 00000000 80200001     eth0\n"
SIX = f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00450003     eth0\n"
SIX_REJECTED = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n"


@pytest.mark.parametrize(
    ("routes", "routes_6", "ways"),
    [
        (HEADER, "", ()),
        (HEADER + DOWN, "", ()),
        (HEADER + SELF_GIVEN, SIX_REJECTED + SIX_OF_LINK + SIX_OWN, ()),
        (HEADER + LOCAL, SIX_REJECTED, ("wlan0 00000000",)),
        (HEADER, SIX_REJECTED + SIX_OF_LINK + SIX_PRIVATE, (f"vpn0 {'0' * 32}",)),
        (HEADER + WIFI + LOCAL, "", ("wlan0 0101A8C0",)),
        (HEADER + WIFI + CABLE, "", ("eth0 0102A8C0", "wlan0 0101A8C0")),
        (HEADER, SIX, (f"eth0 fe80{'0' * 27}1",)),
    ],
)
def test_the_ways_out_are_the_default_routes_the_preferred_one_first_and_without_any_the_narrow_ones(
    tmp_path: Path, routes: str, routes_6: str, ways: tuple[str, ...]
) -> None:
    (tmp_path / "route").write_text(routes)
    (tmp_path / "route6").write_text(routes_6)

    found = look(routes=tmp_path / "route", routes_6=tmp_path / "route6", supplies=tmp_path)

    assert (found.ways, found.online) == (ways, bool(ways))


def test_a_machine_that_does_not_tell_its_routes_is_taken_to_be_online(tmp_path: Path) -> None:
    assert look(routes=tmp_path / "none", routes_6=tmp_path / "none", supplies=tmp_path).online


@pytest.mark.parametrize(("host", "here"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("jump", False)])
def test_a_loopback_address_needs_no_route(host: str, here: bool) -> None:
    assert is_this_machine(host) is here


def test_sleep_is_what_the_boot_clock_is_ahead() -> None:
    assert slept_seconds() >= -1
