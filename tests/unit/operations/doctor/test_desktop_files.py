"""What is said of the Desktop's files, its Python, its other keys, and what keeps it awake."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest

from backupjump.demo.sshd import make_key
from backupjump.gate.power import Power
from backupjump.operations.bundle import write_bundle
from backupjump.operations.doctor.desktop_awake import check_awake, check_expiry, judge_power, judge_rule
from backupjump.operations.doctor.desktop_config import check_files, check_key, check_mode, judge_mode, read_config
from backupjump.operations.doctor.desktop_python import check_bundle, check_python
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN
from backupjump.operations.doctor.other_keys import check_other_keys
from backupjump.operations.enroll.polkit import NAME, rule_text

TODAY = date(2026, 11, 22)


def test_every_mistake_of_a_config_is_told_on_one_line(tmp_path: Path) -> None:
    file = tmp_path / "bj.yaml"
    file.write_text("gate:\n  read: []\n  hook: {}\n")

    config, finding = read_config(file)

    assert (config, finding.verdict) == (None, FAIL)
    assert finding.evidence.count(f"{file}:") == 2
    assert "\n" not in finding.evidence
    assert finding.fix == f"${{EDITOR:-vi}} +2 {file}"


@pytest.mark.parametrize(("name", "mode"), [("bj.yaml", 0o664), (".", 0o777)])
def test_a_config_that_others_may_write_is_mended_by_what_is_printed(tmp_path: Path, name: str, mode: int) -> None:
    file = tmp_path / "bj.yaml"
    file.write_text("")
    (tmp_path / name).chmod(mode)

    finding = check_mode(file)
    subprocess.run(["sh", "-c", finding.fix], check=True)

    assert finding.verdict == FAIL
    assert check_mode(file).verdict == OK


@pytest.mark.parametrize(
    ("owner", "mode", "uid", "fix"),
    [
        (1000, 0o644, 1000, None),
        (0, 0o644, 1000, None),
        (1001, 0o600, 1000, "sudo chown 1000 /etc/bj.yaml"),
        (1001, 0o600, 0, "sudo -u '#1001' backupjump doctor"),
        (0, 0o664, 1000, "sudo chmod go-w /etc/bj.yaml"),
        (0, 0o664, 0, "chmod go-w /etc/bj.yaml"),
    ],
)
def test_the_owner_of_a_config_decides_what_is_to_be_typed(owner: int, mode: int, uid: int, fix: str | None) -> None:
    found = judge_mode(Path("/etc/bj.yaml"), owner=owner, mode=mode, uid=uid)

    assert (found and found[1]) == fix


def test_a_key_is_mended_by_what_is_printed(tmp_path: Path) -> None:
    key = tmp_path / "its keys/tunnel"

    missing = check_key(key)
    subprocess.run(["sh", "-c", missing.fix], check=True, capture_output=True)
    assert (missing.verdict, check_key(key).verdict) == (FAIL, OK)
    key.chmod(0o640)
    open_to_others = check_key(key)
    subprocess.run(["sh", "-c", open_to_others.fix], check=True)

    assert (open_to_others.verdict, check_key(key).verdict) == (FAIL, OK)


def test_a_state_folder_that_can_not_be_made_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    file = tmp_path / "bj.yaml"
    (tmp_path / "blocked").touch()
    file.write_text(f"gate: {{read: [/home/me]}}\nstate_dir: {tmp_path}/blocked/state\n")
    config, _finding = read_config(file)
    assert config is not None

    found = {each.check: each for each in check_files(config)}

    assert found["config.state"].verdict == FAIL
    assert "install -d -m 700 -o" in found["config.state"].fix


def test_a_python_below_the_floor_is_named() -> None:
    assert check_python().verdict == OK
    assert check_python((3, 8, 19)).verdict == FAIL


def test_a_one_file_program_is_made_ready_by_what_is_printed(tmp_path: Path) -> None:
    bundle = tmp_path / "backupjump desktop.pyz"
    write_bundle(bundle)
    argv = (sys.executable, "-I", str(bundle), "gate", "--config", "/home/me/bj.yaml")

    (before,) = check_bundle(argv)
    subprocess.run(["sh", "-c", before.fix], check=True)
    (after,) = check_bundle(argv)

    assert (before.verdict, after.verdict) == (WARN, OK)
    assert zipfile.is_zipfile(bundle)


def test_a_one_file_program_that_another_python_starts_is_not_called_ready(tmp_path: Path) -> None:
    bundle = tmp_path / "backupjump-desktop.pyz"
    write_bundle(bundle)

    (finding,) = check_bundle(("/usr/bin/env", "-I", str(bundle), "gate"))

    assert finding.verdict == SKIP


def test_a_one_file_program_that_is_gone_is_a_fault_and_an_installation_has_none(tmp_path: Path) -> None:
    (gone,) = check_bundle((sys.executable, "-I", str(tmp_path / "x.pyz"), "gate"))

    assert gone.verdict == FAIL
    assert list(check_bundle(("/usr/bin/backupjump-gate", "--config", "x"))) == []


def test_other_private_keys_are_named_and_ours_is_not(tmp_path: Path) -> None:
    ours = make_key(tmp_path / "tunnel", comment="tunnel")
    (tmp_path / "keys").mkdir()
    make_key(tmp_path / "keys/id_ed25519", comment="person")
    (tmp_path / "old").write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    (tmp_path / "config").write_text("Host *\n")

    finding = check_other_keys(tmp_path, ours=[ours])

    assert finding.verdict == WARN
    assert finding.evidence.startswith(f"{tmp_path}/old, {tmp_path}/keys/id_ed25519: whoever steals this Desktop")
    assert finding.fix == f"ssh-keygen -p -f {tmp_path}/old"
    assert check_other_keys(tmp_path / "nothing", ours=[]).verdict == OK


def test_without_systemd_nothing_is_asked(tmp_path: Path) -> None:
    (finding,) = check_awake("me", inhibitor=tmp_path / "inhibit", booted=tmp_path, rules=tmp_path)

    assert finding.verdict == SKIP


@pytest.mark.parametrize(("user", "there", "verdict"), [("root", False, OK), ("me", True, OK), ("me", False, WARN)])
def test_the_rule_of_polkit_is_looked_for(tmp_path: Path, user: str, verdict: str, *, there: bool) -> None:
    (tmp_path / "inhibit").touch()
    if there:
        (tmp_path / NAME).touch()

    (finding,) = check_awake(user, inhibitor=tmp_path / "inhibit", booted=tmp_path, rules=tmp_path)

    assert finding.verdict == verdict


def test_the_rule_is_written_by_what_is_printed(tmp_path: Path) -> None:
    finding = judge_rule("me", there=False, rules=tmp_path)

    subprocess.run(["sh", "-c", finding.fix.replace("| sudo ", "| ")], check=True)

    assert (tmp_path / NAME).read_text() == rule_text("me")
    assert judge_rule("me", there=None, rules=tmp_path).verdict == SKIP


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (Power(on_battery=False, percent=None), "plugged in"),
        (Power(on_battery=True, percent=43), "on battery, battery at 43 %"),
    ],
)
def test_power_is_told_and_never_a_fault(power: Power, words: str) -> None:
    finding = judge_power(power)

    assert (finding.verdict, finding.evidence) == (OK, words)


@pytest.mark.parametrize(
    ("expires", "verdict", "words"),
    [
        (None, OK, "never end"),
        (date(2027, 12, 31), OK, "end on 2027-12-31"),
        (date(2026, 12, 31), WARN, "in 39 days"),
        (date(2026, 11, 22), WARN, "ended on 2026-11-22"),
    ],
)
def test_keys_that_end_are_told_of_sixty_days_before(expires: date | None, verdict: str, words: str) -> None:
    finding = check_expiry(expires, desktop="laptop", today=TODAY)

    assert (finding.verdict, bool(finding.fix)) == (verdict, verdict == WARN)
    assert words in finding.evidence
