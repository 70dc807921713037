"""The lines that doctor prints for a JumpNode must not harm what else is there."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from backupjump.config.models import Desktop, JumpNode
from backupjump.demo.sshd import make_key
from backupjump.operations.doctor.server_mends import add_line, mend_loopback, mend_sockets
from backupjump.operations.doctor.tunnel_key import TunnelKey
from backupjump.ssh.client_config import Hop
from backupjump.ssh.tunnel_verdicts import Forward

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKuNLFqluA2BL5C/kUU5vwpExeaOsYSI19FeROzUpawc"


def node(key: Path, user: str) -> JumpNode:
    given = {"name": "jump", "host": "jump.example", "user": user, "identity_file": key, "host_key": KEY}
    return JumpNode.model_validate(given)


@pytest.mark.parametrize(("user", "needs_shell"), [("root", False), ("me", False), ("bjserver", True)])
def test_nobody_who_needs_a_shell_there_is_locked_out(tmp_path: Path, user: str, needs_shell: bool) -> None:
    jump = node(tmp_path / "key", user)

    for fix in (mend_sockets(jump, needs_shell=needs_shell), mend_loopback(jump, needs_shell=needs_shell)):
        assert "MaxSessions" not in fix
        assert "ForceCommand" not in fix
        assert "/backupjump.conf" not in fix


def test_accounts_of_enrolment_get_all_their_limits_back(tmp_path: Path) -> None:
    jump = node(tmp_path / "key", "bjserver")

    assert "MaxSessions 0" in mend_sockets(jump, needs_shell=False)
    assert "GatewayPorts no" in mend_loopback(jump, needs_shell=False)


def test_a_line_that_is_added_leaves_the_last_one_whole(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", comment="hop")
    desktop = Desktop.model_validate(
        {"name": "laptop", "jump_node": "jump", "port": 2020, "user": "me", "identity_file": key, "host_key": KEY}
    )
    file = tmp_path / "authorized_keys"
    file.write_text(f"{KEY} somebody")

    fix = add_line(node(key, "bjserver"), [desktop])
    command = fix.partition(": ")[2].partition(" && ")[0].replace("~bjserver/.ssh/authorized_keys", str(file))
    subprocess.run(["sh", "-c", command], check=True)

    first, second = file.read_text().splitlines()
    assert first == f"{KEY} somebody"
    assert second.startswith("restrict,port-forwarding,")


def test_the_line_for_a_tunnel_key_has_the_mark_by_which_it_is_revoked(tmp_path: Path) -> None:
    key = make_key(tmp_path / "tunnel", comment="backupjump:tunnel:laptop:0123abcd")
    hop = Hop("bj-jump", "jumpnode.domain.ext", 22, "tunnel", key, ())

    fix = TunnelKey(Forward(jump=hop, port=2020, to_host="localhost", to_port=22)).add_line()

    assert " backupjump:tunnel:laptop:0123abcd'" in fix


def test_a_key_whose_path_has_a_space_is_named_as_one_word(tmp_path: Path) -> None:
    hop = Hop("bj-jump", "jumpnode.domain.ext", 22, "tunnel", tmp_path / "a key", ())
    tunnel_key = TunnelKey(Forward(jump=hop, port=2020, to_host="localhost", to_port=22))

    for fix in (tunnel_key.narrow(), tunnel_key.add_line()):
        assert shlex.split(fix) == ["ssh-keygen", "-y", "-f", str(tmp_path / "a key")]
