"""Which forwards are asked for, and what a person is told to type."""

from __future__ import annotations

import getpass
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.config.desktop import Tunnel, TunnelJump
from backupjump.operations.tunnel import forwards_of, invitation

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJjUlh3rk5fhXWItGJPBEMWILOmk41nFaAcsmaIOhayU"


def tunnel(*jumps: tuple[str, int]) -> Tunnel:
    nodes = (TunnelJump(host, port, "tunnel", Path("/keys/tunnel"), (KEY,), 2020) for host, port in jumps)
    return Tunnel(jump_nodes=tuple(nodes), port=2020, to_host="localhost", to_port=22)


def test_each_jump_node_is_asked_in_the_order_of_the_config_under_a_name_of_its_own() -> None:
    forwards = forwards_of(tunnel(("first.example.org", 22), ("second.example.org", 2222)))

    assert [(each.jump.alias, each.jump.host, each.port) for each in forwards] == [
        ("bj-jump", "first.example.org", 2020),
        ("bj-jump-2", "second.example.org", 2020),
    ]


@pytest.mark.parametrize(
    ("host", "port", "written"),
    [
        ("jump.example.org", 22, "jump.example.org"),
        ("jump.example.org", 2222, "jump.example.org:2222"),
        ("2001:db8::7", 22, "[2001:db8::7]"),
        ("2001:db8::7", 2222, "[2001:db8::7]:2222"),
    ],
)
def test_an_invitation_names_the_jump_node_as_ssh_wants_it(host: str, port: int, written: str) -> None:
    (forward,) = forwards_of(tunnel((host, port)))

    invited = invitation(forward, host_key=None, stays=timedelta(hours=2))

    assert invited.on_jump_node == f"ssh -p 2020 {getpass.getuser()}@localhost"
    assert invited.through_jump_node == f"ssh -J {written} -p 2020 {getpass.getuser()}@localhost"
    assert invited.host_key is None
