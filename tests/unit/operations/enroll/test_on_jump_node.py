"""What a person is told to see to on a JumpNode."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.config.models import JumpNode, Server
from backupjump.operations.enroll.on_jump_node import by_hand_lines
from backupjump.operations.enroll.pending import Pending
from enroll_world import HOST_KEY, INVITATION


@pytest.mark.parametrize(("folder", "by_hand"), [("keys", False), ("by-hand", True)])
def test_a_jump_node_that_enrolment_set_up_is_known_by_a_config_that_is_named_without_its_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, folder: str, by_hand: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    key = tmp_path / folder / "jumpnode-jump"
    node = JumpNode.model_validate(
        {"name": "jump", "host": "jump.example", "user": "bjserver", "identity_file": key, "host_key": HOST_KEY}
    )
    server = Server.model_validate({"store": {"path": "/srv"}}).model_copy(update={"jump_nodes": {"jump": node}})
    pending = Pending(invitation=INVITATION, jump_node="jump", identity_file=tmp_path / "keys/desktop-laptop")

    for config in (Path("backupjump.yaml"), tmp_path / "backupjump.yaml"):
        assert bool(by_hand_lines(server, config, pending)) == by_hand
