"""What the Server knows of a Desktop that is not there."""

from __future__ import annotations

import pytest

from backupjump.demo.lab import Lab
from program import backupjump

pytestmark = pytest.mark.lab


def test_status_says_of_an_absent_desktop_when_it_was_last_seen(lab: Lab) -> None:
    (lab.home / "file").write_text("content")
    config = lab.server_config()
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    run = backupjump(config, "run", "nightly", "--json").json
    lab.close_tunnel()
    assert backupjump(config, "run", "nightly").code == 75

    (found,) = backupjump(config, "status", "--json").json

    assert (found["state"], found["next_expected_at"]) == ("away", None)
    assert run["started_at"] <= found["last_contact_at"] <= run["ended_at"]
    assert found["help"].startswith("last seen 2")
    assert (lab.state / "desktops/desktop.json").exists()
