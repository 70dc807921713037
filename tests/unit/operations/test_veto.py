from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backupjump.errors import Deferred
from backupjump.operations.gate import DesktopTunnel, Gate
from backupjump.operations.veto import check_veto, veto_of
from unit.ssh.routes import route_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def gate(**tunnel: object) -> Gate:
    told = DesktopTunnel(opens="when-due", every="20h", **tunnel)  # type: ignore[arg-type]
    return Gate(version=1, rsync_said="", confines=True, roots={}, clock=NOON, hooks=(), tunnel=told)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (None, ""),
        (gate(), ""),
        (gate(veto="paused"), "paused"),
        (gate(veto="", deferred_at=NOON, deferred_why="paused"), ""),  # that is over
        (gate(deferred_at=NOON, deferred_why="on battery, 12 %"), "on battery, 12 %"),  # an older gate
        (gate(deferred_at=NOON), "put off"),
    ],
)
def test_the_owner_s_word_of_now_counts_and_of_an_older_gate_what_it_has(asked: Gate | None, why: str) -> None:
    assert veto_of(asked) == why


def test_only_past_the_tunnel_the_gate_s_word_puts_a_run_off() -> None:
    check_veto(route_of("proxyjump"), gate(veto="paused"))
    with pytest.raises(Deferred, match=r"has put backups off: pau\\x1bsed"):
        check_veto(route_of("direct"), gate(veto="pau\x1bsed"))
