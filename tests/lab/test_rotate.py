"""New keys for an enrolled Desktop on real sshds: broken off after any step, a backup still works."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from backupjump.config.desktop import load_desktop
from backupjump.config.edit import set_values
from backupjump.config.state import state_dir
from backupjump.demo.lab import Lab
from backupjump.demo.sshd import public_key, write_private
from backupjump.errors import ForwardRefused
from backupjump.gate.enrolment import note_enrolment
from backupjump.operations.doctor.desktop_tunnel import own_tunnel
from backupjump.operations.enroll.authorized_keys import TUNNEL, Mark, marks_in, tunnel_line
from backupjump.operations.enroll.invitation import Invitation
from backupjump.operations.enroll.pending import pending_of
from backupjump.operations.enroll.reply import Reply
from backupjump.operations.enroll.rotate import RotateWishes, propose_rotation
from backupjump.operations.enroll.rotate_accept import reply_to, rotation_steps
from backupjump.operations.enroll.rotate_finish import Renewal, renewal_steps
from backupjump.operations.enroll.rotate_plan import RotatePlan, plan_rotation
from backupjump.operations.site import open_site
from backupjump.operations.tunnel import forwards_of, open_tunnel
from backupjump.run import utc_now
from backupjump.ssh.tunnel_verdicts import is_port_taken
from lab.renewal_world import NAME, RenewalWorld, enrolled, quiet
from program import backupjump, until

pytestmark = pytest.mark.lab


@pytest.fixture
def world(lab: Lab, capsys: pytest.CaptureFixture[str]) -> RenewalWorld:
    return enrolled(lab, capsys)


def invite(world: RenewalWorld) -> Invitation:
    return propose_rotation(RotateWishes(name=NAME, today=utc_now().date(), config=world.server), say=quiet)


def plan_of(world: RenewalWorld, invitation: Invitation) -> RotatePlan:
    return plan_rotation(invitation, world.desktop, authorized_keys=world.keys_file)


def on_server(world: RenewalWorld, reply: Reply) -> Iterator[str]:
    """Return the Server's steps; each script for the JumpNode is pasted there at once."""
    site = open_site(world.server)
    renewal = Renewal(site=site, pending=pending_of(site.state, reply), reply=reply, yes=True, seconds=20)
    for step in renewal_steps(renewal, say=quiet):
        world.paste_at_jump_node()
        yield step


def renew(world: RenewalWorld, invitation: Invitation) -> Iterator[str]:
    """Do a renewal as two people would, step by step on both machines; the tunnel of the Desktop ends with it."""
    yield "Server: invited"
    plan = plan_of(world, invitation)
    server = on_server(world, reply_to(plan))
    desktop = rotation_steps(plan, say=quiet, every=0.5, seconds=30)
    yield "Desktop: replied"
    yield f"Server: {next(server)}"
    try:
        for _ in range(3):
            yield f"Desktop: {next(desktop)}"
        for step in server:
            yield f"Server: {step}"
        for step in desktop:
            yield f"Desktop: {step}"
    finally:
        desktop.close()


STEPS = [
    "Server: invited",
    "Desktop: replied",
    "Server: tunnel key let in",
    "Desktop: tunnel key proven",
    "Desktop: switched",
    "Desktop: data key let in",
    "Server: proven",
    "Server: switched",
    "Server: told",
    "Server: old tunnel key out",
    "Server: done",
    "Desktop: seen",
    "Desktop: done",
]


@pytest.mark.parametrize(
    "breaks",
    [
        ("Desktop: switched", "Server: switched"),
        pytest.param(tuple(STEPS), marks=pytest.mark.long),
    ],
    ids=["the riskiest", "each"],
)
def test_broken_off_after_any_step_a_backup_works_and_at_the_end_nothing_is_left_of_the_old_keys(
    world: RenewalWorld, breaks: tuple[str, ...]
) -> None:
    before, tunnel_before = world.laptop, load_desktop(world.desktop).tunnel.jump_nodes[0].identity_file
    invitation = invite(world)

    for last in breaks:
        renewal = renew(world, invitation)
        until_broken_off = list(itertools.takewhile(lambda step, last=last: step != last, renewal))
        renewal.close()
        pulled = world.pull()
        assert pulled.json["status"] == "ok", f"after {last!r}: {pulled.err}"
        assert until_broken_off == STEPS[: STEPS.index(last)]
    with world.open_tunnel():  # as an agent does, which goes on meanwhile: the port is taken
        assert list(renew(world, invitation)) == STEPS

    after, tunnel = world.laptop, load_desktop(world.desktop, check_keys=True).tunnel.jump_nodes[0].identity_file
    data = [mark.id for mark in marks_in(world.keys_file.read_bytes())]
    tunnels = [mark.id for mark in marks_in(world.lab.jump.authorized_keys.read_bytes()) if mark.kind == "tunnel"]
    assert data == tunnels == [invitation.id]
    assert world.keys_of("desktop") == {f"desktop-{NAME}-{invitation.id}"}
    assert tunnel.name == f"tunnel-{invitation.id}"
    assert not tunnel_before.exists()
    assert after.tunnel_key != before.tunnel_key
    assert world.keys_file.read_text().startswith("# the Desktop's own\n")
    assert world.lab.jump.authorized_keys.read_text().startswith("# the JumpNode's own\n")
    assert world.pull().json["status"] == "ok"


@pytest.mark.long
def test_the_same_by_the_words_of_two_people_and_every_text_is_refused_where_it_does_not_belong(
    world: RenewalWorld,
) -> None:
    texts, keys_file = world.lab.folder, str(world.keys_file)
    accepting = ("--authorized-keys", keys_file, "--yes", "--no-wait")

    invited = backupjump(world.server, "enroll", "rotate", NAME, "--expires", "2099-12-31")
    again = backupjump(world.server, "enroll", "rotate", NAME, "--expires", "2099-12-31")
    (texts / "invitation").write_text(invited.out)
    replied = backupjump(world.desktop, "enroll", "accept", str(texts / "invitation"), *accepting)
    (texts / "reply").write_text(replied.out)
    taken = backupjump(world.server, "enroll", "finish", str(texts / "reply"), "--yes", "--no-wait")
    other = invite(world)
    late = backupjump(world.server, "enroll", "finish", str(texts / "reply"), "--yes", "--no-wait")

    assert (invited.code, replied.code, taken.code) == (0, 0, 0), (invited.err, replied.err, taken.err)
    assert again.out == invited.out
    assert 'expiry-time="20991231"' in taken.out
    assert f"backupjump:tunnel:{NAME}:" in taken.out
    assert other.id not in taken.out
    assert late.code == 2
    assert "has begun anew since" in late.err
    assert len(world.keys_of("desktop")) == 2  # the one in use, and the one of the last invitation
    assert world.pull().json["status"] == "ok"


def test_keys_that_end_are_renewed_for_a_year_where_nobody_says_another_day(world: RenewalWorld) -> None:
    assert invite(world).expires is None

    set_values(world.server.parent / f"desktops/{NAME}.yaml", {("expires",): "2027-01-31"})

    assert invite(world).expires == utc_now().date() + timedelta(days=365)


def test_a_key_that_may_not_listen_is_never_taken_for_proven_because_somebody_holds_the_port(lab: Lab) -> None:
    key, mark = public_key(lab.tunnel_key), Mark(TUNNEL, NAME, "0a0a0a0a")
    forward = lab.forward
    with socket.create_server(("127.0.0.1", lab.tunnel_port)):
        found = []
        for port in (lab.tunnel_port, lab.tunnel_port + 1):
            write_private(lab.jump.authorized_keys, tunnel_line(mark, key, port=port, expires=None) + "\n")
            with pytest.raises(ForwardRefused) as refused:
                open_tunnel([forward], folder=lab.folder / "desktop/tunnel")
            found.append(is_port_taken(refused.value))

    assert found == [True, False]


def test_a_tunnel_that_breaks_while_the_desktop_waits_for_the_server_is_opened_again(world: RenewalWorld) -> None:
    invitation = invite(world)
    plan = plan_of(world, invitation)
    next(on_server(world, reply_to(plan)))
    desktop = rotation_steps(plan, say=quiet, every=0.5, seconds=30)
    for _ in range(3):
        next(desktop)
    config = load_desktop(world.desktop)
    (forward,) = forwards_of(config.tunnel)
    first = own_tunnel(forward)
    assert first is not None

    rest = threading.Thread(target=list, args=(desktop,))
    rest.start()
    os.kill(first, signal.SIGTERM)

    try:
        until(lambda: own_tunnel(forward) not in (None, first), what="another tunnel")
    finally:
        note_enrolment(invitation.id, state=state_dir(config.state_dir))
        rest.join(30)


def test_the_invitation_stays_the_same_on_the_next_day(world: RenewalWorld) -> None:
    today = utc_now().date()
    set_values(world.server.parent / "desktops/laptop.yaml", {("expires",): (today + timedelta(days=9)).isoformat()})

    first, second = (
        propose_rotation(RotateWishes(name=NAME, today=day, config=world.server), say=quiet)
        for day in (today, today + timedelta(days=1))
    )

    assert first.expires == today + timedelta(days=365)
    assert second == first
