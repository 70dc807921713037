"""A person's own login on the JumpNode: what is taken for one, and what ssh is told."""

from pathlib import Path

import pytest

from backupjump.errors import UsageError
from backupjump.operations.enroll.apply import Target, apply_argv, is_no_root, read_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("root@jumpnode.domain.ext", Target(user="root", host="jumpnode.domain.ext", port=None)),
        ("me@203.0.113.1:2222", Target(user="me", host="203.0.113.1", port=2222)),
        ("me@[2001:db8::1]:22", Target(user="me", host="2001:db8::1", port=22)),
    ],
)
def test_a_login_is_read(text: str, target: Target) -> None:
    assert read_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "jumpnode",
        "-oProxyCommand=id@x",
        "me@-oX",
        "me@h:0",
        "me@h:99999",
        "a b@h",
        "me@h;id",
        "me@$(id)",
        "me@%h",
        "@h",
        "me@",
    ],
)
def test_what_ssh_could_take_for_something_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_target(text)


def test_the_pinned_key_holds_whatever_the_person_s_config_says() -> None:
    argv = apply_argv(Target(user="me", host="h", port=2222), Path("/tmp/x/known_hosts"), ssh_version=(9, 2))

    assert "-F" not in argv
    assert {"StrictHostKeyChecking=yes", "BatchMode=yes", "ControlPath=none", "HostKeyAlias=bj-apply"} < set(argv)
    assert argv[-9:] == ["-p", "2222", "-l", "me", "--", "h", "sudo", "-n", "sh", "-s"][-9:]
    assert apply_argv(Target(user="root", host="h", port=None), Path("/k"), ssh_version=(9, 2))[-4:] == [
        "--",
        "h",
        "sh",
        "-s",
    ]


@pytest.mark.parametrize(
    ("stdout", "stderr", "is_so"),
    [
        (b"", b"bash: line 1: sudo: command not found\n", True),
        (b"", b"sh: 1: sudo: not found\n", True),
        (b"", b"sudo: a password is required\n", True),
        (b"", b"stopped: there is no sshd here; install openssh-server\n", False),
        (b"account tunnel: made\n", b"sudo: unable to resolve host jump\nstopped: there is no sshd here\n", False),
    ],
)
def test_an_admin_without_root_is_told_from_a_script_that_stopped(stdout: bytes, stderr: bytes, *, is_so: bool) -> None:
    assert is_no_root(stdout, stderr) is is_so


def test_nobody_else_vouches_for_a_host_key_of_the_jump_node() -> None:
    target, known_hosts = Target(user="me", host="h", port=None), Path("/k")

    assert {"VerifyHostKeyDNS=no", "KnownHostsCommand=none"} < set(apply_argv(target, known_hosts, ssh_version=(9, 2)))
    assert "KnownHostsCommand=none" not in apply_argv(target, known_hosts, ssh_version=(8, 4))
