"""What enrolment does not take, and that nothing is changed then."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from backupjump.demo.lab import Lab
from backupjump.operations.enroll.invitation import read_invitation, write_invitation
from backupjump.operations.enroll.reply import read_reply, write_reply
from backupjump.ssh.keys import fingerprint
from enroll_world import public_key
from lab.enrolled import Enrolment, enrolment, good

pytestmark = pytest.mark.lab

OTHER = public_key(200)


@pytest.fixture
def world(lab: Lab) -> Enrolment:
    return enrolment(lab)


def test_a_new_jump_node_s_key_is_never_trusted_unseen(world: Enrolment) -> None:
    lab = world.lab
    before = world.state()
    plain = ("enroll", "new", "laptop", "--jump", f"127.0.0.1:{lab.jump.port}", "--user", lab.user)
    right = fingerprint(lab.jump.host_key_public)

    unasked = world.on(world.server, *plain)
    unnamed = world.on(world.server, *plain, "--yes")
    wrong = world.on(world.server, *plain, "--yes", "--jump-host-key", fingerprint(OTHER))
    nobody = world.on(world.server, "enroll", "new", "laptop", "--jump", "127.0.0.1:1", "--yes")
    after = world.state()
    named = world.on(world.server, *plain, "--yes", "--jump-host-key", right)

    assert [said.code for said in (unasked, unnamed, wrong, nobody, named)] == [2, 2, 1, 75, 0]
    assert f"--yes --jump-host-key {right}, once what is shown is right" in unasked.err
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in unasked.err
    assert right in wrong.err
    assert after == before
    assert lab.jump.host_key_public in (world.server / "jump_nodes/jumpnode.yaml").read_text()


def test_the_desktop_says_what_is_missing_before_anything_is_changed(world: Enrolment) -> None:
    invitation = good(world.new()).out
    before = world.state()

    no_sshd = world.accept(invitation, "--to", "localhost:1")
    not_here = world.accept(invitation, "--to", "192.0.2.1:22")
    no_folder = world.accept(invitation, "--read", str(world.lab.home / "not there"))
    relative = world.accept(invitation, "--read", "notes")
    unasked = world.on(
        world.desktop, "enroll", "accept", "--to", f"127.0.0.1:{world.lab.desktop.port}", paste=invitation
    )

    assert [said.code for said in (no_sshd, not_here, no_folder, relative, unasked)] == [1, 2, 2, 2, 2]
    assert "sudo apt-get install -y openssh-server" in no_sshd.err
    assert "must be this machine itself" in not_here.err
    assert "--read notes must be an absolute path" in relative.err
    assert "--yes" in unasked.err
    assert world.state() == before


def test_an_invitation_that_was_changed_on_the_way_never_ends_in_an_enrolment(world: Enrolment) -> None:
    invitation = good(world.new()).out
    meddled = write_invitation(replace(read_invitation(invitation), data_key=OTHER))

    reply = good(world.accept(meddled)).out
    refused = world.finish(reply, "--no-wait")

    assert refused.code == 2
    assert "changed it on the way" in refused.err
    assert not (world.server / "desktops").exists()


def test_a_key_that_sshd_does_not_take_ends_without_a_reply_and_says_why(world: Enrolment) -> None:
    invitation = good(world.new()).out
    elsewhere = world.lab.folder / "elsewhere/authorized_keys"

    refused = world.accept(invitation, "--authorized-keys", str(elsewhere))

    assert (refused.code, refused.out) == (1, "")
    assert "does not take the Server's key yet" in refused.err
    assert "sudo sshd -T" in refused.err


def test_a_config_and_a_key_line_that_say_something_else_are_left_alone(world: Enrolment) -> None:
    invitation = good(world.new()).out
    config = world.desktop / "backupjump.yaml"
    good(world.accept(invitation))
    other_port = good(world.new("--read", "/srv", name="other", port=world.lab.tunnel_port + 1)).out
    data_key = read_invitation(other_port).data_key
    before = config.read_text()

    other = world.accept(other_port)
    more = world.accept(invitation, "--read", "/etc")
    config.write_text(f"state_dir: {world.desktop}/state\n")
    world.desktop_keys.write_text(f"{data_key} a shell for the Server\n")
    free = world.accept(other_port, "--read", str(world.lab.home))

    assert [said.code for said in (other, more, free)] == [2, 2, 1]
    assert f"is there, for port {world.lab.tunnel_port}" in other.err
    assert "gate.read" in more.err
    assert "line 1 of" in free.err
    assert "tunnel:" in before
    assert "tunnel:" not in config.read_text()


def test_another_machine_behind_the_port_is_refused_when_the_way_is_proven(world: Enrolment) -> None:
    reply = world.enrolled()
    world.lab.desktop.renew_host_key()

    with world.tunnel():
        said = world.finish(reply, "--lines-only")

    assert said.code == 1
    assert "host key" in said.err


def test_whatever_the_umask_no_folder_that_an_enrolment_makes_is_others_to_write(world: Enrolment) -> None:
    deep = world.lab.folder / "not-there/yet"
    config = str(deep / "backupjump.yaml")
    invitation = good(world.new()).out
    before = os.umask(0)
    try:
        good(world.accept(invitation, "--user-config", config))
    finally:
        os.umask(before)

    made = [deep.parent, deep, deep / "keys", *deep.iterdir()]
    assert [path for path in made if path.stat().st_mode & 0o022] == []


def test_another_store_for_a_server_that_has_one_is_refused(world: Enrolment) -> None:
    refused = world.new("--store", "/somewhere/else")

    assert refused.code == 2
    assert f"the store is {world.lab.store} already" in refused.err


def test_a_reply_that_is_none_of_ours_is_refused(world: Enrolment) -> None:
    reply = world.enrolled()
    stranger = write_reply(replace(read_reply(reply), id="ffffffff"))
    other_key = write_reply(replace(read_reply(reply), tunnel_key=OTHER))
    before = world.state()

    said = [world.finish(text, "--no-wait") for text in (stranger, other_key, reply[:-60], "")]

    assert [each.code for each in said] == [2, 2, 2, 2]
    assert "has not begun" in said[0].err
    assert "other keys" in said[1].err
    assert world.state() == before
