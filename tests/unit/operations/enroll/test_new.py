"""What `enroll new` refuses before anything is made, and which JumpNode it takes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backupjump.config.models import JumpNode
from backupjump.errors import BackupjumpError, UsageError
from backupjump.operations.enroll.jump_choice import JumpChoice, choose_jump_node, confirmed_host_key, read_address
from backupjump.operations.enroll.new import propose
from backupjump.operations.enroll.new_wishes import NewWishes
from backupjump.ssh.keys import fingerprint
from enroll_world import HOST_KEY

WISHES = NewWishes(name="laptop", jump="jumpnode.domain.ext", jump_host_key=HOST_KEY, yes=True)


def config(folder: Path, *, jump_nodes: tuple[str, ...] = ()) -> Path:
    file = folder / "backupjump.yaml"
    file.write_text(f"store: {{path: {folder}/store}}\nstate_dir: {folder}/state\n")
    (folder / "jump_nodes").mkdir()
    for name in jump_nodes:
        (folder / f"jump_nodes/{name}.yaml").write_text(
            f"host: {name}.domain.ext\nuser: bjserver\nidentity_file: /k/{name}\nhost_key: {HOST_KEY}\n"
        )
    return file


def nothing(*_lines: str) -> None:
    pass


def test_desktops_that_are_enrolled_in_the_same_moment_get_a_port_each(tmp_path: Path) -> None:
    file = config(tmp_path, jump_nodes=("jumpnode",))
    wishes = [replace(WISHES, name=f"d{n}", config=file, jump=None, jump_host_key=None) for n in range(6)]

    with ThreadPoolExecutor() as at_once:
        invitations = list(at_once.map(lambda wish: propose(wish, say=nothing), wishes))

    assert sorted(each.port for each in invitations) == list(range(2020, 2026))


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"route": "nested"}, "the JumpNode itself makes that key"),
        ({"route": "local"}, "--here and --route local belong together"),
        ({"here": "server.domain.ext"}, "belong together"),
        ({"route": "local", "here": "server.domain.ext"}, "route local has no JumpNode"),
        ({"route": "local", "here": "a b", "jump": None}, "is not a host name"),
        ({"route": "x"}, "must be one of"),
        ({"read": ("/home/${X}",)}, "may not hold"),
        ({"read": ("home",)}, "absolute"),
        ({"port": 80}, "1024"),
        ({"tunnel_user": "-x"}, "may hold"),
        ({"user": "a b"}, "may hold"),
        ({"name": "../x"}, "may hold"),
        ({"jump_keys": "keys"}, "is not a place for keys"),
        ({"jump_host_key": "SHA256:short"}, "not a whole fingerprint"),
        ({"jump_host_key": "ssh-ed25519 AAAA"}, "is not a public host key"),
        ({"jump": "host:99999"}, "must be from 1 to 65535"),
        ({"jump": "me@host"}, "is not a host name"),
        ({"jump": None}, "no JumpNode yet"),
    ],
)
def test_a_word_that_can_t_be_obeyed_changes_nothing(tmp_path: Path, wish: dict[str, Any], told: str) -> None:
    file = config(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(UsageError, match=told):
        propose(replace(WISHES, config=file, **wish), say=nothing)

    assert sorted(tmp_path.rglob("*")) == before


def test_a_bare_server_needs_to_be_told_where_the_backups_go(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no config yet") as refused:
        propose(replace(WISHES, config=tmp_path / "new/backupjump.yaml"), say=nothing)

    assert refused.value.hint == "name a folder for the backups: --store DIR"
    assert list(tmp_path.iterdir()) == []


def test_ports_go_up_and_the_same_wishes_give_the_same_invitation(tmp_path: Path) -> None:
    wishes = replace(WISHES, config=config(tmp_path))

    first, again = propose(wishes, say=nothing), propose(wishes, say=nothing)
    other = propose(replace(wishes, name="second", jump=None, jump_host_key=None), say=nothing)
    told: list[str] = []
    changed = propose(replace(wishes, read=("/home/me",)), say=lambda *lines: told.extend(lines))

    assert (first, first.port, other.port) == (again, 2020, 2021)
    assert (changed.port, changed.data_key, changed.jump) == (2020, first.data_key, first.jump)
    assert changed.id != first.id
    assert told == ["This takes the place of an earlier invitation, whose reply would now be refused."]
    assert sorted(path.name for path in (tmp_path / "keys").glob("*[!b]")) == [
        "desktop-laptop",
        "desktop-second",
        "jumpnode-jumpnode",
    ]
    assert {path.stat().st_mode & 0o77 for path in (tmp_path / "keys").glob("*[!b]")} == {0}


def test_a_desktop_s_config_is_not_taken_for_a_server_s(tmp_path: Path) -> None:
    file = tmp_path / "backupjump.yaml"
    file.write_text("gate: {read: [/home/me]}\n")

    with pytest.raises(UsageError, match="is a Desktop's config"):
        propose(replace(WISHES, config=file), say=nothing)


def server(*names: str) -> Any:
    nodes = {
        name: JumpNode(name=name, host=f"{name}.domain.ext", user="b", identity_file=Path("/k"), host_key=(HOST_KEY,))
        for name in names
    }
    return type("Server", (), {"jump_nodes": nodes})()


@pytest.mark.parametrize(
    ("known", "address", "name", "chosen"),
    [
        ((), "jump.domain.ext", None, ("jump", True)),
        ((), "203.0.113.1:2222", None, ("jumpnode", True)),
        ((), "jump.domain.ext", "mine", ("mine", True)),
        (("jump",), None, None, ("jump", False)),
        (("jump",), "jump.domain.ext", None, ("jump", False)),
        (("jump",), "jump.domain.ext:2222", None, ("jump-2", True)),
        (("jump", "other"), None, "other", ("other", False)),
    ],
)
def test_the_jump_node_is_the_one_that_is_meant(
    known: tuple[str, ...], address: str | None, name: str | None, chosen: tuple[str, bool]
) -> None:
    choice = choose_jump_node(server(*known), address=address, name=name)

    assert (choice.name, choice.is_new) == chosen


@pytest.mark.parametrize(
    ("address", "name", "told"),
    [
        (None, None, "several JumpNodes"),
        (None, "third", "no JumpNode third"),
        ("jump.domain.ext", "other", "is JumpNode jump in the config"),
        ("new.domain.ext", "other", "is another machine"),
    ],
)
def test_a_jump_node_that_can_t_be_told_is_asked_for(address: str | None, name: str | None, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        choose_jump_node(server("jump", "other"), address=address, name=name)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("host", ("host", 22)),
        ("host:2222", ("host", 2222)),
        ("[2001:db8::1]:2222", ("2001:db8::1", 2222)),
        ("2001:db8::1", ("2001:db8::1", 22)),
    ],
)
def test_an_address_is_read(text: str, address: tuple[str, int]) -> None:
    assert read_address(text) == address


def test_a_key_line_is_taken_without_a_look_at_the_machine() -> None:
    choice = JumpChoice(name="jump", host="nowhere.invalid", port=22, is_new=True)

    assert confirmed_host_key(choice, "bjserver", f"{HOST_KEY} root@jump") == (HOST_KEY, True)
    assert fingerprint(HOST_KEY).startswith("SHA256:")


def test_a_machine_that_shows_no_key_is_said_to(tmp_path: Path) -> None:
    choice = JumpChoice(name="jump", host="127.0.0.1", port=1, is_new=True)

    with pytest.raises(BackupjumpError, match="shows no host key"):
        confirmed_host_key(choice, "bjserver", None)
