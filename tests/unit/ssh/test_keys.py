"""What a key file tells without asking ssh, held against what ssh-keygen says."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.process import run
from backupjump.ssh.keys import fingerprint, is_encrypted, key_problem


def make_key(path: Path, *words: str, passphrase: str = "") -> Path:
    run(["ssh-keygen", "-q", "-N", passphrase, "-C", "", "-f", str(path), *words], timeout=60)
    return path


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_fingerprint_is_the_one_that_ssh_keygen_prints(tmp_path: Path, kind: str) -> None:
    key = make_key(tmp_path / "key", "-t", kind)
    listed = run(["ssh-keygen", "-lf", str(key)], timeout=60)

    assert fingerprint(key.with_suffix(".pub").read_text()) == listed.stdout.decode().split()[1]


@pytest.mark.parametrize("line", ["", "ssh-ed25519", "ssh-ed25519 not!base64"])
def test_what_is_not_a_public_key_has_no_fingerprint(line: str) -> None:
    with pytest.raises(ValueError, match="not a public key"):
        fingerprint(line)


@pytest.mark.parametrize("words", [("-t", "ed25519"), ("-t", "rsa"), ("-t", "rsa", "-m", "PEM")])
def test_a_passphrase_is_seen_in_every_format(tmp_path: Path, words: tuple[str, ...]) -> None:
    locked = make_key(tmp_path / "locked", *words, passphrase="secret")
    open_ = make_key(tmp_path / "open", *words)

    assert is_encrypted(locked.read_bytes())
    assert not is_encrypted(open_.read_bytes())
    assert key_problem(open_) is None
    problem = key_problem(locked)
    assert problem is not None
    assert "ssh-keygen -p" in problem


def test_a_file_that_holds_no_private_key_is_named(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", "-t", "ed25519").with_suffix(".pub").rename(tmp_path / "other")
    key.chmod(0o600)

    problem = key_problem(key)

    assert problem is not None
    assert "does not hold a private key" in problem


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", "-t", "ed25519")
    key.chmod(0o644)

    problem = key_problem(key)

    assert problem is not None
    assert f"chmod 600 {key}" in problem


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    problem = key_problem(tmp_path / "nowhere")

    assert problem is not None
    assert "nowhere" in problem
