"""What an sshd says of keys that it is only shown the public half of; the words are OpenSSH 9.2's."""

from __future__ import annotations

import pytest

from backupjump.operations.doctor.knock import read_answer

KEYS = {"/tmp/x/0.pub": "ssh-ed25519 AAAA0", "/tmp/x/1.pub": "ssh-ed25519 AAAA1"}
GREETING = """\
OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026
debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2p1 Debian-2+deb12u10
debug1: Server host key: ssh-ed25519 SHA256:l97KRdRiyGdlmT5RjiSuCPclAgXrqYh/UcDqCWTmLxo
Warning: Permanently added '[127.0.0.1]:29141' (ED25519) to the list of known hosts.
debug1: Authentications that can continue: publickey,password
"""
TAKEN = "debug1: Server accepts key: /tmp/x/1.pub ED25519 SHA256:NI9dulrgLBaPv9U8YSnAXMxlm5Cz3QEFsg2YeQPnd44 explicit\n"
UNSIGNED = """\
@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
Permissions 0644 for '/tmp/x/1.pub' are too open.
It is required that your private key files are NOT accessible by others.
This private key will be ignored.
Load key "/tmp/x/1.pub": bad permissions
"""
DENIED = "me@127.0.0.1: Permission denied (publickey,password).\n"


def test_a_key_that_is_taken_is_told_by_its_public_half() -> None:
    answer = read_answer(f"{GREETING}{TAKEN}{UNSIGNED}{DENIED}", KEYS)

    assert answer.taken == ("ssh-ed25519 AAAA1",)
    assert (answer.version, answer.methods) == ((9, 2), ("publickey", "password"))
    assert answer.host_key == "ssh-ed25519 SHA256:l97KRdRiyGdlmT5RjiSuCPclAgXrqYh/UcDqCWTmLxo"
    assert answer.why == "me@127.0.0.1: Permission denied (publickey,password)."


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("ssh: connect to host localhost port 22: Connection refused\r\n", "Connection refused"),
        ("kex_exchange_identification: Connection closed by remote host\n", "closed by remote host"),
        ("no answer within 15 s", "no answer within 15 s"),
        ("", ""),
    ],
)
def test_where_no_sshd_answers_it_says_why(said: str, why: str) -> None:
    answer = read_answer(said, KEYS)

    assert (answer.software, answer.taken, answer.methods) == ("", (), ())
    assert why in answer.why


def test_a_refused_key_is_not_among_the_taken() -> None:
    assert read_answer(f"{GREETING}{DENIED}", KEYS).taken == ()


def test_what_the_other_side_calls_itself_can_not_act_on_a_screen() -> None:
    said = "debug1: Remote protocol version 2.0, remote software version evil\x1b[2J\u202e\n"

    assert read_answer(said, {}).software == "evil\\x1b[2J\\u202e"
