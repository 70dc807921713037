"""The Desktop's config: written where there is none, completed where it says too little, left alone otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from backupjump.config.desktop import load_desktop
from backupjump.errors import ConfigError, UsageError
from backupjump.operations.enroll.desktop_files import plan_config, write_config
from backupjump.operations.enroll.invitation import Invitation, JumpAccount
from enroll_world import HOST_KEY, INVITATION, public_key

TO = "localhost:22"


def written(file: Path, invitation: Invitation = INVITATION, *, read: tuple[str, ...] = ()) -> None:
    write_config(plan_config(file, invitation, read=read, to=TO))


def test_a_config_that_is_written_says_what_the_invitation_said(tmp_path: Path) -> None:
    file = tmp_path / "new/backupjump.yaml"

    written(file, replace(INVITATION, expires=date(2027, 12, 31)))

    config = load_desktop(file)
    jump = config.tunnel.jump_nodes[0]
    assert (jump.host, jump.port, jump.user, jump.host_keys) == ("jumpnode.domain.ext", 22, "tunnel", (HOST_KEY,))
    assert jump.identity_file == tmp_path / "new/keys/tunnel"
    assert (config.tunnel.port, config.tunnel.to_host, config.tunnel.to_port) == (2020, "localhost", 22)
    assert config.tunnel.expires == date(2027, 12, 31)
    assert config.gate is not None
    assert (config.gate.read, config.gate.hooks) == (("/home/me",), {})
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_spare_host_key_and_the_owner_s_own_choice_of_folders_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "backupjump.yaml"
    spare = public_key(60)

    written(
        file, replace(INVITATION, jump=JumpAccount("h", 22, "tunnel", (HOST_KEY, spare))), read=("/srv/a", "/srv/b")
    )

    config = load_desktop(file)
    assert config.tunnel.jump_nodes[0].host_keys == (HOST_KEY, spare)
    assert config.gate is not None
    assert config.gate.read == ("/srv/a", "/srv/b")


def test_a_config_that_says_all_of_it_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "backupjump.yaml"
    written(file)
    before = file.read_bytes()

    plan = plan_config(file, INVITATION, read=("/home/me",), to=TO)

    assert not plan.changes
    write_config(plan)
    assert file.read_bytes() == before


def test_a_config_without_a_gate_gets_one_and_its_comments_stay(tmp_path: Path) -> None:
    file = tmp_path / "backupjump.yaml"
    written(file)
    tunnel = "# mine\n" + file.read_text().partition("gate:")[0].rstrip()
    file.write_text(tunnel)

    written(file)

    assert file.read_text().startswith(tunnel + "\ngate:")
    assert load_desktop(file).gate is not None


def test_a_config_that_only_says_where_to_remember_is_completed(tmp_path: Path) -> None:
    file = tmp_path / "backupjump.yaml"
    file.write_text(f"state_dir: {tmp_path}/state")

    written(file)

    config = load_desktop(file)
    assert config.state_dir == tmp_path / "state"
    assert config.tunnel.port == 2020


def test_a_day_on_which_the_keys_end_is_put_into_a_config_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "backupjump.yaml"
    written(file)

    written(file, replace(INVITATION, expires=date(2027, 12, 31)))

    assert load_desktop(file).tunnel.expires == date(2027, 12, 31)


@pytest.mark.parametrize(
    ("invitation", "told"),
    [
        (replace(INVITATION, port=2021), "is there, for port 2020"),
        (replace(INVITATION, jump=replace(INVITATION.jump, host="other.domain.ext")), "is there, for port 2020"),
        (replace(INVITATION, jump=replace(INVITATION.jump, user="other")), "is there, for port 2020"),
        (replace(INVITATION, jump=replace(INVITATION.jump, host_keys=(public_key(61),))), "pins another host key"),
    ],
)
def test_a_config_for_another_tunnel_is_its_owner_s(tmp_path: Path, invitation: Invitation, told: str) -> None:
    file = tmp_path / "backupjump.yaml"
    written(file)
    before = file.read_bytes()

    with pytest.raises(UsageError, match=told):
        plan_config(file, invitation, read=(), to=TO)

    assert file.read_bytes() == before


def test_a_server_s_config_and_an_empty_wish_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "backupjump.yaml"
    file.write_text("store: {path: /srv}\n")

    with pytest.raises(UsageError, match="is not a Desktop's config"):
        plan_config(file, INVITATION, read=(), to=TO)
    with pytest.raises(UsageError, match="asks for no folder"):
        plan_config(tmp_path / "other.yaml", replace(INVITATION, read=()), read=(), to=TO)


def test_where_the_tunnel_of_a_config_leads_is_what_counts(tmp_path: Path) -> None:
    file = tmp_path / "backupjump.yaml"
    write_config(plan_config(file, INVITATION, read=(), to="[::1]:2222"))

    assert plan_config(file, INVITATION, read=(), to=TO).to == "[::1]:2222"


@pytest.mark.parametrize("content", ["{state_dir: /var/lib/here}\n", "state_dir: /var/lib/here\n...\n"])
def test_a_config_that_nothing_can_be_added_to_is_refused_before_anything_is_changed(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "backupjump.yaml"
    file.write_text(content)

    with pytest.raises(ConfigError, match="tunnel and gate can't be added at its end"):
        plan_config(file, INVITATION, read=(), to=TO)

    assert file.read_text() == content
