"""Another key for the Server's account on the JumpNode: the old one is good until the new one has been used."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from backupjump.config.load import load_server
from backupjump.demo.lab import Lab
from backupjump.demo.sshd import public_key
from backupjump.errors import KeyRefused, UsageError
from backupjump.operations.enroll.authorized_keys import hop_mark, marks_in
from backupjump.operations.enroll.rebuild import rebuild_script
from backupjump.operations.enroll.rotate_hop import HopRenewal, hop_renewal_steps, renewal_of
from backupjump.operations.site import open_site
from lab.renewal_world import NAME, RenewalWorld, enrolled, quiet
from program import backupjump

pytestmark = pytest.mark.lab

STEPS = ["let in", "proven", "switched", "old key out", "done"]


@pytest.fixture
def world(lab: Lab, capsys: pytest.CaptureFixture[str]) -> RenewalWorld:
    return enrolled(lab, capsys)


def renewal(world: RenewalWorld) -> HopRenewal:
    return replace(renewal_of(open_site(world.server), "jumpnode", target=None, yes=True), seconds=0, every=0.1)


def steps(world: RenewalWorld) -> Iterator[str]:
    for step in hop_renewal_steps(renewal(world), say=quiet):
        world.paste_at_jump_node()
        yield step


@pytest.mark.parametrize("breaks", [("switched",), pytest.param(STEPS, marks=pytest.mark.long)], ids=["one", "each"])
def test_broken_off_after_any_step_a_backup_works_and_at_the_end_one_key_is_left(
    world: RenewalWorld, breaks: Sequence[str]
) -> None:
    for last in breaks:
        begun = steps(world)
        for step in begun:
            if step == last:
                break
        begun.close()
        assert world.pull().json["status"] == "ok", last

    assert list(steps(world)) == STEPS
    assert list(steps(world)) == STEPS

    new = load_server(world.server).jump_nodes["jumpnode"].identity_file
    hops = [mark for mark in marks_in(world.lab.jump.authorized_keys.read_bytes()) if mark.kind == "hop"]
    assert world.keys_of("jumpnode") == {new.name}
    assert hops == [hop_mark("jumpnode", public_key(new))]
    assert world.pull().json["status"] == "ok"


def test_what_can_not_be_renewed_is_refused_and_changes_nothing(world: RenewalWorld) -> None:
    before = (world.server.parent / "jump_nodes/jumpnode.yaml").read_text()

    with pytest.raises(KeyRefused, match="JumpNode jumpnode does not accept our key"):
        list(hop_renewal_steps(renewal(world), say=quiet))
    with pytest.raises(UsageError, match="did you mean 'jumpnode'"):
        renewal_of(open_site(world.server), "jumpnod", target=None, yes=True)
    for words in ([NAME, "--jump-node", "jumpnode"], [NAME, "--apply", "root@jump"]):
        assert backupjump(world.server, "enroll", "rotate", *words).code == 2

    assert (world.server.parent / "jump_nodes/jumpnode.yaml").read_text() == before


def test_what_a_reinstalled_jump_node_is_given_is_what_it_had(world: RenewalWorld) -> None:
    keys = world.lab.jump.authorized_keys
    before = marks_in(keys.read_bytes())
    keys.write_text("")
    site = open_site(world.server)

    script = rebuild_script(site.server, site.server.jump_nodes["jumpnode"], state=site.state)

    assert script is not None
    subprocess.run(["sh"], input=script, text=True, check=True, timeout=30)
    assert set(marks_in(keys.read_bytes())) == set(before)
