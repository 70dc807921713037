"""Keys renewed and taken back as people type it, on three machines with accounts of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.enrolling import BUNDLE, Transcript, accepting, block, carry_bundle, finish, invite, prepare
from lab.machines import JUMP_NAME, Machine, Machines, machines

pytestmark = [pytest.mark.lab, pytest.mark.needs_root, pytest.mark.long]

APPLY = f"--apply root@{JUMP_NAME}"
QUESTION = r"\[y/N\] $"


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Three machines with one Desktop enrolled and backed up once."""
    with machines(tmp_path_factory.mktemp("renewal")) as found:
        desktop, _, server = found
        prepare(found)
        desktop.must("mkdir documents && seq 1000 >documents/long", user="me")
        said = Transcript()
        new = f"backupjump enroll new laptop --jump {JUMP_NAME} --store /srv/backups --read /home/me --bundle"
        invitation = invite(said, server, new)
        carry_bundle(said, found)
        with accepting(said, desktop, invitation) as (accept, reply):
            finish(said, server, f"backupjump enroll finish {APPLY}", reply)
            server.must("backupjump store init", user="backup")
            server.must("backupjump -v run laptop", user="backup")
            assert accept.end().code == 0
        yield found


def marks(machine: Machine, file: str) -> list[str]:
    """Return the marks of the managed lines in an authorized_keys."""
    lines = machine.file(file).read_text().splitlines()
    return [line.rsplit(" ", 1)[1] for line in lines if " backupjump:" in line]


def private_keys(server: Machine) -> set[str]:
    """Return the names of the Server's private keys."""
    listed = server.must("ls .config/backupjump/keys", user="backup").split()
    return {name for name in listed if not name.endswith(".pub")}


def back_up(three: Machines) -> None:
    """Open the Desktop's tunnel as its owner does, and back it up."""
    desktop, _, server = three
    with desktop.terminal(f"python3 {BUNDLE} tunnel open", user="me") as tunnel:
        tunnel.expect("The tunnel stands")
        server.must("backupjump -v run laptop", user="backup")


def test_keys_are_renewed_while_nothing_of_the_old_ones_is_missed(three: Machines) -> None:
    desktop, jump, server = three
    before = marks(desktop, "/home/me/.ssh/authorized_keys"), marks(jump, "/home/tunnel/.ssh/authorized_keys")
    said = Transcript()

    invitation = block("INVITATION", server.must("backupjump enroll rotate laptop", user="backup"))
    with accepting(said, desktop, invitation) as (accept, reply):
        screen = finish(said, server, f"backupjump enroll finish {APPLY}", reply)
        assert accept.end(seconds=60).code == 0, accept.text
    back_up(three)

    (data,) = marks(desktop, "/home/me/.ssh/authorized_keys")
    (tunnel,) = marks(jump, "/home/tunnel/.ssh/authorized_keys")
    assert [[data], [tunnel]] != list(before)
    assert data.rsplit(":", 1)[1] == tunnel.rsplit(":", 1)[1]
    assert private_keys(server) == {"jumpnode-jumpnode", f"desktop-laptop-{data.rsplit(':', 1)[1]}"}
    assert "/home/me/.local/share/backupjump/" in desktop.file("/home/me/.ssh/authorized_keys").read_text()
    assert "took out the line backupjump:tunnel:laptop:" in screen
    assert "The renewal is done." in accept.text


def test_the_server_s_key_for_the_jump_node_is_renewed(three: Machines) -> None:
    _, jump, server = three
    (before,) = marks(jump, "/home/bjserver/.ssh/authorized_keys")

    server.must(f"backupjump enroll rotate --jump-node jumpnode --yes {APPLY}", user="backup")
    back_up(three)

    (after,) = marks(jump, "/home/bjserver/.ssh/authorized_keys")
    assert after != before
    assert len([name for name in private_keys(server) if name.startswith("jumpnode-")]) == 1


def test_a_jump_node_that_was_installed_anew_is_pinned_and_set_up_from_what_the_server_knows(three: Machines) -> None:
    desktop, jump, server = three
    before = [(marks(jump, f"/home/{user}/.ssh/authorized_keys")) for user in ("tunnel", "bjserver")]
    jump.stop_sshd()
    jump.must("userdel -r tunnel; userdel -r bjserver; rm /etc/ssh/sshd_config.d/backupjump.conf /etc/ssh/ssh_host_*")
    jump.must("ssh-keygen -A")
    jump.start_sshd()
    right = jump.must("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]

    refused = server.run("backupjump run laptop", user="backup")
    pinned = server.run(f"backupjump enroll repin jumpnode --yes --fingerprint {right}", user="backup")
    jump.must("sh", paste=pinned.out)
    desktop.must(f"python3 {BUNDLE} enroll repin --yes --fingerprint {right}", user="me")
    back_up(three)

    assert "backupjump enroll repin jumpnode" in refused.out
    assert pinned.code == 0
    assert [(marks(jump, f"/home/{user}/.ssh/authorized_keys")) for user in ("tunnel", "bjserver")] == before


def test_a_revoked_laptop_s_tunnel_ends_and_its_key_opens_nothing_any_more(three: Machines) -> None:
    desktop, jump, server = three

    with desktop.terminal(f"python3 {BUNDLE} tunnel open", user="me") as tunnel:
        tunnel.expect("The tunnel stands")
        told = server.run(f"backupjump enroll revoke laptop --yes {APPLY}", user="backup")
        ended = tunnel.end(seconds=30)
    again = desktop.run(f"python3 {BUNDLE} tunnel open", user="me")
    run = server.run("backupjump run laptop", user="backup")
    back = server.run("backupjump restore laptop --to /home/backup/back", user="backup")

    assert "ended the tunnel that stood" in told.out + told.err
    assert (ended.code, again.code, run.code, back.code) == (75, 1, 1, 0)
    assert "does not accept our key" in again.err
    assert "is revoked" in run.out
    assert marks(jump, "/home/tunnel/.ssh/authorized_keys") == []
    assert server.file("/home/backup/back/home/me/documents/long").exists()
