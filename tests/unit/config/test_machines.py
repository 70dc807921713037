"""Machines with a file of their own, beside those of backupjump.yaml."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from backupjump.config.load import load_server, read_files
from backupjump.config.show import server_as_yaml
from backupjump.errors import ConfigError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHHV/k+HmWciJVSzMUnHLALuITwNHWr4foBTMZqXEjS/"
JUMP = f"{{host: jump.example, user: bjserver, identity_file: /keys/jump, host_key: {KEY}}}\n"
LAPTOP = f"jump_node: jump\nport: 2020\nuser: ann\nidentity_file: /keys/laptop\nhost_key: {KEY}\n"


def written(folder: Path, **files: str) -> Path:
    """Write `files` (desktops__laptop="…") into `folder`, and return the Server's file there."""
    for name, text in {"backupjump": "store: {path: /srv/backups}\n", **files}.items():
        path = folder / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "backupjump.yaml"


def test_a_machine_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    enrolled = f"tunnel_key: {KEY} ann@laptop\nexpires: 2027-12-31\n"
    file = written(
        tmp_path,
        backupjump=f"store: {{path: /srv/backups}}\ndesktops:\n  den: {{{LAPTOP.strip().replace(chr(10), ', ')}}}\n",
        jump_nodes__jump=JUMP,
        desktops__office=LAPTOP.replace("2020", "2021") + enrolled,
        jobs__nightly="desktop: office\nsources: [/home]\n",
    )

    server = load_server(file)

    assert list(server.jump_nodes) == ["jump"]
    assert list(server.desktops) == ["den", "office"]
    office = server.desktops["office"]
    assert (office.name, office.tunnel_key, office.expires, office.revoked) == (
        "office",
        KEY,
        date(2027, 12, 31),
        False,
    )


def test_what_is_shown_names_the_file_of_each_machine_and_reads_as_the_same(tmp_path: Path) -> None:
    file = written(tmp_path, jump_nodes__jump=JUMP, desktops__laptop=LAPTOP + "expires: 2027-12-31\n")
    server = load_server(file)

    shown = server_as_yaml(server, own_files={"jump_nodes/jump.yaml", "desktops/laptop.yaml"})

    parts = {part.split("\n")[0]: part for part in shown.split("---\n")}
    assert list(parts) == ["# backupjump.yaml", "# jump_nodes/jump.yaml", "# desktops/laptop.yaml"]
    for name, part in parts.items():
        (tmp_path / name[2:]).write_text(part)
    assert load_server(file) == server


def test_the_key_of_a_revoked_desktop_need_not_be_there(tmp_path: Path) -> None:
    (tmp_path / "key").touch(mode=0o600)
    jump, gone = JUMP.replace("/keys/jump", str(tmp_path / "key")), LAPTOP.replace("/keys", str(tmp_path))
    file = written(tmp_path, jump_nodes__jump=jump, desktops__laptop=gone)

    with pytest.raises(ConfigError, match="laptop is missing; make it"):
        load_server(file, check_keys=True)
    written(tmp_path, desktops__laptop=gone + "revoked: true\n")
    assert load_server(file, check_keys=True).desktops["laptop"].revoked


def test_a_broken_file_of_the_server_does_not_hide_the_mistakes_of_a_machine(tmp_path: Path) -> None:
    file = written(tmp_path, backupjump="store: [\n", desktops__laptop="prot: 1\n")

    with pytest.raises(ConfigError) as caught:
        load_server(file)

    assert re.search(r"backupjump\.yaml:2:1: .*not closed", str(caught.value))
    assert "laptop.yaml:1:1: prot: unknown key, did you mean 'port'?" in str(caught.value)


def test_the_documents_of_a_server_are_known_by_their_folders(tmp_path: Path) -> None:
    files = read_files(written(tmp_path, jump_nodes__jump=JUMP, desktops__laptop=LAPTOP))

    assert [document.path.relative_to(tmp_path) for document in files.machines] == [
        Path("jump_nodes/jump.yaml"),
        Path("desktops/laptop.yaml"),
    ]
