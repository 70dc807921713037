"""What the Server waits for at the end of an enrolment, and what it does not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from backupjump.config.models import Desktop, JumpNode, Server
from backupjump.demo.sshd import make_key
from backupjump.operations.enroll.proof import prove_way
from backupjump.ssh.route import route_to
from enroll_world import DESKTOP_KEY, HOST_KEY


class Told(Exception):
    """Somebody was told to wait."""


def test_a_jump_node_that_is_away_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    key = make_key(tmp_path / "key", comment="key")
    node = {"name": "jump", "host": "127.0.0.1", "port": port, "user": "x", "identity_file": key, "host_key": HOST_KEY}
    laptop = {"name": "laptop", "jump_node": "jump", "port": 2020, "user": "me", "identity_file": key}
    server = Server.model_validate({"store": {"path": "/srv"}}).model_copy(
        update={"jump_nodes": {"jump": JumpNode.model_validate(node)}}
    )
    desktop = Desktop.model_validate({**laptop, "host_key": DESKTOP_KEY})

    def tell(line: str) -> None:
        raise Told(line)

    with pytest.raises(Told, match="Not yet: JumpNode jump"):
        prove_way(route_to(desktop, server, folder=tmp_path / "route"), seconds=60, say=tell)
