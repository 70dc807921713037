"""Which cipher is asked for first, and on which hops."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.config.models import RouteKind
from backupjump.process import run
from backupjump.ssh.ciphers import SETTING, desktop_has_aes, note_desktop
from backupjump.ssh.route import ssh_config
from backupjump.ssh.tunnel import tunnel_config
from unit.ssh.routes import route_of

FIRST = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"]


def ciphers(alias: str, config: str, folder: Path) -> list[str]:
    """Return the ciphers that the real ssh would ask `alias` for with `config`, in order."""
    file = folder / "f"
    file.write_text(config)
    said = run(["ssh", "-G", "-F", str(file), alias], timeout=30).stdout.decode()
    return next(line.partition(" ")[2].split(",") for line in said.splitlines() if line.startswith("ciphers "))


def test_aes_comes_first_where_both_ends_are_good_at_it_and_no_cipher_is_lost(tmp_path: Path) -> None:
    route = route_of("proxyjump")
    assert route.jump is not None
    plain = ciphers("bj-jump-node", ssh_config(route), tmp_path)

    config = ssh_config(route, aes={route.jump})

    by_aes = ciphers("bj-jump-node", config, tmp_path)
    assert by_aes[:2] == FIRST
    assert sorted(by_aes) == sorted(plain)
    assert ciphers("bj-laptop", config, tmp_path) == plain


@pytest.mark.parametrize("kind", [RouteKind.PROXYJUMP, RouteKind.PROXYCOMMAND, RouteKind.LOCAL, RouteKind.DIRECT])
def test_the_way_to_the_desktop_is_a_leg_of_its_own(tmp_path: Path, kind: RouteKind) -> None:
    route = route_of(kind)

    assert ciphers("bj-laptop", ssh_config(route, aes=route.hops), tmp_path)[:2] == FIRST


def test_the_desktop_s_tunnel_too(tmp_path: Path) -> None:
    jump = route_of("proxyjump").jump
    assert jump is not None

    assert ciphers(jump.alias, tunnel_config([jump], tmp_path / "known_hosts", aes=True), tmp_path)[:2] == FIRST
    assert SETTING not in tunnel_config([jump], tmp_path / "known_hosts")


def test_what_a_desktop_said_of_its_processor_is_kept_until_it_says_otherwise(tmp_path: Path) -> None:
    assert desktop_has_aes(tmp_path) is None
    assert not note_desktop(tmp_path, None)
    assert note_desktop(tmp_path, True)
    assert not note_desktop(tmp_path, True)
    assert not note_desktop(tmp_path, None)
    assert desktop_has_aes(tmp_path) is True
    assert note_desktop(tmp_path, False)
    assert desktop_has_aes(tmp_path) is False


def test_what_nobody_wrote_there_is_nothing_known(tmp_path: Path) -> None:
    (tmp_path / "desktop-cpu").write_bytes(b"\xff" * 5000)

    assert desktop_has_aes(tmp_path) is None
