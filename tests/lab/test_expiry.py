"""Keys that end soon: each run and the status say so, and no run is called a warning for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from backupjump.config.edit import set_values
from backupjump.demo.lab import Lab
from program import backupjump

pytestmark = pytest.mark.lab


def test_keys_that_end_soon_are_told_of_by_run_and_status_and_cron_hears_nothing(lab: Lab) -> None:
    config = lab.server_config()
    ends = datetime.now().astimezone().date() + timedelta(days=30)
    set_values(config, {("desktops", "desktop", "expires"): str(ends)})
    (lab.home / "file").write_text("text")
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()

    quiet = backupjump(config, "run", "nightly")
    (told,) = backupjump(config, "history", "--json").json
    status = backupjump(config, "status", "--json")

    warning = f"the keys of desktop desktop end on {ends}, in 30 days; renew them: backupjump enroll rotate desktop"
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert (told["status"], told["warnings"]) == ("ok", [warning])
    assert [(each["state"], each["help"]) for each in status.json] == [("good", warning)]
