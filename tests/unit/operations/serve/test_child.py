from __future__ import annotations

import json

import pytest

from backupjump.operations.serve.child import told

GOOD = {"status": "ok", "snapshot": "20261122T120000Z", "error": None}
BAD = {
    "status": "failed",
    "snapshot": None,
    "error": {"code": "host-key", "message": "another key\n  pinned: SHA256:…"},
}


@pytest.mark.parametrize(
    ("stdout", "said"),
    [
        (json.dumps(GOOD), "ok, 20261122T120000Z"),
        (json.dumps(BAD), "failed, another key"),
        ("a line before\n" + json.dumps(GOOD), "ok, 20261122T120000Z"),
        ("", "ended with 3"),
        ("{", "ended with 3"),
        ("[]", "ended with 3"),
        ('{"status": "failed"}', "ended with 3"),
    ],
)
def test_what_a_run_came_to_is_read_from_its_last_line(stdout: str, said: str) -> None:
    assert told(stdout.encode(), 3) == said
