"""doctor on the Server: a JumpNode that allows too much or too little, and a config that asks for too much."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from backupjump.demo.sshd import public_key, write_private
from backupjump.operations.doctor.finding import FAIL, SKIP, WARN
from lab.broken import Sound, command_of, complaints, found, on_jump_node, put_back, sound_lab, typed
from lab.gated import nightly

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


def test_a_hop_key_without_limits_on_the_jump_node(sound: Sound) -> None:
    lab = sound.lab
    good = lab.jump.authorized_keys.read_text()
    blob = public_key(lab.hop_key)
    wide = "".join(f"{blob} server\n" if blob in line else line for line in good.splitlines(keepends=True))
    write_private(lab.jump.authorized_keys, wide)

    broken = complaints(sound.config)

    assert set(broken) == {f"jumpnode.{each}" for each in ("listen", "other-port", "shell", "sftp")}
    assert "127.0.0.1:0" in broken["jumpnode.listen"].evidence
    assert f"127.0.0.1:{lab.jump.port}" in broken["jumpnode.other-port"].evidence
    on_jump_node(broken["jumpnode.listen"], lab)
    assert complaints(sound.config) == {}
    others = [line for line in good.splitlines() if blob not in line]
    assert [line for line in lab.jump.authorized_keys.read_text().splitlines() if blob not in line] == others


@pytest.mark.long
def test_a_relay_whose_line_lets_its_key_do_anything(sound: Sound) -> None:
    lab = sound.lab
    job = {"nightly": json.dumps({"desktop": "desktop", **nightly(sound.world)["nightly"]})}
    config = lab.server_config("nested", relay=True, jobs=job)
    blob = public_key(lab.relayed_key)
    lines = lab.jump.authorized_keys.read_text().splitlines()
    write_private(lab.jump.authorized_keys, "".join(f"{blob if blob in line else line}\n" for line in lines))

    broken = complaints(config)

    assert broken.pop("desktop.route").verdict == WARN
    assert "no gate answers behind the relay" in broken["desktop.login"].evidence
    on_jump_node(broken["jumpnode.shell"], lab)
    assert set(complaints(config)) == {"desktop.route"}


def test_a_jump_node_that_does_not_know_our_key(sound: Sound) -> None:
    lab = sound.lab
    good = lab.jump.authorized_keys.read_text()
    blob = public_key(lab.hop_key)
    write_private(lab.jump.authorized_keys, "".join(f"{line}\n" for line in good.splitlines() if blob not in line))

    findings = {each.check: each for each in found(sound.config)}

    assert (findings["jumpnode.login"].verdict, findings["tunnel.open"].verdict) == (FAIL, SKIP)
    assert "jumpnode.shell" not in findings
    on_jump_node(findings["jumpnode.login"], lab)
    # Without sshd's own limits, the line of a key does not keep it from a command.
    assert set(complaints(sound.config)) == {"jumpnode.shell", "jumpnode.sftp"}


@pytest.mark.long
def test_two_desktops_on_one_port_and_a_mistake_are_told_where_they_stand(sound: Sound, tmp_path: Path) -> None:
    config = tmp_path / "server/backupjump.yaml"
    shutil.copytree(sound.config.parent, config.parent)
    text = config.read_text()
    desktops = yaml.safe_load(text)["desktops"]
    desktops["other"] = desktops["desktop"]
    good = {**desktops, "other": {**desktops["desktop"], "port": sound.lab.tunnel_port - 1}}
    both = [f"desktops: {json.dumps(each)}" for each in (desktops, good)]
    write_private(
        config, "".join(f"{both[0] if line.startswith('desktops') else line}\n" for line in text.splitlines())
    )
    editor = tmp_path / "editor"
    (tmp_path / "good").write_text(f"{both[1]}\n")
    editor.write_text(f"#!/bin/sh\n[ $1 = +4 ] && sed -i -e '4r {tmp_path}/good' -e 4d \"$2\"\n")
    editor.chmod(0o755)

    broken = complaints(config)

    assert list(broken) == ["config.read"]
    assert "is the tunnel of desktop 'desktop' already" in broken["config.read"].evidence
    typed(command_of(broken["config.read"]), lab=sound.lab, more={"EDITOR": str(editor)})
    broken = complaints(config)
    assert list(broken) == ["jumpnode.forward"]
    on_jump_node(broken["jumpnode.forward"], sound.lab)
    assert list(complaints(config)) == ["tunnel.open"]


def test_what_the_jobs_ask_for_and_the_gate_does_not_give(sound: Sound, tmp_path: Path) -> None:
    config = tmp_path / "server/backupjump.yaml"
    shutil.copytree(sound.config.parent, config.parent)
    job = {"desktop": "desktop", "sources": ["/etc"], "hooks": {"after": ["dump"]}}
    write_private(config.parent / "jobs/nightly.yaml", json.dumps(job))

    broken = complaints(config)

    assert {name: each.verdict for name, each in broken.items()} == {"desktop.roots": FAIL, "desktop.hooks": FAIL}
    assert "does not let /etc be read" in broken["desktop.roots"].evidence
    assert "no hook dump; it offers: say" in broken["desktop.hooks"].evidence


def test_a_revoked_desktop_is_not_tried(sound: Sound, tmp_path: Path) -> None:
    config = tmp_path / "server/backupjump.yaml"
    shutil.copytree(sound.config.parent, config.parent)
    parts = yaml.safe_load(config.read_text())
    parts["desktops"]["desktop"] |= {"revoked": True, "identity_file": str(tmp_path / "deleted")}
    write_private(config, json.dumps(parts))

    findings = {each.check: each for each in found(config)}

    assert FAIL not in {each.verdict for each in findings.values()}
    assert findings["desktop.login"].verdict == SKIP
    assert "tunnel.open" not in findings
