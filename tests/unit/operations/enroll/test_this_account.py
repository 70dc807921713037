"""What of an account keeps its sshd from a key, and the rule by which a pull keeps the Desktop awake."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from backupjump.errors import UsageError
from backupjump.operations.enroll.polkit import NAME, awake_rule, rule_text, write_rule
from backupjump.operations.enroll.prove_line import why_refused
from backupjump.operations.enroll.this_desktop import ThisDesktop, look_at_this_desktop
from enroll_world import HOST_KEY


def here(home: Path) -> ThisDesktop:
    return ThisDesktop(getpass.getuser(), home, "localhost:22", HOST_KEY, {})


@pytest.mark.parametrize("loose", ["home", "home/.ssh", "home/.ssh/authorized_keys"])
def test_what_others_may_write_is_named_with_its_chmod(tmp_path: Path, loose: str) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    keys = home / ".ssh/authorized_keys"
    keys.touch(mode=0o600)
    (tmp_path / loose).chmod(0o770)

    why, hint = why_refused(here(home), keys)

    assert str(tmp_path / loose) in why
    assert hint.startswith(f"chmod go-w {tmp_path / loose};")


def test_a_folder_above_the_home_is_never_to_be_changed(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)

    _, hint = why_refused(here(home), home / "authorized_keys")
    _, elsewhere = why_refused(here(home), tmp_path / "keys/authorized_keys")

    assert "chmod" not in hint + elsewhere
    assert hint.startswith("sudo sshd -T")


@pytest.mark.parametrize("to", ["192.0.2.1:22", "example.org:22", "localhost", "localhost:0", "localhost:99999", ""])
def test_a_tunnel_leads_to_this_machine_alone(to: str) -> None:
    with pytest.raises(UsageError, match="must be this machine itself"):
        look_at_this_desktop(to, rsync=None)


def test_the_rule_is_for_one_account_and_one_action_and_is_told_once(tmp_path: Path) -> None:
    inhibitor = tmp_path / "systemd-inhibit"
    inhibitor.touch()
    rules = tmp_path / "polkit-1/rules.d"
    rules.parent.mkdir()
    place = {"rules": rules, "inhibitor": inhibitor}

    rule = awake_rule("me", tmp_path / "config", **place)
    assert rule is not None
    write_rule(rule)

    assert rule.path.read_text() == rule_text("me")
    assert 'subject.user == "me"' in rule.text
    assert rule.to_type == f"sudo install -m 644 '{tmp_path}/config/{NAME}' {rules}/{NAME}"
    assert awake_rule("me", tmp_path / "config", **place) is None
    assert awake_rule("root", tmp_path / "other", **place) is None
    assert awake_rule("me", tmp_path / "other", rules=rules, inhibitor=tmp_path / "none") is None
    with pytest.raises(ValueError, match="may hold"):
        rule_text('me" || true')
