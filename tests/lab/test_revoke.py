"""A stolen laptop, and a retired one: nothing comes in any more, and what was backed up stays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from backupjump.config.load import load_server
from backupjump.demo.lab import Lab
from backupjump.errors import KeyRefused, LinkLost
from backupjump.operations.enroll.authorized_keys import marks_in
from desktop_program import desktop_argv
from lab.renewal_world import NAME, RenewalWorld, enrolled
from program import Said, backupjump

pytestmark = pytest.mark.lab


@pytest.fixture
def world(lab: Lab, capsys: pytest.CaptureFixture[str]) -> RenewalWorld:
    return enrolled(lab, capsys)


def by_sh(script: str) -> str:
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout


def on_desktop(config: Path, *words: str) -> Said:
    argv = [*desktop_argv(), "--config", str(config), *words]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.mark.needs_root  # sshd hides its open files from its own account
def test_a_stolen_laptop_comes_in_no_more_and_its_snapshots_can_be_restored(world: RenewalWorld) -> None:
    assert world.pull().json["status"] == "ok"

    with world.open_tunnel() as tunnel:
        revoked = backupjump(world.server, "enroll", "revoke", NAME, "--yes")
        told = by_sh(revoked.out)
        with pytest.raises(LinkLost):
            tunnel.await_end(10)
    with pytest.raises(KeyRefused):
        world.open_tunnel()
    run = backupjump(world.server, "run", NAME, "--json")
    if_due = backupjump(world.server, "run", NAME, "--if-due", "--json")
    status = backupjump(world.server, "status", "--json")
    back = backupjump(world.server, "restore", NAME, "--to", str(world.lab.folder / "back"))
    again = backupjump(world.server, "enroll", "revoke", NAME, "--yes")

    assert (revoked.code, again.code, back.code) == (0, 0, 0)
    assert "took out the line backupjump:tunnel:laptop:" in told
    assert "ended the tunnel that stood" in told
    assert world.lab.jump.authorized_keys.read_text().startswith("# the JumpNode's own\n")
    assert world.keys_of("desktop") == set()
    assert world.laptop.revoked
    assert (run.code, run.json["error"]["code"]) == (1, "revoked")
    assert (if_due.code, if_due.json["status"]) == (0, "not-due")
    assert (status.code, status.json[0]["state"], status.json[0]["next_due_at"]) == (0, "good", None)
    assert "is revoked" in status.json[0]["help"]
    assert (world.lab.folder / f"back{world.lab.home}/file").read_text() == "text"


def test_nobody_to_ask_changes_nothing_and_a_key_that_was_made_by_hand_stays(world: RenewalWorld) -> None:
    file = world.server.parent / f"desktops/{NAME}.yaml"
    by_hand = world.lab.data_key
    file.write_text(file.read_text().replace(str(world.laptop.identity_file), str(by_hand)))
    before = file.read_bytes()

    asked = backupjump(world.server, "enroll", "revoke", NAME)
    after_asking = file.read_bytes()
    revoked = backupjump(world.server, "enroll", "revoke", NAME, "--yes")

    assert (asked.code, revoked.code, after_asking) == (2, 0, before)
    assert f"{NAME}.yaml: revoked: true" in asked.err
    assert by_hand.exists()
    assert f"{by_hand}: not made by enrolment, or used elsewhere: it stays" in revoked.err
    assert load_server(world.server).desktops[NAME].revoked


def test_the_desktop_lets_the_server_in_no_more_and_keeps_its_config_aside(world: RenewalWorld) -> None:
    tunnel_key = world.desktop.parent / "keys/tunnel"
    text = world.desktop.read_text()

    done = on_desktop(world.desktop, "enroll", "revoke", "--authorized-keys", str(world.keys_file), "--yes")
    again = on_desktop(world.desktop, "enroll", "revoke", "--authorized-keys", str(world.keys_file), "--yes")

    assert (done.code, again.code) == (0, 2)
    assert "backupjump enroll revoke laptop" in done.err
    assert marks_in(world.keys_file.read_bytes()) == ()
    assert world.keys_file.read_text() == "# the Desktop's own\n"
    assert not tunnel_key.exists()
    assert not world.desktop.exists()
    assert world.desktop.with_name("backupjump.yaml.revoked").read_text() == text
