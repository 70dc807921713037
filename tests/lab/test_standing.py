"""One standing connection to a JumpNode, over which Desktops are asked: real sshds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from backupjump.config.load import load_server
from backupjump.demo.lab import Lab
from backupjump.errors import DesktopAway, ForwardRefused, HostKeyRefused, JumpNodeUnreachable, LinkLost
from backupjump.ssh.route import Route, route_to, route_to_jump
from backupjump.ssh.standing import Standing
from program import until

pytestmark = pytest.mark.lab


def ways(lab: Lab) -> tuple[Route, Route]:
    """Return the way to the JumpNode and the one to the Desktop."""
    server = load_server(lab.server_config())
    jump = route_to_jump(server.jump_nodes["jumpnode"], folder=lab.state / "jump")
    return jump, route_to(server.desktops["desktop"], server, folder=lab.state / "desktop")


def is_gone(standing: Standing, desktop: Route) -> bool:
    """Whether nothing listens any more; the JumpNode notices a moment after the tunnel's ssh has ended."""
    try:
        return standing.ask(desktop, "echo here", seconds=10) is None
    except DesktopAway:
        return False


@pytest.fixture
def standing(lab: Lab) -> Iterator[Standing]:
    with Standing(ways(lab)[0]) as connection:
        yield connection


def test_a_desktop_is_asked_by_a_login_of_its_own_each_time_the_tunnel_stands(lab: Lab, standing: Standing) -> None:
    _, desktop = ways(lab)

    before = standing.ask(desktop, "echo here", seconds=10)
    lab.open_tunnel()
    first, second = (standing.ask(desktop, "echo here", seconds=10) for _ in range(2))
    lab.close_tunnel()

    assert before is None
    until(lambda: is_gone(standing, desktop), what="the tunnel's end")
    assert first is not None
    assert second is not None
    assert (first.stdout, second.stdout) == (b"here\n", b"here\n")
    assert lab.jump.log.read_text().count("Accepted publickey") == 2  # the tunnel's, and this one


def test_a_stranger_at_the_tunnel_s_end_is_refused_and_the_connection_stands(lab: Lab, standing: Standing) -> None:
    _, desktop = ways(lab)
    lab.desktop.renew_host_key()
    lab.open_tunnel()

    with pytest.raises(HostKeyRefused):
        standing.ask(desktop, "echo here", seconds=10)
    lab.close_tunnel()

    until(lambda: is_gone(standing, desktop), what="the tunnel's end")


def test_a_port_that_our_key_may_not_go_to_is_told(lab: Lab, standing: Standing) -> None:
    _, desktop = ways(lab)
    assert desktop.target is not None
    elsewhere = replace(desktop, target=replace(desktop.target, port=lab.jump.port))

    with pytest.raises(ForwardRefused, match="refuses to forward"):
        standing.ask(elsewhere, "echo here", seconds=10)

    assert standing.ask(desktop, "echo here", seconds=10) is None


def test_a_lost_jump_node_is_told(lab: Lab, standing: Standing) -> None:
    lab.jump.stop()

    with pytest.raises(LinkLost, match="JumpNode jumpnode"):
        standing.ask(ways(lab)[1], "echo here", seconds=10)


def test_a_jump_node_that_is_away_is_told_at_once(lab: Lab) -> None:
    way, _ = ways(lab)
    lab.jump.stop()

    with pytest.raises(JumpNodeUnreachable):
        Standing(way)


def test_a_thousand_refusals_do_not_wear_the_connection_out(lab: Lab, standing: Standing) -> None:
    _, desktop = ways(lab)

    assert {standing.ask(desktop, "echo here", seconds=10) for _ in range(1000)} == {None}
