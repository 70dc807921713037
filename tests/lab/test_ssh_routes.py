"""Every route against real sshds: what works, and which hop is named when something is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.errors import DesktopAway, HostKeyRefused, JumpNodeUnreachable, KeyRefused, TunnelNotOpen
from backupjump.process import run
from backupjump.ssh.control import open_control
from backupjump.ssh.keys import fingerprint
from backupjump.ssh.route import Route, data_host, remote_shell
from backupjump.ssh.verdicts import verdict
from lab.routes import BY_JUMP, BY_TUNNEL, EVERY, by_ssh, route_in

pytestmark = pytest.mark.lab

HOSTILE = "a b$(touch canary);'\"`touch canary`\\*~é"


def rsync_list(route: Route, source: str) -> list[str]:
    """Return what rsync finds below `source` on the Desktop."""
    done = run(
        ["rsync", "--no-secluded-args", "-r", "-e", shlex.join(remote_shell(route)), f"{data_host(route)}:{source}/"],
        timeout=30,
    )
    assert done.status == 0, done.stderr
    return [line.split(maxsplit=4)[-1] for line in done.stdout.decode().splitlines()]


@pytest.mark.parametrize("kind", EVERY)
def test_words_arrive_whole_by_control_and_by_ssh(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    route = route_in(lab, kind)

    with open_control(route) as control:
        first = control.run(["printf", "%s|", HOSTILE, "", "two\nlines"], timeout=30)
        second = control.run(["sh", "-c", "printf 'caf\\351'; echo oops >&2; exit 7"], timeout=30)
    data = by_ssh(route, "printf", "%s|", HOSTILE)

    assert (first.status, first.stdout.decode()) == (0, f"{HOSTILE}||two\nlines|")
    assert (second.status, second.stdout, second.stderr) == (7, b"caf\xe9", b"oops\n")
    assert (data.status, data.stdout.decode()) == (0, f"{HOSTILE}|")
    assert list(lab.folder.rglob("canary")) == []


@pytest.mark.parametrize("kind", EVERY)
def test_rsync_finds_a_source_whose_name_is_a_command_and_runs_it_nowhere(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    source = lab.home / "a b$(touch canary)"
    source.mkdir()
    (source / "file").touch()

    found = rsync_list(route_in(lab, kind), str(source))

    assert found == [".", "file"]
    assert list(lab.folder.rglob("canary")) == []


@pytest.mark.parametrize("kind", BY_JUMP)
def test_a_jump_node_with_another_host_key_is_refused(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    pinned = lab.jump.host_key_public
    route = route_in(lab, kind)
    lab.jump.renew_host_key()

    with pytest.raises(HostKeyRefused) as refused:
        open_control(route)
    data = by_ssh(route, "echo", "secret")

    assert f"pinned:  {fingerprint(pinned)}" in str(refused.value)
    assert f"offered: {fingerprint(lab.jump.host_key_public)}" in str(refused.value)
    assert "JumpNode jumpnode" in str(refused.value)
    assert (data.status, data.stdout) == (255, b"")
    assert isinstance(verdict(data.stderr.decode(), data.status, route=route), HostKeyRefused)


@pytest.mark.parametrize("kind", BY_TUNNEL)
def test_a_desktop_with_another_host_key_is_refused(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    pinned = lab.desktop.host_key_public
    route = route_in(lab, kind)
    lab.desktop.renew_host_key()

    with pytest.raises(HostKeyRefused) as refused:
        open_control(route)
    data = by_ssh(route, "echo", "secret")

    assert f"offered: {fingerprint(lab.desktop.host_key_public)}" in str(refused.value)
    assert kind is RouteKind.NESTED or f"pinned:  {fingerprint(pinned)}" in str(refused.value)
    assert "desktop desktop" in str(refused.value)
    assert (data.status, data.stdout) == (255, b"")
    assert isinstance(verdict(data.stderr.decode(), data.status, route=route), HostKeyRefused)


@pytest.mark.parametrize("kind", BY_JUMP)
def test_a_jump_node_that_does_not_know_our_key_is_named(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    route = route_in(lab, kind)
    lab.jump.authorized_keys.write_text("")

    with pytest.raises(KeyRefused, match="JumpNode jumpnode does not accept our key"):
        open_control(route)


@pytest.mark.parametrize("kind", EVERY)
def test_a_desktop_that_does_not_know_the_key_is_named(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    route = route_in(lab, kind)
    lab.desktop.authorized_keys.write_text("")

    with pytest.raises(KeyRefused, match="desktop desktop does not accept"):
        open_control(route)


@pytest.mark.parametrize("kind", BY_TUNNEL)
def test_a_closed_tunnel_is_away_and_says_what_to_type(lab: Lab, kind: RouteKind) -> None:
    route = route_in(lab, kind)

    with pytest.raises(TunnelNotOpen) as closed:
        open_control(route)

    assert closed.value.exit_code == 75
    assert closed.value.hint == "on the Desktop: backupjump tunnel open"


@pytest.mark.parametrize("kind", BY_TUNNEL)
def test_a_tunnel_without_an_sshd_behind_it_is_away(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    route = route_in(lab, kind)
    lab.desktop.stop()

    with pytest.raises(DesktopAway, match="no sshd answers") as away:
        open_control(route)

    assert type(away.value) is DesktopAway


@pytest.mark.parametrize("kind", BY_JUMP)
def test_a_jump_node_that_is_down_is_named(lab: Lab, kind: RouteKind) -> None:
    route = route_in(lab, kind)
    lab.jump.stop()

    with pytest.raises(JumpNodeUnreachable, match=r"JumpNode jumpnode can't be reached: .*Connection refused"):
        open_control(route)


@pytest.mark.parametrize("kind", [RouteKind.PROXYJUMP, RouteKind.LOCAL])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text(""),
        lambda path: path.write_bytes(b"\0\xff garbage @@\n" * 50),
        lambda path: path.unlink(),
    ],
    ids=["empty", "garbled", "missing"],
)
def test_a_spoilt_known_hosts_lets_no_data_through(lab: Lab, kind: RouteKind, spoil: Callable[[Path], object]) -> None:
    lab.open_tunnel()
    route = route_in(lab, kind)
    spoil(route.known_hosts_file)

    data = by_ssh(route, "echo", "secret")

    assert (data.status, data.stdout) == (255, b"")
    found = verdict(data.stderr.decode("utf-8", "replace"), data.status, route=route)
    assert isinstance(found, HostKeyRefused)
