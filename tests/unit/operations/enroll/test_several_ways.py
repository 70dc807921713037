"""What enrolment's later words make of a Desktop whose tunnel has several ends."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backupjump.demo.sshd import make_key
from backupjump.errors import UsageError
from backupjump.operations.enroll.ports import ports_of, taken_ports
from backupjump.operations.enroll.rebuild import rebuild_script
from backupjump.operations.enroll.revoke import plan_revoke, revocation_lines
from backupjump.operations.enroll.rotate import RotateWishes, propose_rotation
from backupjump.operations.site import Site, open_site
from enroll_world import TUNNEL_KEY
from unit.ssh.routes import DESKTOP_KEY, JUMP_KEY

LAN = {"route": "direct", "host": "laptop.lan"}
HOME = {"jump_node": "home", "port": 2020}
SPARE = {"jump_node": "spare", "port": 2021}


def site(tmp_path: Path, *ways: dict[str, Any]) -> Site:
    node = {"user": "bjserver", "identity_file": str(tmp_path / "hop"), "host_key": JUMP_KEY}
    laptop = {
        "user": "me",
        "identity_file": str(tmp_path / "keys/desktop-laptop"),
        "host_key": DESKTOP_KEY,
        "tunnel_key": TUNNEL_KEY,
        "routes": ways,
    }
    config = tmp_path / "backupjump.yaml"
    told = {
        "store": {"path": "/srv/backups"},
        "state_dir": str(tmp_path / "state"),
        "jump_nodes": {"home": {"host": "home.example", **node}, "spare": {"host": "spare.example", **node}},
        "desktops": {"laptop": laptop},
    }
    config.write_text(json.dumps(told))
    return open_site(config)


def test_each_jump_node_knows_the_ports_that_end_there(tmp_path: Path) -> None:
    server = site(tmp_path, LAN, HOME, SPARE).server

    assert [taken_ports(server, [], name) for name in ("home", "spare", None)] == [{2020}, {2021}, set()]
    assert ports_of(server.desktops.values(), "spare") == {2021}


def test_revoking_takes_the_tunnels_from_every_jump_node(tmp_path: Path) -> None:
    plan = plan_revoke(site(tmp_path, LAN, HOME, SPARE), "laptop")

    assert [node.name for node, _script in plan.on_jump_nodes] == ["home", "spare"]
    assert ["2020" in script for _node, script in plan.on_jump_nodes] == [True, False]
    assert ["2021" in script for _node, script in plan.on_jump_nodes] == [False, True]
    assert "on JumpNode spare" in "\n".join(revocation_lines(plan))


def test_a_jump_node_that_was_installed_anew_gets_the_ports_that_end_there(tmp_path: Path) -> None:
    make_key(tmp_path / "hop", comment="hop")
    found = site(tmp_path, LAN, HOME, SPARE)

    script = rebuild_script(found.server, found.server.jump_nodes["spare"], state=found.state)

    assert script is not None
    assert 'permitlisten="127.0.0.1:2021"' in script
    assert 'permitlisten="127.0.0.1:2020"' not in script


def test_keys_in_the_lan_and_on_one_jump_node_can_be_renewed(tmp_path: Path) -> None:
    asked = RotateWishes(name="laptop", today=date(2026, 11, 22), config=site(tmp_path, LAN, HOME).config_file)

    invitation = propose_rotation(asked, say=lambda *_lines: None)

    assert (invitation.route, invitation.port, invitation.jump.host) == ("proxyjump", 2020, "home.example")


def test_the_keys_of_several_jump_nodes_are_renewed_by_hand(tmp_path: Path) -> None:
    asked = RotateWishes(name="laptop", today=date(2026, 11, 22), config=site(tmp_path, HOME, SPARE).config_file)

    with pytest.raises(UsageError, match=r"tunnels to several machines.*: JumpNode home, JumpNode spare"):
        propose_rotation(asked, say=lambda *_lines: None)
