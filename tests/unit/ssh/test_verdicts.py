"""What OpenSSH 9.2 really printed, names changed, and what it must be taken for."""

from __future__ import annotations

import pytest

from backupjump.errors import (
    BackupjumpError,
    ConfigError,
    DesktopAway,
    ForwardRefused,
    HostKeyRefused,
    JumpNodeUnreachable,
    KeyRefused,
    LinkLost,
    TunnelNotOpen,
)
from backupjump.ssh.keys import fingerprint
from backupjump.ssh.verdicts import Leg, verdict
from unit.ssh.routes import DESKTOP_KEY, JUMP_KEY, route_of

OFFERED = "SHA256:UNhGqhoSuyxMCIgITI/0EJICUR1KWQPkV8Wmn88wUyE"
PROXY_GONE = """\
kex_exchange_identification: Connection closed by remote host
Connection closed by UNKNOWN port 65535
"""
STARTED = f"""\
OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026
debug1: Reading configuration data /var/lib/backupjump/routes/laptop/ssh_config
debug1: SSH2_MSG_KEX_ECDH_REPLY received
debug1: Server host key: ssh-ed25519 {OFFERED}
"""
LOGGED_IN = f"""{STARTED}\
Authenticated to jump.example.org ([192.0.2.7]:22) using "publickey".
debug1: channel_connect_stdio_fwd: 127.0.0.1:2020
debug1: channel 0: new stdio-forward [stdio-forward] (inactive timeout: 0)
debug1: getpeername failed: Bad file descriptor
"""


def changed(alias: str) -> str:
    return f"""\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
{OFFERED}.
Please contact your system administrator.
Add correct host key in /var/lib/backupjump/routes/laptop/known_hosts to get rid of this message.
Offending ED25519 key in /var/lib/backupjump/routes/laptop/known_hosts:1
  remove with:
  ssh-keygen -f "/var/lib/backupjump/routes/laptop/known_hosts" -R "{alias}"
Host key for {alias} has changed and you have requested strict checking.
Host key verification failed.
"""


def unknown(alias: str) -> str:
    return f"""\
No ED25519 host key is known for {alias} and you have requested strict checking.
Host key verification failed.
"""


REVOKED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@       WARNING: REVOKED HOST KEY DETECTED!               @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
The ED25519 host key for bj-laptop is marked as revoked.
This could mean that a stolen key is being used to
impersonate this host.
ED25519 host key for bj-laptop was revoked and you have requested strict checking.
Host key verification failed.
"""
JUMP_REFUSED = "ssh: connect to host jump.example.org port 22: Connection refused\r\n"
JUMP_TIMED_OUT = "ssh: connect to host jump.example.org port 22: Connection timed out\r\n"
NO_NAME = "ssh: Could not resolve hostname jump.example.org: Name or service not known\r\n"
JUMP_DENIED = "bjserver@jump.example.org: Permission denied (publickey).\r\n"
DESKTOP_DENIED = "me@127.0.0.1: Permission denied (publickey).\r\n"
PROHIBITED = "channel 0: open failed: administratively prohibited: open failed\r\nstdio forwarding failed\r\n"
CLOSED = "channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed\r\n"
LOST_AT_END = "channel 0: open failed: connect failed: Connection timed out\r\nstdio forwarding failed\r\n"
BANNER = "Connection timed out during banner exchange\r\nConnection to {} port {} timed out\r\n"
HUNG_UP = "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 192.0.2.7 port 22\r\n"
NO_SESSION = "channel 0: open failed: connect failed: open failed\r\n"
INNER_REFUSED = "ssh: connect to host 127.0.0.1 port 2020: Connection refused\r\n"
INNER_NO_NAME = "ssh: Could not resolve hostname den: Name or service not known\r\n"
INNER_HUNG_UP = (
    "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 127.0.0.1 port 2020\r\n"
)
INNER_GARBAGE = (
    "kex_exchange_identification: No SSH version received in first 1024 lines from server\r\n"
    "banner exchange: Connection to 127.0.0.1 port 2020: invalid format\r\n"
)

CASES = [
    # The ssh -v -W of the control connection, which logs in to the JumpNode alone.
    ("proxyjump", Leg.JUMP, STARTED + changed("bj-jump-node"), HostKeyRefused, "JumpNode node shows another"),
    ("proxyjump", Leg.JUMP, STARTED + unknown("bj-jump-node"), HostKeyRefused, "JumpNode node shows another"),
    ("proxyjump", Leg.JUMP, STARTED + JUMP_DENIED, KeyRefused, "JumpNode node does not accept our key for bjserver"),
    ("proxyjump", Leg.JUMP, JUMP_REFUSED, JumpNodeUnreachable, "port 22: Connection refused"),
    ("proxyjump", Leg.JUMP, JUMP_TIMED_OUT, JumpNodeUnreachable, "Connection timed out"),
    ("proxyjump", Leg.JUMP, NO_NAME, JumpNodeUnreachable, "Could not resolve"),
    ("proxyjump", Leg.JUMP, HUNG_UP, JumpNodeUnreachable, "Connection closed by 192.0.2.7"),
    ("proxyjump", Leg.JUMP, "Connection closed by 192.0.2.7 port 22\r\n", JumpNodeUnreachable, "closed by 192.0.2.7"),
    ("proxyjump", Leg.JUMP, BANNER.format("192.0.2.7", 22), JumpNodeUnreachable, "timed out"),
    ("proxyjump", Leg.JUMP, LOGGED_IN + PROHIBITED, ForwardRefused, "refuses to forward to 127.0.0.1:2020"),
    ("proxyjump", Leg.JUMP, LOGGED_IN + CLOSED, TunnelNotOpen, "port 2020 on JumpNode node"),
    ("proxycommand", Leg.JUMP, LOGGED_IN + LOST_AT_END, TunnelNotOpen, "Connection timed out"),
    # The ssh that rsync runs: two logins in one text.
    ("proxyjump", Leg.WHOLE, changed("bj-jump-node") + PROXY_GONE, HostKeyRefused, "JumpNode node shows another"),
    ("proxyjump", Leg.WHOLE, changed("bj-laptop"), HostKeyRefused, "desktop laptop shows another"),
    ("proxyjump", Leg.WHOLE, unknown("bj-laptop"), HostKeyRefused, "desktop laptop shows another"),
    ("proxycommand", Leg.WHOLE, REVOKED, HostKeyRefused, "desktop laptop shows another"),
    ("proxyjump", Leg.WHOLE, JUMP_DENIED + PROXY_GONE, KeyRefused, "JumpNode node does not accept our key"),
    ("proxyjump", Leg.WHOLE, DESKTOP_DENIED, KeyRefused, "desktop laptop does not accept our key for me"),
    ("proxyjump", Leg.WHOLE, JUMP_REFUSED + PROXY_GONE, JumpNodeUnreachable, "Connection refused"),
    ("proxyjump", Leg.WHOLE, HUNG_UP + PROXY_GONE, JumpNodeUnreachable, "192.0.2.7"),
    ("proxyjump", Leg.WHOLE, CLOSED + PROXY_GONE, TunnelNotOpen, "connect failed: Connection refused"),
    ("proxyjump", Leg.WHOLE, PROHIBITED + PROXY_GONE, ForwardRefused, "administratively prohibited"),
    ("proxyjump", Leg.WHOLE, PROXY_GONE, DesktopAway, "no sshd answers"),
    ("proxyjump", Leg.WHOLE, BANNER.format("UNKNOWN", 65535), TunnelNotOpen, "timed out"),
    ("proxyjump", Leg.WHOLE, "Timeout, server 127.0.0.1 not responding.\r\n", LinkLost, "not responding"),
    ("proxyjump", Leg.WHOLE, "client_loop: send disconnect: Broken pipe\r\n", LinkLost, "Broken pipe"),
    ("proxyjump", Leg.WHOLE, "Connection to 127.0.0.1 closed by remote host.\r\n", LinkLost, "closed by remote host"),
    ("proxyjump", Leg.WHOLE, "Connection closed by 127.0.0.1 port 2020\r\n", LinkLost, "closed by 127.0.0.1"),
    ("local", Leg.WHOLE, INNER_REFUSED, TunnelNotOpen, "port 2020 on this Server"),
    ("local", Leg.WHOLE, INNER_HUNG_UP, DesktopAway, "no sshd answers"),
    ("local", Leg.WHOLE, DESKTOP_DENIED, KeyRefused, "desktop laptop does not accept our key"),
    # Route nested: the JumpNode's own ssh, alone and behind ours.
    ("nested", Leg.BEYOND, changed("[127.0.0.1]:2020"), HostKeyRefused, "the JumpNode refused the host key of desktop"),
    ("nested", Leg.BEYOND, DESKTOP_DENIED, KeyRefused, "does not accept the JumpNode's key"),
    ("nested", Leg.BEYOND, INNER_REFUSED, TunnelNotOpen, "tunnel of desktop laptop is not open"),
    ("nested", Leg.BEYOND, INNER_NO_NAME, ConfigError, "the JumpNode knows no den"),
    ("nested", Leg.BEYOND, INNER_HUNG_UP, DesktopAway, "no sshd answers"),
    ("nested", Leg.BEYOND, INNER_GARBAGE, DesktopAway, "no sshd answers"),
    ("nested", Leg.WHOLE, INNER_REFUSED, TunnelNotOpen, "tunnel of desktop laptop is not open"),
    ("nested", Leg.WHOLE, JUMP_REFUSED, JumpNodeUnreachable, "jump.example.org"),
    ("nested", Leg.WHOLE, NO_NAME, JumpNodeUnreachable, "jump.example.org"),
    ("nested", Leg.WHOLE, INNER_NO_NAME, ConfigError, "the JumpNode knows no den"),
    ("nested", Leg.WHOLE, changed("bj-jump-node"), HostKeyRefused, "JumpNode node shows another"),
    ("nested", Leg.WHOLE, NO_SESSION, ForwardRefused, "runs no command for bjserver"),
    ("proxyjump", Leg.WHOLE, "f: line 1: Bad configuration option: proxyjump\r\n", ConfigError, "proxyjump"),
    ("proxyjump", Leg.WHOLE, "something that no one has seen\n", BackupjumpError, "something that no one has seen"),
    ("proxyjump", Leg.WHOLE, "", BackupjumpError, "without a word"),
]


@pytest.mark.parametrize(("kind", "leg", "stderr", "error", "words"), CASES)
def test_each_text_gets_one_verdict(kind: str, leg: Leg, stderr: str, error: type[BackupjumpError], words: str) -> None:
    found = verdict(stderr, 255, route=route_of(kind), leg=leg)

    assert type(found) is error
    assert words in str(found)
    assert "\\r" not in str(found)
    assert "debug1" not in str(found)


@pytest.mark.parametrize(
    ("stderr", "leg", "pinned"),
    [
        (STARTED + changed("bj-jump-node"), Leg.JUMP, JUMP_KEY),
        (STARTED + unknown("bj-jump-node"), Leg.JUMP, JUMP_KEY),
        (changed("bj-laptop"), Leg.WHOLE, DESKTOP_KEY),
    ],
)
def test_a_wrong_host_key_is_shown_with_the_pinned_one(stderr: str, leg: Leg, pinned: str) -> None:
    found = verdict(stderr, 255, route=route_of("proxyjump"), leg=leg)

    assert f"pinned:  {fingerprint(pinned)}" in str(found)
    assert f"offered: {OFFERED}" in str(found)
    assert "backupjump enroll repin " in found.hint


def test_a_pinned_key_that_the_file_does_not_list_is_not_called_a_wrong_key() -> None:
    stderr = STARTED.replace(OFFERED, fingerprint(JUMP_KEY)) + unknown("bj-jump-node")

    found = verdict(stderr, 255, route=route_of("proxyjump"), leg=Leg.JUMP)

    assert isinstance(found, HostKeyRefused)
    assert "known_hosts does not list it" in str(found)


def test_an_ssh_ended_by_a_signal_is_a_lost_link() -> None:
    found = verdict("", -15, route=route_of("proxyjump"))

    assert type(found) is LinkLost
    assert "signal 15" in str(found)


def test_what_a_machine_says_can_not_act_on_the_screen() -> None:
    found = verdict("ssh: connect to host \x1b[2Jx port 1: \x1b]0;title\x07\n", 255, route=route_of("local"))

    assert "\x1b" not in str(found)
    assert "\x07" not in str(found)


@pytest.mark.parametrize("kind", ["proxyjump", "proxycommand", "local"])
def test_a_closed_tunnel_says_what_to_type_on_the_desktop(kind: str) -> None:
    stderr = INNER_REFUSED if kind == "local" else CLOSED

    assert verdict(stderr, 255, route=route_of(kind)).hint == "on the Desktop: backupjump tunnel open"
