"""What `ssh -v` said, captured from OpenSSH 9.2 (client and server), and what it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.errors import (
    BackupjumpError,
    ForwardRefused,
    HostKeyRefused,
    JumpNodeUnreachable,
    KeyRefused,
    LinkLost,
)
from backupjump.ssh.client_config import Hop
from backupjump.ssh.tunnel_verdicts import Forward, stands, why_it_broke, why_it_fails

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJjUlh3rk5fhXWItGJPBEMWILOmk41nFaAcsmaIOhayU"
JUMP = Hop("bj-jump", "jump.example.org", 22, "tunnel", Path("/keys/tunnel"), (KEY,))
FORWARD = Forward(jump=JUMP, port=2020, to_host="localhost", to_port=22)

BEGUN = """\
OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026
debug1: Connecting to jump.example.org [192.0.2.7] port 22.
debug1: Connection established.
debug1: Server host key: ssh-ed25519 SHA256:r9Nwh02k6KDJDXM0RJ8+NGRJJrrK69mue0glSkDF46I"""
LET_IN = f"""\
{BEGUN}
Authenticated to jump.example.org ([192.0.2.7]:22) using "publickey".
debug1: Remote connections from 127.0.0.1:2020 forwarded to local address localhost:22
debug1: ssh_init_forwarding: expecting replies for 1 forwards
debug1: Entering interactive session.
debug1: Remote: /home/tunnel/.ssh/authorized_keys:1: key options: command permitopen permitlisten port-forwarding"""
REFUSED = """\
debug1: remote forward failure for: listen 127.0.0.1:2020, connect localhost:22
Error: remote port forwarding failed for listen port 2020"""

FAILURES = [
    (f"{LET_IN}\n{REFUSED}", ForwardRefused, "port 2020 on JumpNode jump.example.org is taken"),
    (f"{LET_IN}\ndebug1: Remote: port forwarding refused\n{REFUSED}", ForwardRefused, "does not allow this key"),
    (
        f"{LET_IN}\ndebug1: Remote: Server has disabled port forwarding.\n{REFUSED}",
        ForwardRefused,
        "does not allow this key to listen on 127.0.0.1:2020",
    ),
    (
        f"{BEGUN}\ntunnel@jump.example.org: Permission denied (publickey).",
        KeyRefused,
        "Permission denied (publickey).",
    ),
    (
        (
            f"{BEGUN}\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
            "Host key for bj-jump has changed and you have requested strict checking.\nHost key verification failed."
        ),
        HostKeyRefused,
        "offered: SHA256:r9Nwh02k6KDJDXM0RJ8+NGRJJrrK69mue0glSkDF46I",
    ),
    (
        (
            f"{BEGUN}\nNo ED25519 host key is known for bj-jump and you have requested strict checking.\n"
            "Host key verification failed."
        ),
        HostKeyRefused,
        "pinned:  SHA256:",
    ),
    (
        (
            "debug1: Connecting to jump.example.org [192.0.2.7] port 22.\n"
            "debug1: connect to address 192.0.2.7 port 22: Connection refused\n"
            "ssh: connect to host jump.example.org port 22: Connection refused"
        ),
        JumpNodeUnreachable,
        "ssh: connect to host jump.example.org port 22: Connection refused",
    ),
    (
        "ssh: Could not resolve hostname jump.example.org: Name or service not known",
        JumpNodeUnreachable,
        "Name or service not known",
    ),
    (
        (
            "debug1: Connection established.\nConnection timed out during banner exchange\n"
            "Connection to 192.0.2.7 port 22 timed out"
        ),
        JumpNodeUnreachable,
        "timed out during banner exchange; Connection to 192.0.2.7 port 22 timed out",
    ),
    ("", JumpNodeUnreachable, "ssh ended without a word"),
    ("/c: line 3: Bad configuration option: frobnicate", BackupjumpError, "Bad configuration option"),
]


@pytest.mark.parametrize(("said", "kind", "words"), FAILURES, ids=[words[:40] for _, _, words in FAILURES])
def test_an_ssh_that_ended_before_its_forward_stood_says_why(
    said: str, kind: type[BackupjumpError], words: str
) -> None:
    error = why_it_fails(said.splitlines(), FORWARD)

    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize(
    ("line", "confirmed"),
    [
        ("debug1: remote forward success for: listen 127.0.0.1:2020, connect localhost:22", True),
        ("debug1: remote forward failure for: listen 127.0.0.1:2020, connect localhost:22", False),
        ("debug1: Remote connections from 127.0.0.1:2020 forwarded to local address localhost:22", False),
        ("debug1: Remote: debug1: remote forward success for: listen 127.0.0.1:2020", False),
    ],
)
def test_only_ssh_itself_confirms_a_forward(line: str, confirmed: bool) -> None:
    assert stands(line) is confirmed


def test_what_the_jump_node_says_can_not_act_on_the_screen() -> None:
    error = why_it_fails(["\x1b[2Jtunnel@jump: Permission denied (publickey)."], FORWARD)

    assert "\x1b" not in str(error)


def test_a_session_that_was_not_granted_is_not_why_a_tunnel_broke() -> None:
    refused = "channel 2: open failed: administratively prohibited: open failed"

    assert "channel" not in str(why_it_broke([refused, "Connection to jump closed by remote host."], FORWARD))


def test_a_tunnel_that_stood_and_ended_is_a_lost_link_that_a_later_try_may_mend() -> None:
    error = why_it_broke(["Timeout, server jump.example.org not responding.", "debug1: Exit status -1"], FORWARD)

    assert (type(error), error.exit_code, error.temporary) == (LinkLost, 75, True)
    assert "Timeout, server jump.example.org not responding." in str(error)
