"""What repin changes in a file, what it asks, and when it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.errors import BackupjumpError, HostKeyRefused, UsageError
from backupjump.operations.enroll.repin import Consent, Pin, compare_line, question_lines, repin
from backupjump.ssh.keys import fingerprint

OLD = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIkPlXvSGjQqwLaWQzK9JPEqrPFzGLkQBjYIuAkPPzgR"
NEW = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBkVO8b0PDnvGgcvmQGlpZFkQEcDGFzIB2bdLMUOlTWa"
SPARE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINzM1Ou5a9w4j5y0m2QBSPBcgcbVOYAI1eEPjGFmXDAR"
YES = Consent(yes=True, fingerprint=fingerprint(NEW))

ONE = f"# mine\nport: 2020\nhost_key: {OLD} # the laptop's\nuser: me\n"
TWO = f"host_key:\n  - {OLD}\n  - {SPARE}\nuser: me\n"


def pinned(tmp_path: Path, text: str, *keys: str) -> Pin:
    path = tmp_path / "laptop.yaml"
    path.write_text(text)
    written: str | list[str] = list(keys) if len(keys) > 1 else keys[0]
    return Pin("desktop laptop", path, ("host_key",), written, keys)


def test_only_the_pinned_key_changes_in_the_file(tmp_path: Path) -> None:
    pin = pinned(tmp_path, ONE, OLD)

    lines = repin(pin, NEW, YES)

    assert pin.path.read_text() == ONE.replace(OLD, NEW)
    assert lines == (f"desktop laptop is pinned to {fingerprint(NEW)} now, in {pin.path}",)


def test_a_spare_key_stays_behind_the_new_one(tmp_path: Path) -> None:
    pin = pinned(tmp_path, TWO, OLD, SPARE)

    repin(pin, NEW, YES)

    assert pin.path.read_text() == f"host_key: [{NEW}, {SPARE}]\nuser: me\n"


@pytest.mark.parametrize("offered", [OLD, SPARE])
def test_a_key_that_is_pinned_already_changes_nothing_and_asks_nobody(tmp_path: Path, offered: str) -> None:
    pin = pinned(tmp_path, TWO, OLD, SPARE)

    (line,) = repin(pin, offered, Consent())

    assert line == f"desktop laptop shows its pinned host key {fingerprint(offered)}: nothing to change"
    assert pin.path.read_text() == TWO


def test_another_key_than_was_said_is_refused(tmp_path: Path) -> None:
    pin = pinned(tmp_path, ONE, OLD)

    with pytest.raises(HostKeyRefused, match="nothing was changed") as refused:
        repin(pin, NEW, Consent(yes=True, fingerprint=fingerprint(SPARE)))

    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in refused.value.hint
    assert pin.path.read_text() == ONE


def test_yes_alone_would_trust_any_stranger_so_it_needs_a_fingerprint() -> None:
    with pytest.raises(UsageError, match="--yes needs the fingerprint"):
        Consent(yes=True).check()
    assert Consent().check()
    assert YES.check()


def test_where_nobody_can_be_asked_nothing_is_changed(tmp_path: Path) -> None:
    pin = pinned(tmp_path, ONE, OLD)

    with pytest.raises(BackupjumpError, match="no terminal"):
        repin(pin, NEW, Consent(fingerprint=fingerprint(NEW)))

    assert pin.path.read_text() == ONE


def test_both_fingerprints_are_shown_with_the_line_to_compare(tmp_path: Path) -> None:
    shown = "\n".join(question_lines(pinned(tmp_path, ONE, OLD), NEW))

    assert fingerprint(OLD) in shown
    assert fingerprint(NEW) in shown
    assert compare_line(NEW) in shown


@pytest.mark.parametrize(
    ("kind", "file"), [("ssh-ed25519", "ed25519"), ("ssh-rsa", "rsa"), ("ecdsa-sha2-nistp256", "ecdsa")]
)
def test_the_line_to_compare_names_the_file_of_that_type(kind: str, file: str) -> None:
    assert compare_line(f"{kind} AAAA") == f"ssh-keygen -lf /etc/ssh/ssh_host_{file}_key.pub"
