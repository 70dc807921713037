"""What a run tells of the room in its store."""

from __future__ import annotations

from shutil import disk_usage

import pytest

from backupjump.demo.lab import Lab
from program import backupjump

pytestmark = pytest.mark.lab


def test_a_run_tells_what_the_store_s_disk_has_left_and_the_page_is_made_of_a_real_one(lab: Lab) -> None:
    (lab.home / "file").write_text("content")
    config = lab.server_config()
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()

    run = backupjump(config, "run", "nightly", "--json").json
    page = backupjump(config, "report", "-o", "-").out

    assert 0 < run["store_free_bytes"] <= disk_usage(lab.store).total
    assert backupjump(config, "history", "--json").json[-1]["store_free_bytes"] == run["store_free_bytes"]
    assert "nightly is good" in page
    assert f"<code>{run['snapshot']}</code>" in page
