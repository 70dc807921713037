"""What the ssh of a tunnel is told."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import pytest

from backupjump.ssh.client_config import Hop
from backupjump.ssh.first_session import FirstSession
from backupjump.ssh.tunnel import tunnel_argv, tunnel_config, write_config
from backupjump.ssh.tunnel_verdicts import Forward

JUMP = Hop("bj-jump", "jump.example.org", 22, "tunnel", Path("/keys/tunnel"), ("ssh-ed25519 AAAA",))
FORWARD = Forward(jump=JUMP, port=2020, to_host="localhost", to_port=22)


def test_the_port_is_asked_for_on_one_loopback_address_alone() -> None:
    argv = tunnel_argv(FORWARD, Path("/state/tunnel/ssh_config"))

    assert argv[:5] == ("ssh", "-v", "-N", "-T", "-F")
    assert argv[5:] == ("/state/tunnel/ssh_config", "-R", "127.0.0.1:2020:localhost:22", "bj-jump")


def test_a_second_ssh_may_come_in_by_the_first_where_it_is_told_so() -> None:
    session = FirstSession("bj-jump")

    argv = tunnel_argv(FORWARD, Path("/c"), session.options)
    session.close()

    assert argv[6:9:2] == ("-o", "-o")
    assert argv[7] == "ControlMaster=yes"
    assert argv[9].startswith("ControlPath=/")
    assert not Path(argv[9].partition("=")[2]).parent.exists()


def test_where_no_socket_s_path_would_fit_the_tunnel_stands_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))

    session = FirstSession("bj-jump")
    session.ask()

    assert session.options == ()
    assert session.await_answer(5) is False
    assert list(long.iterdir()) == []


def test_an_ipv6_target_stands_in_brackets() -> None:
    forward = dataclasses.replace(FORWARD, to_host="::1", to_port=2222)

    assert "127.0.0.1:2020:[::1]:2222" in tunnel_argv(forward, Path("/c"))


@pytest.mark.parametrize(
    "line",
    [
        "ExitOnForwardFailure yes",
        "StrictHostKeyChecking yes",
        "ServerAliveInterval 5",
        "ServerAliveCountMax 3",
        "IdentitiesOnly yes",
        "IdentityAgent none",
        "BatchMode yes",
        "Compression no",
        "HostKeyAlias bj-jump",
    ],
)
def test_the_config_says(line: str) -> None:
    assert line in [each.strip() for each in tunnel_config([JUMP], Path("/known_hosts")).splitlines()]


def test_the_config_never_clears_forwardings_which_would_drop_the_tunnel_in_silence() -> None:
    assert "ClearAllForwardings" not in tunnel_config([JUMP], Path("/known_hosts"))


def test_the_files_are_for_us_alone_and_pin_every_jump_node(tmp_path: Path) -> None:
    other = dataclasses.replace(JUMP, alias="bj-jump-2", host_keys=("ssh-ed25519 BBBB", "ssh-ed25519 CCCC"))

    config = write_config([JUMP, other], tmp_path / "tunnel")

    assert (tmp_path / "tunnel").stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "tunnel").iterdir()] == [0o600, 0o600]
    assert config.with_name("known_hosts").read_text().splitlines() == [
        "bj-jump ssh-ed25519 AAAA",
        "bj-jump-2 ssh-ed25519 BBBB",
        "bj-jump-2 ssh-ed25519 CCCC",
    ]
