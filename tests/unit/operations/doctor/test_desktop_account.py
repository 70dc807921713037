"""What is said of the account that the Server logs in to."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from backupjump.operations.doctor.desktop_account import (
    check_lines,
    check_login,
    check_modes,
    check_others,
    check_shell,
    why_refused,
)
from backupjump.operations.doctor.desktop_sshd import check_sshd
from backupjump.operations.doctor.door import Account, Door, KeyFile, is_this_machine, key_files
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN
from backupjump.operations.doctor.key_lines import read_lines
from backupjump.operations.doctor.knock import Answer
from backupjump.operations.doctor.sshd_settings import SshdSettings, read_settings

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKuNLFqluA2BL5C/kUU5vwpExeaOsYSI19FeROzUpawc"
OTHER = KEY.replace("KuNL", "KuNM")
GATE = ("/usr/bin/backupjump-gate", "--config", "/home/me/bj.yaml")
LINE = f'restrict,from="127.0.0.1,::1",command="{" ".join(GATE)}" {KEY} backupjump:data:laptop:0a1b2c3d'
TODAY = date(2026, 11, 22)


def door(
    text: str = LINE,
    *,
    path: Path = Path("/nowhere/authorized_keys"),
    shell: str = "/bin/sh",
    settings: str | None = None,
    taken: tuple[str, ...] = (KEY,),
    methods: tuple[str, ...] = ("publickey",),
    software: str = "OpenSSH_9.2p1",
) -> Door:
    return Door(
        host="localhost",
        port=22,
        account=Account("me", os.getuid(), path.parent, shell),
        settings=None if settings is None else read_settings(settings),
        files=(KeyFile(path, read_lines(text.encode())),),
        answer=Answer(software, "ssh-ed25519 SHA256:x", methods, taken, "Permission denied (publickey)."),
    )


def test_a_line_as_enrolment_writes_it_is_good() -> None:
    (finding,) = check_lines(door(), gate_argv=GATE, gated=True, today=TODAY)

    assert (finding.verdict, finding.fix) == (OK, "")


def test_a_line_without_a_forced_command_gets_the_gate_that_is_here() -> None:
    (finding,) = check_lines(door(f"{KEY} backupjump:data:laptop:0a1b2c3d"), gate_argv=GATE, gated=True, today=TODAY)

    assert finding.verdict == FAIL
    assert f'restrict,from="127.0.0.1,::1",command="{" ".join(GATE)}"' in finding.fix


def test_a_line_that_is_over_is_the_server_s_to_renew() -> None:
    ended = LINE.replace("restrict,", 'restrict,expiry-time="20261101",')

    (finding,) = check_lines(door(ended), gate_argv=GATE, gated=True, today=TODAY)

    assert (finding.verdict, finding.fix) == (FAIL, "on the Server: backupjump enroll rotate laptop")


def test_without_a_line_of_the_server_s_no_key_is_held_to_the_gate() -> None:
    (gated,) = check_lines(door(f"{OTHER} person"), gate_argv=GATE, gated=True, today=TODAY)
    (ungated,) = check_lines(door(f"{OTHER} person"), gate_argv=GATE, gated=False, today=TODAY)

    assert (gated.verdict, gated.fix) == (FAIL, "backupjump enroll accept")
    assert (ungated.verdict, ungated.fix) == (WARN, "backupjump enroll accept")


def test_others_who_may_log_in_are_counted_named_and_not_judged() -> None:
    finding = check_others(door(f"{LINE}\n{OTHER} evil\x1b[2J\n{OTHER}\n"))

    assert (finding.verdict, finding.evidence) == (OK, "2 other keys may log in: evil\\x1b[2J, ssh-ed25519 …ROzUpawc")


@pytest.mark.parametrize(
    ("shell", "verdict"), [("/bin/sh", OK), ("/usr/sbin/nologin", FAIL), ("/bin/false", FAIL), ("/not/there", FAIL)]
)
def test_a_shell_that_starts_nothing_starts_no_gate(shell: str, verdict: str) -> None:
    assert check_shell(door(shell=shell)).verdict == verdict


@pytest.mark.parametrize(
    ("mode", "settings", "taken", "verdict"),
    [
        (0o600, None, (), OK),
        (0o620, None, (), FAIL),
        (0o620, "strictmodes yes", (KEY,), OK),
        (0o620, "strictmodes no", (KEY,), WARN),
    ],
)
def test_modes_are_a_fault_where_sshd_holds_them_against_the_key(
    tmp_path: Path, mode: int, settings: str | None, taken: tuple[str, ...], verdict: str
) -> None:
    file = tmp_path / "authorized_keys"
    file.write_text(LINE)
    file.chmod(mode)

    finding = check_modes(door(path=file, settings=settings, taken=taken))

    assert finding.verdict == verdict
    assert finding.fix == (f"chmod go-w {file}" if verdict in (FAIL, WARN) else "")


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (door(), OK),
        (door(taken=()), FAIL),
        (door(f"{OTHER} person", taken=()), SKIP),
        (door(software="", taken=()), SKIP),
        (door(f"{LINE}\n{LINE.replace('KuNL', 'KuNM')}"), FAIL),
    ],
)
def test_sshd_has_to_take_every_key_of_the_server(seen: Door, verdict: str) -> None:
    assert check_login(seen).verdict == verdict


@pytest.mark.parametrize(
    ("settings", "why", "fix"),
    [
        ("allowusers you\nallowusers them", "AllowUsers you them", "AllowUsers me"),
        ("denyusers you me", "DenyUsers names it", "s/\\sme(\\s|$)/"),
        ("allowusers me you", "Permission denied", "journalctl -u ssh"),
        (None, "Permission denied", "journalctl -u ssh"),
    ],
)
def test_why_a_key_is_refused_is_looked_for_in_the_settings_of_sshd(settings: str | None, why: str, fix: str) -> None:
    said, mend = why_refused(door(settings=settings, taken=()))

    assert why in said
    assert fix in mend


@pytest.mark.parametrize(
    ("seen", "check", "verdict"),
    [
        (door(), "sshd.publickey", OK),
        (door(methods=("password",)), "sshd.publickey", FAIL),
        (door(methods=()), "sshd.publickey", SKIP),
        (door(settings="authenticationmethods publickey,password"), "sshd.publickey", FAIL),
        (door(methods=("publickey", "password")), "sshd.password", WARN),
        (door(methods=("publickey", "keyboard-interactive")), "sshd.password", WARN),
        (door(), "sshd.password", OK),
        (door(), "sshd.penalties", OK),
        (door(software="OpenSSH_9.9p1"), "sshd.penalties", SKIP),
        (door(software="OpenSSH_9.9p1", settings="persourcepenalties crash:90 authfail:5"), "sshd.penalties", WARN),
        (door(software="OpenSSH_9.9p1", settings="persourcepenalties no"), "sshd.penalties", OK),
        (door(software="OpenSSH_10.0", settings="persourcepenaltyexemptlist 127.0.0.1,::1"), "sshd.penalties", OK),
        (door(software=""), "sshd.answers", FAIL),
    ],
)
def test_what_an_sshd_lets_strangers_try(seen: Door, check: str, verdict: str) -> None:
    finding = next(each for each in check_sshd(seen) if each.check == check)

    assert (finding.verdict, bool(finding.fix)) == (verdict, verdict in (FAIL, WARN))


def test_the_files_of_keys_are_those_that_sshd_is_told_of() -> None:
    account = Account("me", 1000, Path("/home/me"), "/bin/sh")
    settings = SshdSettings({"authorizedkeysfile": ("/etc/keys/%u %h/.k .ssh/a%%b none",)})

    assert [str(path) for path in key_files(settings, account)] == ["/etc/keys/me", "/home/me/.k", "/home/me/.ssh/a%b"]
    assert [path.name for path in key_files(None, account)] == ["authorized_keys", "authorized_keys2"]


def test_the_tunnel_may_lead_to_another_machine() -> None:
    assert [is_this_machine(host) for host in ("localhost", "127.0.0.1", "::1", "192.0.2.1")] == [True] * 3 + [False]
