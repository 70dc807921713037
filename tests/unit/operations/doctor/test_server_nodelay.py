"""What two seconds of questions mean for a tunnel."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backupjump.operations.doctor.finding import OK, WARN
from backupjump.operations.doctor.server_nodelay import delay_finding
from backupjump.operations.gate import DesktopTunnel, Gate
from backupjump.ssh.answers import Answers


def answers(alone_ms: float, behind_ms: float) -> Answers:
    return Answers(alone_seconds=alone_ms / 1000, behind_another_seconds=behind_ms / 1000, count=40)


def gate(*, asks_session: bool) -> Gate:
    tunnel = DesktopTunnel(opens="when-due", every="20h", asks_session=asks_session)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Gate(version=1, rsync_said="", confines=True, roots={}, clock=now, hooks=(), tunnel=tunnel)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (answers(0.8, 1.0), OK),
        (answers(1.1, 40.9), WARN),
        # A line with a delay of its own, and one that wavers.
        (answers(100, 101), OK),
        (answers(100, 112), OK),
        (answers(100, 241), WARN),
    ],
)
def test_what_waits_behind_another_message_and_not_by_itself_is_held_back(measured: Answers, verdict: str) -> None:
    found = delay_finding("desktop laptop", measured, gate(asks_session=True))

    assert (found.verdict, bool(found.fix)) == (verdict, verdict == WARN)


def test_it_says_what_that_costs_and_the_jump_node_s_root_what_to_type() -> None:
    for known in (None, gate(asks_session=True)):
        found = delay_finding("desktop laptop", answers(1.1, 40.9), known)

        assert "40 ms go with every answer of some 100 KB" in found.evidence
        assert found.fix.startswith("on the JumpNode, as root: ")
        assert "Match User tunnel\\n  MaxSessions 1\\n  ForceCommand /usr/sbin/nologin\\n  PermitTTY no\\n" in found.fix


def test_an_older_desktop_is_not_mended_on_the_jump_node() -> None:
    found = delay_finding("desktop laptop", answers(1.1, 40.9), gate(asks_session=False))

    assert found.fix == "on the Desktop: backupjump --version"
