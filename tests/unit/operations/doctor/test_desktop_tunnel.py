"""What is said of the way to the JumpNode, from what ssh -v printed; the words are OpenSSH 9.2's."""

from __future__ import annotations

import shlex
from datetime import date
from pathlib import Path

import pytest

from backupjump.errors import BackupjumpError, HostKeyRefused, JumpNodeUnreachable
from backupjump.operations.doctor.desktop_tunnel import (
    is_loopback,
    judge_addresses,
    judge_delay,
    judge_login,
    own_tunnel,
)
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN
from backupjump.operations.doctor.trespass import Forwards, Session, Way
from backupjump.operations.doctor.tunnel_key import TunnelKey, key_options_file
from backupjump.operations.doctor.tunnel_limits import (
    answers_to,
    check_session,
    foreign_ends,
    judge_listening,
    judge_reaching,
    judge_session,
)
from backupjump.ssh.client_config import Hop
from backupjump.ssh.tunnel_verdicts import Forward

REFUSED = "debug1: Remote: port forwarding refused\n"
DISABLED = "debug1: Remote: Server has disabled streamlocal forwarding.\n"
NO = "debug1: remote forward failure for: listen 127.0.0.1:2021, connect 127.0.0.1:9\n"
YES = "debug1: remote forward success for: listen 127.0.0.1:2021, connect 127.0.0.1:9\n"


def key(identity_file: Path = Path("/nowhere/tunnel"), *, file: str = "", expires: date | None = None) -> TunnelKey:
    hop = Hop("bj-jump", "jumpnode.domain.ext", 22, "tunnel", identity_file, ())
    return TunnelKey(Forward(jump=hop, port=2020, to_host="localhost", to_port=22), file, expires)


def test_a_port_that_is_merely_taken_was_granted() -> None:
    assert answers_to(REFUSED + NO + NO + YES + DISABLED + NO) == ("refused", "taken", "granted", "refused")


def test_a_jump_node_that_grants_no_session_is_slow_and_stays_closed_when_it_grants_one(tunnel_key: TunnelKey) -> None:
    refused = judge_delay(False, tunnel_key)

    assert (judge_delay(None, tunnel_key).verdict, judge_delay(True, tunnel_key).verdict) == (SKIP, OK)
    assert (refused.verdict, "up to 40 ms" in refused.evidence) == (WARN, True)
    assert "'  MaxSessions 1' '  ForceCommand /usr/sbin/nologin' '  PermitTTY no'" in refused.fix


@pytest.mark.parametrize(
    ("said", "verdict", "evidence", "fix"),
    [
        ((REFUSED + NO) * 5, OK, "may listen on nothing else", ""),
        ((REFUSED + NO) * 3, SKIP, "2 of 5 questions", ""),
        ((REFUSED + NO) * 2 + YES + (REFUSED + NO) * 2, FAIL, "may listen on *:2020 too", "permitlisten="),
        (NO + (REFUSED + NO) * 4, FAIL, "may listen on 127.0.0.1:2021 too", "permitlisten="),
        ((REFUSED + NO) * 4 + NO, FAIL, "/nonexistent/backupjump-doctor", "AllowStreamLocalForwarding no"),
    ],
)
def test_what_a_thief_may_listen_on_is_named(
    said: str, verdict: str, evidence: str, fix: str, tunnel_key: TunnelKey
) -> None:
    finding = judge_listening(Forwards(logged_in=True, said=said), tunnel_key)

    assert (finding.verdict, bool(finding.fix)) == (verdict, bool(fix))
    assert evidence in finding.evidence
    assert fix in finding.fix


def test_no_end_is_asked_for_that_the_key_should_have() -> None:
    assert not {"127.0.0.1:2020", "localhost:2020"}.intersection(foreign_ends(2020))
    assert "127.0.0.1:65534" in foreign_ends(65535)


def test_ways_from_the_jump_node_are_named(tunnel_key: TunnelKey) -> None:
    closed, sshd = Way("/run/x", granted=False), Way("127.0.0.1:22", granted=True)

    assert judge_reaching(Forwards(logged_in=True, said="", reached=(closed,) * 3), tunnel_key).verdict == OK
    assert judge_reaching(Forwards(logged_in=True, said="", reached=(closed,)), tunnel_key).verdict == SKIP
    finding = judge_reaching(Forwards(logged_in=True, said="", reached=(closed, sshd)), tunnel_key)
    assert (finding.verdict, "may connect to 127.0.0.1:22 from there" in finding.evidence) == (FAIL, True)


@pytest.mark.parametrize(
    ("ran", "terminal", "verdict"), [(True, True, FAIL), (True, False, FAIL), (False, True, FAIL), (False, False, OK)]
)
def test_a_shell_or_a_terminal_there_is_a_fault(
    tunnel_key: TunnelKey, *, ran: bool, terminal: bool, verdict: str
) -> None:
    session = Session(logged_in=True, ran=ran, terminal=terminal, said="")

    assert judge_session(session, tunnel_key).verdict == verdict


def test_where_the_jump_node_has_gone_meanwhile_nothing_is_called_good(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host bj-jump\n  HostName 127.0.0.1\n  Port 1\n  BatchMode yes\n")

    found = check_session(tmp_path / "config", key())

    assert [(each.check, each.verdict) for each in found] == [("tunnel.no-session", SKIP), ("tunnel.no-files", SKIP)]


def test_a_port_for_the_whole_network_is_a_fault_of_the_jump_node_s_sshd() -> None:
    assert judge_addresses([], key()).verdict == OK
    finding = judge_addresses(["192.0.2.7"], key())
    assert (finding.verdict, "GatewayPorts no" in finding.fix) == (FAIL, True)
    assert finding.fix.startswith("on the JumpNode, as root: ")


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (HostKeyRefused("shows another\n  pinned: a"), "backupjump enroll repin"),
        (JumpNodeUnreachable("can't be reached"), "nc -vz jumpnode.domain.ext 22"),
        (BackupjumpError("no matching key exchange"), "ssh -V; nc -vz jumpnode.domain.ext 22"),
    ],
)
def test_why_there_is_no_login_stands_on_one_line(error: BackupjumpError, fix: str) -> None:
    finding = judge_login(error, key())

    assert (finding.verdict, finding.fix) == (FAIL, fix)
    assert "\n" not in finding.evidence


def test_the_narrow_line_of_a_key_that_ends_says_so(tunnel_key: TunnelKey) -> None:
    ending = key(tunnel_key.forward.jump.identity_file, expires=date(2027, 12, 31))

    assert 'command="/usr/sbin/nologin",expiry-time="20271231"' in ending.narrow()
    assert "expiry-time" not in tunnel_key.narrow()
    assert shlex.split(tunnel_key.narrow())[-1] == "~tunnel/.ssh/authorized_keys"


@pytest.mark.parametrize(
    ("said", "file"),
    [
        (
            "debug1: Remote: /home/t/.ssh/authorized_keys:3: key options: port-forwarding",
            "/home/t/.ssh/authorized_keys",
        ),
        ("debug1: Remote: /home/t/$(reboot):3: key options: port-forwarding", ""),
        ("debug1: Remote: /home/t/a;b:3: key options: x", ""),
        ("", ""),
    ],
)
def test_a_file_that_the_jump_node_names_is_used_only_if_it_is_plain(said: str, file: str) -> None:
    assert key_options_file(said) == file


def test_an_address_of_this_machine_is_told_from_a_name() -> None:
    hosts = ("localhost", "127.0.0.1", "127.9.9.9", "::1", "jumpnode.domain.ext", "192.0.2.1")

    assert [is_loopback(host) for host in hosts] == [True] * 4 + [False] * 2


def test_no_tunnel_of_ours_is_found_where_there_is_none() -> None:
    assert own_tunnel(key().forward) is None
