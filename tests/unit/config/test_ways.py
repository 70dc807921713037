from __future__ import annotations

import pytest
from pydantic import ValidationError

from backupjump.config.models import Desktop, RouteKind, Way
from unit.ssh.routes import DESKTOP_KEY

KEYS = {"name": "laptop", "user": "me", "identity_file": "/keys/data", "host_key": DESKTOP_KEY}
LAN = {"route": "direct", "host": "laptop.lan"}
HOME = {"jump_node": "home", "port": 2020}
RELAY = {
    "jump_node": "spare",
    "port": 2021,
    "route": "nested",
    "allow_plaintext_at_jump": True,
    "relay": True,
    "identity_file": "/keys/relay",
}


def desktop(**more: object) -> Desktop:
    return Desktop.model_validate({**KEYS, **more})


def test_one_way_at_the_top_and_a_list_of_one_come_to_the_same() -> None:
    assert desktop(**HOME).ways == desktop(routes=[HOME]).ways == (Way(jump_node="home", port=2020),)


def test_the_ways_keep_their_order_and_direct_has_the_port_of_ssh() -> None:
    found = desktop(routes=[LAN, HOME, RELAY])

    assert [(way.route, way.end_port, way.place) for way in found.ways] == [
        (RouteKind.DIRECT, 22, "laptop.lan"),
        (RouteKind.PROXYJUMP, 2020, "JumpNode home"),
        (RouteKind.NESTED, 2021, "JumpNode spare"),
    ]
    assert [way.end_port for way in found.tunnels_on("spare")] == [2021]
    assert found.tunnels_on(None) == ()


def test_the_key_of_a_relay_at_the_top_is_that_of_its_way() -> None:
    top = {key: value for key, value in RELAY.items() if key != "identity_file"}

    (way,) = desktop(**top).ways

    assert str(way.identity_file) == "/keys/data"


@pytest.mark.parametrize(
    "wrong",
    [
        {"routes": [LAN]},
        {**HOME, "routes": [HOME]},
        {"route": "direct"},
        {"routes": [HOME, HOME]},
        {"routes": [{"port": 2020}]},
    ],
)
def test_a_desktop_made_by_the_program_keeps_the_rules_of_its_ways(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        desktop(**wrong)
