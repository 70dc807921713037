"""doctor on the Server: content with a sound lab; it names what is broken, and what it says mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupjump.config.load import load_server
from backupjump.demo.sshd import public_key, write_private
from backupjump.operations.doctor.finding import FAIL, OK, WARN
from backupjump.operations.doctor.server_tools import look_at_tools
from backupjump.operations.tunnel import open_tunnel
from backupjump.ssh.tunnel_verdicts import Forward
from lab.broken import Sound, command_of, complaints, move_keys, put_back, sound_lab, typed
from program import argv, backupjump

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def stood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    """One lab for all of them."""
    with sound_lab(tmp_path_factory.mktemp("doctor") / "lab") as made:
        yield made


@pytest.fixture
def sound(stood: Sound) -> Iterator[Sound]:
    """The lab, which is in order again after each test, however that ended."""
    with put_back(stood):
        yield stood


def test_a_sound_lab_has_nothing_to_mend(sound: Sound) -> None:
    said = backupjump(sound.config, "doctor", "--json")

    verdicts = {each["check"]: each["verdict"] for each in said.json}
    assert (said.code, said.err) == (0, "")
    assert FAIL not in verdicts.values()
    assert verdicts["tunnel.nodelay"] == OK
    tried = ("listen", "other-port", "sockets", "shell", "sftp", "strict-kex")
    assert {verdicts[f"jumpnode.{each}"] for each in tried} == {OK}
    assert {verdicts[f"desktop.{each}"] for each in ("gate", "rsync", "confines", "clock", "roots", "hooks")} == {OK}
    assert {verdicts[f"store.{each}"] for each in ("mode", "space", "clock", "filesystem", "link")} == {OK}
    assert all(each.keys() == {"check", "verdict", "evidence", "fix"} for each in said.json)
    assert [path.name for path in sound.lab.store.iterdir() if path.name.startswith(".")] == []


def test_a_key_that_others_can_read(sound: Sound) -> None:
    sound.lab.data_key.chmod(0o644)

    broken = complaints(sound.config)

    assert list(broken) == ["desktop.key"]
    assert "mode 0644" in broken["desktop.key"].evidence
    typed(command_of(broken["desktop.key"]), lab=sound.lab)
    assert complaints(sound.config) == {}


def test_a_tunnel_that_is_closed(sound: Sound) -> None:
    sound.lab.close_tunnel()

    broken = complaints(sound.config)

    assert {name: each.verdict for name, each in broken.items()} == {"tunnel.open": WARN}
    words = command_of(broken["tunnel.open"], machine="Desktop").split()
    assert words[0] == "backupjump"
    with subprocess.Popen(argv(sound.lab.desktop_config(), *words[1:]), stdout=subprocess.PIPE, text=True) as tunnel:
        assert tunnel.stdout is not None
        try:
            assert "stands" in tunnel.stdout.readline()
            assert complaints(sound.config) == {}
        finally:
            tunnel.terminate()


def test_another_machine_s_sshd_behind_the_port(sound: Sound) -> None:
    lab = sound.lab
    lab.close_tunnel()
    forward = lab.forward
    stray = Forward(jump=forward.jump, port=forward.port, to_host=forward.to_host, to_port=lab.jump.port)
    with open_tunnel([stray], folder=lab.folder / "stray"):
        broken = complaints(sound.config)

    assert list(broken) == ["desktop.host-key"]
    assert "that is JumpNode jumpnode" in broken["desktop.host-key"].evidence
    assert f":{lab.tunnel_port}" in command_of(broken["desktop.host-key"], machine="JumpNode")


def test_a_desktop_that_was_reinstalled(sound: Sound) -> None:
    sound.lab.desktop.renew_host_key()

    broken = complaints(sound.config)

    assert list(broken) == ["desktop.host-key"]
    assert "a Desktop that was reinstalled" in broken["desktop.host-key"].evidence
    command = command_of(broken["desktop.host-key"])
    typed(command, lab=sound.lab, more={"BACKUPJUMP_CONFIG": str(sound.config)}, answer="y\n")
    assert complaints(sound.config) == {}


def test_a_desktop_without_a_gate(sound: Sound) -> None:
    lab, world = sound.lab, sound.world
    home = lab.folder / "person"
    shutil.copytree(world.folder, home / "gate", symlinks=True, ignore=shutil.ignore_patterns("home"))
    config = home / ".config/backupjump/backupjump.yaml"
    config.parent.mkdir(parents=True, mode=0o700)
    shutil.copy(world.config, config)
    keys = home / ".ssh/authorized_keys"
    keys.parent.mkdir(mode=0o700)
    foreign = "# a person's own line\n"
    write_private(keys, f"{foreign}{public_key(lab.data_key)} server-data\n")
    move_keys(lab.desktop, keys)

    broken = complaints(sound.config)

    assert broken["desktop.gate"].verdict == WARN
    typed(command_of(broken["desktop.gate"], machine="Desktop"), lab=lab, more={"HOME": str(home)})
    assert complaints(sound.config) == {}
    assert keys.read_text().startswith(foreign)
    assert keys.read_text().endswith(" server-data\n")


@pytest.mark.long
def test_a_store_whose_marker_is_gone_and_that_others_may_enter(sound: Sound) -> None:
    store = sound.lab.store
    assert backupjump(sound.config, "run", "nightly").code == 0
    (store / "backupjump-store.json").unlink()

    broken = complaints(sound.config)

    assert list(broken) == ["store.marker"]
    typed(command_of(broken["store.marker"]), lab=sound.lab, more={"BACKUPJUMP_CONFIG": str(sound.config)})
    store.chmod(0o755)
    (store / "desktop").chmod(0o755)
    broken = complaints(sound.config)
    assert {name: each.verdict for name, each in broken.items()} == {"store.mode": WARN}
    typed(command_of(broken["store.mode"]), lab=sound.lab)
    assert complaints(sound.config) == {}


def test_an_rsync_that_is_too_old(sound: Sound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, packages = tmp_path / "rsync", tmp_path / "apt-get"
    old.write_text("#!/bin/sh\necho 'rsync  version 3.2.3  protocol version 31'\n")
    packages.write_text(f'#!/bin/sh\n[ "$*" = "install rsync" ] && rm {old}\nexit 0\n')
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nexec "$@"\n')
    for program in (old, packages, sudo):
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    server = load_server(sound.config)

    _ssh, broken = look_at_tools(server)

    assert broken.verdict == FAIL
    assert "3.2.3 is too old" in broken.evidence
    typed(command_of(broken), lab=sound.lab, more={"PATH": os.environ["PATH"]})
    assert {each.verdict for each in look_at_tools(server)} == {OK}


def test_one_desktop_is_looked_at_when_it_is_named_and_an_unknown_one_is_a_word_too_many(sound: Sound) -> None:
    assert backupjump(sound.config, "doctor", "desktp").code == 2

    said = backupjump(sound.config, "doctor", "desktop")

    assert (said.code, said.err) == (0, "")
    assert "\x1b" not in said.out
    assert "+ ok    desktop.gate" in said.out
    assert said.out.splitlines()[-1].endswith("skip")
