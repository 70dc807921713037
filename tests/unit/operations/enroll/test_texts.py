"""Invitation and reply: typed, bounded, and one text for one value."""

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.errors import UsageError
from backupjump.operations.enroll.armour import INVITATION as INVITED
from backupjump.operations.enroll.armour import REPLY, write_armour
from backupjump.operations.enroll.invitation import invitation_of, read_invitation, write_invitation
from backupjump.operations.enroll.reply import read_reply, reply_of, short_code, write_reply
from backupjump.operations.enroll.strict_json import write_object
from enroll_world import DATA_KEY, INVITATION, public_key, reply_to

BAD_VALUES: list[tuple[str, Any]] = [
    ("schema", 2),
    ("schema", True),
    ("schema", "1"),
    ("kind", "other"),
    ("kind", ["new"]),
    ("id", "0123ABCD"),
    ("id", "0123abcd\n"),
    ("id", 12345678),
    ("desktop", "-oProxyCommand=x"),
    ("desktop", "../x"),
    ("desktop", "x" * 64),
    ("desktop", ""),
    ("route", "nested"),
    ("jump", []),
    ("jump", {"host": "h", "port": 22, "user": "t"}),
    ("jump", {"host": "h h", "port": 22, "user": "t", "host_keys": [DATA_KEY]}),
    ("jump", {"host": "-oX", "port": 22, "user": "t", "host_keys": [DATA_KEY]}),
    ("jump", {"host": "h", "port": 0, "user": "t", "host_keys": [DATA_KEY]}),
    ("jump", {"host": "h", "port": True, "user": "t", "host_keys": [DATA_KEY]}),
    ("jump", {"host": "h", "port": 22, "user": "t$x", "host_keys": [DATA_KEY]}),
    ("jump", {"host": "h", "port": 22, "user": "t", "host_keys": []}),
    ("jump", {"host": "h", "port": 22, "user": "t", "host_keys": [DATA_KEY + "\nssh-rsa"]}),
    ("jump", {"host": "h", "port": 22, "user": "t", "host_keys": [DATA_KEY], "more": 1}),
    ("port", 22),
    ("port", 70000),
    ("port", "2020"),
    ("data_key", DATA_KEY + " comment"),
    ("data_key", DATA_KEY[:-4]),
    ("data_key", 'x" ssh-ed25519 AAAA'),
    ("read", "/home/me"),
    ("read", ["home/me"]),
    ("read", ["/home/../etc"]),
    ("read", ["/home", "/home/me"]),
    ("read", ["/home/${HOME}"]),
    ("read", ['/home/"']),
    ("read", ["/home/\u001b[2J"]),
    ("read", ["/" + "x" * 2000]),
    ("read", [f"/{number}" for number in range(65)]),
    ("expires", "2027-02-30"),
    ("expires", 20271231),
    ("unknown", 1),
]


def changed(content: bytes, key: str, value: Any) -> bytes:
    return write_object({**json.loads(content), key: value})


def test_an_invitation_comes_back_as_it_was() -> None:
    with_expiry = replace(INVITATION, expires=date(2027, 12, 31), read=())

    assert read_invitation(write_invitation(INVITATION)) == INVITATION
    assert read_invitation(write_invitation(with_expiry)) == with_expiry


def test_a_reply_comes_back_as_it_was() -> None:
    assert read_reply(write_reply(reply_to())) == reply_to()


@pytest.mark.parametrize(("key", "value"), BAD_VALUES, ids=repr)
def test_an_invitation_of_a_wrong_value_is_refused(key: str, value: Any) -> None:
    with pytest.raises(UsageError):
        read_invitation(write_armour(INVITED, changed(INVITATION.content, key, value)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 0),
        ("invitation", "x"),
        ("tunnel_key", "ssh-rsa AAAA"),
        ("host_keys", []),
        ("user", "me;id"),
        ("user", "root "),
        ("read", []),
        ("read", ["/home/`id`"]),
        ("hooks", ["a b"]),
        ("hooks", "x"),
        ("versions", {}),
        ("versions", {"gate": "1"}),
        ("unknown", None),
    ],
)
def test_a_reply_of_a_wrong_value_is_refused(key: str, value: Any) -> None:
    with pytest.raises(UsageError):
        read_reply(write_armour(REPLY, changed(reply_to().content, key, value)))


@pytest.mark.parametrize("key", sorted(json.loads(INVITATION.content)))
def test_no_key_of_an_invitation_may_be_missing(key: str) -> None:
    value = json.loads(INVITATION.content)
    del value[key]

    with pytest.raises(ValueError, match=f"{key} is missing"):
        invitation_of(write_object(value))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{" * 5000,
        INVITATION.content + b" ",
        INVITATION.content.replace(b'"schema":1', b'"schema":1.0'),
        INVITATION.content.replace(b'"schema":1', b'"schema":1,"schema":1'),
        b"\xff" + INVITATION.content,
    ],
)
def test_one_value_has_one_text(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"is not written|holds no JSON|is not known"):
        invitation_of(content)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda below: st.lists(below, max_size=3)))
def test_no_value_of_any_type_breaks_the_reader(value: Any) -> None:
    for key in json.loads(INVITATION.content):
        content = changed(INVITATION.content, key, value)
        try:
            assert invitation_of(content).content == content
        except ValueError:
            continue
    for key in json.loads(reply_to().content):
        try:
            reply_of(changed(reply_to().content, key, value))
        except ValueError:
            continue


def test_whoever_changes_either_text_changes_the_short_code() -> None:
    code = short_code(INVITATION, reply_to())
    meddled = replace(INVITATION, data_key=public_key(99))

    assert re.fullmatch(r"(\w{4} ){3}\w{4}", code)
    assert meddled.code != INVITATION.code
    assert short_code(meddled, reply_to()) != code
    assert short_code(INVITATION, reply_to(tunnel_key=public_key(98))) != code
    assert meddled.digest != INVITATION.digest
