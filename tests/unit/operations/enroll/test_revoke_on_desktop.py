"""What taking the Server's keys back leaves of those that are somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.operations.enroll.desktop_files import plan_config, write_config
from backupjump.operations.enroll.revoke_on_desktop import plan_withdrawal
from enroll_world import INVITATION


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a Desktop's config with its key, a key of a renewal, and one that its owner put there."""
    path = tmp_path / "backupjump.yaml"
    write_config(plan_config(path, INVITATION, read=(), to="localhost:22"))
    (tmp_path / "keys").mkdir()
    for name in ("tunnel", "tunnel-0123abcd", "tunnel-of-mine"):
        (tmp_path / "keys" / name).write_text("a key")
    return path


def test_the_keys_that_enrolment_made_go(config: Path) -> None:
    plan = plan_withdrawal(config, authorized_keys=config.parent / "authorized_keys")

    assert [path.name for path in plan.deletes] == ["tunnel", "tunnel-0123abcd"]
    assert plan.kept == ()


def test_a_key_that_the_config_for_another_server_names_stays(config: Path) -> None:
    other = config.with_name("other.yaml")
    write_config(plan_config(other, INVITATION, read=(), to="localhost:22"))

    plan = plan_withdrawal(config, authorized_keys=config.parent / "authorized_keys")

    assert [path.name for path in plan.deletes] == ["tunnel-0123abcd"]
    assert plan.kept == (config.parent / "keys/tunnel",)
