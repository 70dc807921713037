"""New keys for an enrolled Desktop on real sshds: broken off after any step, a backup still works."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from backupjump.config.desktop import load_desktop
from backupjump.demo.lab import Lab
from backupjump.operations.enroll.authorized_keys import marks_in
from backupjump.operations.enroll.invitation import Invitation
from backupjump.operations.enroll.pending import pending_of
from backupjump.operations.enroll.reply import Reply
from backupjump.operations.enroll.rotate import RotateWishes, propose_rotation
from backupjump.operations.enroll.rotate_accept import reply_to, rotation_steps
from backupjump.operations.enroll.rotate_finish import Renewal, renewal_steps
from backupjump.operations.enroll.rotate_plan import RotatePlan, plan_rotation
from backupjump.operations.site import open_site
from backupjump.run import utc_now
from lab.renewal_world import NAME, RenewalWorld, enrolled, quiet
from program import backupjump

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


def test_a_renewal_replaces_both_keys_and_leaves_nothing_of_the_old_ones(world: RenewalWorld) -> None:
    before, tunnel_before = world.laptop, load_desktop(world.desktop).tunnel.jump_nodes[0].identity_file

    done = list(renew(world, invite(world)))

    after, tunnel = world.laptop, load_desktop(world.desktop, check_keys=True).tunnel.jump_nodes[0].identity_file
    data = [mark.id for mark in marks_in(world.keys_file.read_bytes())]
    tunnels = [mark.id for mark in marks_in(world.lab.jump.authorized_keys.read_bytes()) if mark.kind == "tunnel"]
    assert done == STEPS
    assert data == tunnels
    assert len(data) == 1
    assert world.keys_of("desktop") == {f"desktop-{NAME}-{data[0]}"}
    assert tunnel.name == f"tunnel-{data[0]}"
    assert not tunnel_before.exists()
    assert after.tunnel_key != before.tunnel_key
    assert world.keys_file.read_text().startswith("# the Desktop's own\n")
    assert world.lab.jump.authorized_keys.read_text().startswith("# the JumpNode's own\n")
    assert world.pull().json["status"] == "ok"


@pytest.mark.parametrize(
    "breaks",
    [
        ("Server: tunnel key let in", "Desktop: switched", "Desktop: data key let in", "Server: switched"),
        pytest.param(tuple(STEPS), marks=pytest.mark.long),
    ],
    ids=["the riskiest", "each"],
)
def test_broken_off_after_any_step_a_backup_works_and_the_renewal_goes_on(
    world: RenewalWorld, breaks: tuple[str, ...]
) -> None:
    invitation = invite(world)

    for last in breaks:
        renewal = renew(world, invitation)
        until_broken_off = list(itertools.takewhile(lambda step, last=last: step != last, renewal))
        renewal.close()
        pulled = world.pull()
        assert pulled.json["status"] == "ok", f"after {last!r}: {pulled.err}"
        assert until_broken_off == STEPS[: STEPS.index(last)]

    assert list(renew(world, invitation)) == STEPS
    assert len(world.keys_of("desktop")) == len(marks_in(world.keys_file.read_bytes())) == 1
    assert world.pull().json["status"] == "ok"


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
