"""doctor on the Desktop: content with a sound lab; it names what is broken, and what it says mends it."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.sshd import public_key, write_private
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from backupjump.operations.doctor.on_desktop import look
from gate_world import GateWorld
from lab.broken import command_of, typed
from lab.gated import gated
from program import backupjump

pytestmark = pytest.mark.lab

TRIED = ("login", "opens", "loopback", "other-ports", "other-ways", "no-session", "no-files")
# Of the machine that the tests run on: its /tmp, and what lies in ~/.ssh.
NOT_OURS = ("account.modes", "keys.others")


class Sound:
    """A Desktop in order: config with tunnel and gate, and the line of the Server's key as enrolment writes it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.world: GateWorld = gated(lab)
        self.config = lab.desktop_config()
        gate = json.loads(self.world.config.read_text())["gate"]
        write_private(self.config, f"{self.config.read_text()}gate: {json.dumps(gate)}\n")
        gate_words = " ".join(self.world.argv).replace(str(self.world.config), str(self.config))
        self.line = (
            f'restrict,from="127.0.0.1,::1",command="{gate_words}" '
            f"{public_key(lab.data_key)} backupjump:data:desktop:0a1b2c3d\n"
        )
        write_private(lab.desktop.authorized_keys, self.line)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    """One lab for all; each test leaves it as it was."""
    with Lab(tmp_path_factory.mktemp("doctor") / "lab") as running:
        yield Sound(running)


def complaints(config: Path) -> dict[str, Finding]:
    """Return what doctor finds amiss, by check."""
    found = list(look(config))
    assert [each for each in found if not (each.evidence + each.fix).isprintable()] == []
    assert [each for each in found if bool(each.fix) != (each.verdict in (FAIL, WARN))] == []
    bad = [each for each in found if each.verdict in (FAIL, WARN) and each.check not in NOT_OURS]
    return {each.check: each for each in bad}


def test_a_sound_desktop_has_nothing_to_mend(sound: Sound) -> None:
    said = backupjump(sound.config, "doctor", "--json")

    verdicts = {each["check"]: each["verdict"] for each in said.json}
    assert (said.code, said.err) == (0, "")
    assert {verdicts[f"tunnel.{each}"] for each in (*TRIED, "nodelay")} == {OK}
    assert {verdicts[f"account.{each}"] for each in ("shell", "line", "others", "login")} == {OK}
    assert {verdicts[f"gate.{each}"] for each in ("roots", "hooks", "starts", "refuses")} == {OK}
    assert verdicts["desktop.clock"] == SKIP
    assert sound.lab.desktop.authorized_keys.read_text() == sound.line


def test_a_desktop_with_faults_of_its_own(sound: Sound) -> None:
    lab, world = sound.lab, sound.world
    keys, moved = lab.desktop.authorized_keys, world.home.with_name("elsewhere")
    foreign = "# a person's own line\nssh-ed25519 AAAA broken\n"
    write_private(keys, f"{foreign}{public_key(lab.data_key)} backupjump:data:desktop:0a1b2c3d\n")
    world.home.rename(moved)
    sound.config.chmod(0o660)
    lab.tunnel_key.chmod(0o644)

    broken = complaints(sound.config)

    assert {name: each.verdict for name, each in broken.items()} == dict.fromkeys(
        ("config.mode", "config.key", "account.line", "gate.roots"), FAIL
    )
    assert "opens a shell" in broken["account.line"].evidence
    for each in broken.values():
        typed(command_of(each), lab=lab)
    assert complaints(sound.config) == {}
    assert world.home.is_dir()
    world.home.rmdir()
    moved.rename(world.home)
    assert keys.read_text().startswith(foreign)
    assert keys.read_text().count("backupjump:data:desktop:0a1b2c3d") == 1


def test_a_line_whose_gate_is_gone(sound: Sound) -> None:
    write_private(sound.lab.desktop.authorized_keys, sound.line.replace('command="', 'command="/gone'))

    broken = complaints(sound.config)

    assert list(broken) == ["gate.starts"]
    assert "can't be started" in broken["gate.starts"].evidence
    typed(command_of(broken["gate.starts"]), lab=sound.lab)
    assert complaints(sound.config) == {}
    write_private(sound.lab.desktop.authorized_keys, sound.line)


def test_a_tunnel_key_that_opens_more_than_its_port(sound: Sound) -> None:
    lab = sound.lab
    keys = lab.jump.authorized_keys
    before = keys.read_text().splitlines(keepends=True)
    write_private(keys, f"{public_key(lab.tunnel_key)} wide\n{''.join(before[1:])}")
    lab.open_tunnel()

    broken = complaints(sound.config)

    assert sorted(broken) == ["tunnel.no-files", "tunnel.no-session", "tunnel.other-ports", "tunnel.other-ways"]
    assert f"*:{lab.tunnel_port}" in broken["tunnel.other-ports"].evidence
    assert f"127.0.0.1:{lab.jump.port}" in broken["tunnel.other-ways"].evidence
    assert len({each.fix for each in broken.values()}) == 1
    typed(command_of(broken["tunnel.other-ports"], machine="JumpNode"), lab=lab)
    found = {each.check: each for each in look(sound.config)}
    assert {found[f"tunnel.{each}"].verdict for each in TRIED} == {OK}
    assert "held by this Desktop's own tunnel" in found["tunnel.opens"].evidence
    assert keys.read_text().splitlines(keepends=True)[1:] == before[1:]
    lab.close_tunnel()


def test_a_jump_node_that_does_not_know_the_key(sound: Sound) -> None:
    lab = sound.lab
    before = lab.jump.authorized_keys.read_text()
    write_private(lab.jump.authorized_keys, "".join(before.splitlines(keepends=True)[1:]))

    found = [each for each in look(sound.config) if each.check.startswith("tunnel.")]

    assert [each.verdict for each in found] == [FAIL] + [SKIP] * len(TRIED)
    assert "does not accept our key" in found[0].evidence
    # The lab's JumpNode has its lines elsewhere than in the account's home.
    command = command_of(found[0], machine="JumpNode")
    place = f"~{lab.user}/.ssh/authorized_keys"
    assert place in command
    typed(command.replace(place, str(lab.jump.authorized_keys)), lab=lab)
    assert complaints(sound.config) == {}
    write_private(lab.jump.authorized_keys, before)


def test_somebody_else_on_the_port(sound: Sound) -> None:
    with socket.create_server(("127.0.0.1", sound.lab.tunnel_port)):
        broken = complaints(sound.config)

    assert list(broken) == ["tunnel.opens"]
    assert "somebody sits on it" in broken["tunnel.opens"].evidence
    command = command_of(broken["tunnel.opens"], machine="JumpNode")
    assert f"127.0.0.1:{sound.lab.tunnel_port}" not in typed(command, lab=sound.lab)


def test_a_desktop_whose_sshd_sleeps_and_a_jump_node_with_another_key(sound: Sound) -> None:
    lab = sound.lab
    pinned = (lab.jump.host_key.read_bytes(), lab.jump.host_key.with_suffix(".pub").read_bytes())
    lab.desktop.stop()
    lab.jump.renew_host_key()
    try:
        broken = complaints(sound.config)
    finally:
        lab.jump.stop()
        write_private(lab.jump.host_key, pinned[0].decode())
        lab.jump.host_key.with_suffix(".pub").write_bytes(pinned[1])
        lab.jump.start()
        lab.desktop.start()

    # Which file its keys are in is the sshd's to say.
    assert set(broken) - {"account.line"} == {"sshd.answers", "tunnel.login"}
    assert broken["sshd.answers"].fix.endswith("service ssh start")
    assert "another host key than the pinned one" in broken["tunnel.login"].evidence
    assert broken["tunnel.login"].fix == "backupjump enroll repin"
    assert complaints(sound.config) == {}


@pytest.mark.needs_root
def test_an_authorized_keys_that_strict_modes_holds_against_the_key() -> None:
    # Above a test's usual folder there is /tmp, which sshd does not accept for anybody.
    folder = Path(tempfile.mkdtemp(dir="/run"))
    try:
        with Lab(folder / "lab") as lab:
            sound = Sound(lab)
            assert {each.check for each in look(sound.config) if each.verdict in (FAIL, WARN)} <= {"keys.others"}
            lab.desktop.authorized_keys.chmod(0o662)

            broken = {each.check: each for each in look(sound.config) if each.verdict == FAIL}

            assert sorted(broken) == ["account.login", "account.modes"]
            assert "sshd does not take the Server's key" in broken["account.login"].evidence
            typed(command_of(broken["account.login"]), lab=lab)
            after = {each.check: each.verdict for each in look(sound.config)}
            assert (after["account.login"], after["account.modes"]) == (OK, OK)
    finally:
        shutil.rmtree(folder)
