"""Which ssh asks for a host key, and what it has written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.ssh.offered_key import algorithms, offered_key_argv, read_offer

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIkPlXvSGjQqwLaWQzK9JPEqrPFzGLkQBjYIuAkPPzgR"


def test_the_key_goes_to_a_file_of_its_own_and_no_login_is_tried() -> None:
    argv = offered_key_argv(Path("/state/ssh_config"), "bj-laptop", Path("/tmp/known"), pinned=[KEY])

    assert argv[:6] == ("ssh", "-v", "-N", "-T", "-F", "/state/ssh_config")
    assert argv[-2:] == ("--", "bj-laptop")
    assert 'UserKnownHostsFile="/tmp/known"' in argv
    assert "PreferredAuthentications=none" in argv
    assert "StrictHostKeyChecking=accept-new" in argv


@pytest.mark.parametrize(
    ("pinned", "first"),
    [
        ([], "ssh-ed25519"),
        ([KEY], "ssh-ed25519"),
        (["ssh-rsa AAAA"], "rsa-sha2-512"),
        (["ecdsa-sha2-nistp384 AAAA", KEY], "ecdsa-sha2-nistp384"),
    ],
)
def test_a_key_of_the_type_that_is_pinned_is_asked_for_first(pinned: list[str], first: str) -> None:
    assert algorithms(pinned)[0] == first
    assert len(algorithms(pinned)) == 6


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"bj-laptop {KEY}\n", KEY),
        (f"bj-jump {KEY}\nbj-laptop {KEY}\n", KEY),
        (f"bj-jump {KEY}\n", None),
        ("bj-laptop ssh-ed25519 AAAA\n", None),
        ("\x1b[2J\n", None),
        ("", None),
    ],
)
def test_only_a_whole_key_of_that_very_machine_counts(tmp_path: Path, text: str, found: str | None) -> None:
    (tmp_path / "known_hosts").write_text(text)

    assert read_offer(tmp_path / "known_hosts", "bj-laptop") == found
    assert read_offer(tmp_path / "none", "bj-laptop") is None
