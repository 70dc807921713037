from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.checks import read_folder, read_host, read_host_key, read_key_path, read_name, read_source

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC6nKxdBbBkciNDmxPAzcycEubVMoeLr9crLEIExcBsw"


@pytest.mark.parametrize("host", ["jumpnode", "a.b-c.example", "10.0.0.1", "::1", "fe80::1", "2001:db8::7"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert read_host(host) == host


@given(st.text(max_size=30))
def test_what_passes_as_a_host_holds_nothing_that_ssh_could_act_on(text: str) -> None:
    try:
        host = read_host(text)
    except ValueError:
        return

    assert host.isascii()
    assert set(host).isdisjoint("%$`\"'\\;|&<>(){}[]@/ \n\t~#=")
    assert not host.startswith("-")


@pytest.mark.parametrize(
    "host", ["fe80::1%eth0", "fe80::1%$(id)", "[::1]", "a..%h", "jumpnode ", "jumpnode\n", "a" * 254, ""]
)
def test_an_address_with_a_zone_or_a_stray_character_is_refused(host: str) -> None:
    with pytest.raises(ValueError):
        read_host(host)


@given(st.text(max_size=80))
def test_what_passes_as_a_name_is_a_plain_word(text: str) -> None:
    try:
        name = read_name(text)
    except ValueError:
        return

    assert name.replace(".", "a").replace("_", "a").replace("-", "a").isalnum()
    assert name.isascii()
    assert name[0].isalnum()


@pytest.mark.parametrize("text", [KEY, f"  {KEY}\n", f"{KEY} root@desktop"])
def test_a_host_key_is_kept_without_its_comment(text: str) -> None:
    assert read_host_key(text) == KEY


@pytest.mark.parametrize(
    "text",
    [
        KEY[:-4],
        KEY[:-1] + "=",
        KEY + "AAAA",
        KEY.replace("ssh-ed25519", "ssh-rsa"),
        KEY.replace("ssh-ed25519", "ssh-dss"),
        "ssh-ed25519 " + "A" * 68,
        KEY.partition(" ")[2],
        f"[jumpnode]:22 {KEY}",
        f"{KEY}\n{KEY}",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        5,
        None,
    ],
)
def test_a_host_key_that_ssh_would_pass_over_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        read_host_key(text)


def test_a_tilde_stands_for_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")

    assert read_key_path("~/.ssh/keys/a b") == Path("/home/ann/.ssh/keys/a b")


@pytest.mark.parametrize("path", ["~nobody-has-this-name/key", "key", "", "/a\0b", "/a\nb", 5, None, []])
def test_a_path_that_leads_nowhere_is_refused(path: object) -> None:
    with pytest.raises(ValueError):
        read_folder(path)


@pytest.mark.parametrize("path", ['/a"b', "/a$b", "/a\\b"])
def test_a_key_path_that_ssh_config_can_not_quote_is_refused(path: str) -> None:
    with pytest.raises(ValueError):
        read_key_path(path)


@pytest.mark.parametrize(
    ("written", "kept"),
    [("/home/me/", "/home/me"), ("/", "/"), ("/a//b/./c", "/a/b/c"), ("/a b$(touch X)", "/a b$(touch X)")],
)
def test_a_source_is_an_absolute_path(written: str, kept: str) -> None:
    assert read_source(written) == kept
