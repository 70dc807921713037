"""The agent's hand on its ssh: real sshds, a clock of the test's own for the pauses."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.sshd import make_key
from backupjump.operations.agent.keeper import Keeper
from program import until

pytestmark = pytest.mark.lab


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def keeping(lab: Lab, clock: Clock, *forwards: object) -> Iterator[Keeper]:
    ways = forwards or (lab.forward,)
    with Keeper(ways, lab.folder / "desktop/agent", clock=clock, chance=lambda: 0.5) as keeper:  # type: ignore[arg-type]
        yield keeper


def becomes(keeper: Keeper, phase: str) -> Callable[[], bool]:
    """Return a step of the keeper that tells whether it is in `phase`."""

    def step() -> bool:
        keeper.keep(wanted=True)
        return keeper.phase == phase

    return step


def answers(lab: Lab) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", lab.tunnel_port), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def test_the_tunnel_opens_when_wanted_and_closes_when_not(lab: Lab, clock: Clock) -> None:
    with keeping(lab, clock) as keeper:
        until(becomes(keeper, "open"))
        opened = answers(lab)
        keeper.keep(wanted=False)

        assert (opened, keeper.phase) == (True, "closed")
        until(lambda: not answers(lab))


def test_a_tunnel_that_broke_is_opened_again_after_five_seconds(lab: Lab, clock: Clock) -> None:
    with keeping(lab, clock) as keeper:
        until(becomes(keeper, "open"))
        lab.jump.cut_connections()
        until(becomes(keeper, "waiting"))
        clock.now += 4.9
        keeper.keep(wanted=True)
        too_early = keeper.phase
        clock.now += 0.2

        assert (too_early, keeper.failures) == ("waiting", 1)
        until(becomes(keeper, "open"))
        assert answers(lab)


def test_an_absent_jump_node_is_tried_more_seldom_and_at_once_when_the_network_changes(lab: Lab, clock: Clock) -> None:
    lab.jump.stop()
    with keeping(lab, clock) as keeper:
        for failures, pause in ((1, 5), (2, 10), (3, 10)):
            until(becomes(keeper, "opening"))
            until(becomes(keeper, "waiting"))
            assert keeper.failures == failures
            clock.now += pause + 0.1
        until(becomes(keeper, "opening"))
        until(becomes(keeper, "waiting"))
        lab.jump.start()

        keeper.jolt(redial=False)

        until(becomes(keeper, "open"))


def test_after_a_minute_of_standing_the_pauses_begin_anew(lab: Lab, clock: Clock) -> None:
    def breaks_after(seconds: float) -> int:
        clock.advance(15)
        until(becomes(keeper, "open"))
        keeper.keep(wanted=True)
        clock.advance(seconds)
        keeper.keep(wanted=True)
        lab.jump.cut_connections()
        until(becomes(keeper, "waiting"))
        return keeper.failures

    with keeping(lab, clock) as keeper:
        failures = [breaks_after(seconds) for seconds in (1, 59, 61)]

    assert failures == [1, 2, 1]


def test_a_refused_key_is_not_tried_again_for_a_quarter_of_an_hour_whatever_the_network_does(
    lab: Lab, clock: Clock
) -> None:
    stranger = make_key(lab.folder / "stranger", comment="stranger")
    forward = replace(lab.forward, jump=replace(lab.forward.jump, identity_file=stranger))
    with keeping(lab, clock, forward) as keeper:
        until(becomes(keeper, "opening"))
        until(becomes(keeper, "waiting"))
        tries = lab.jump.log.read_text().count("Connection from")
        clock.now += 800
        keeper.jolt(redial=True)
        keeper.keep(wanted=True)

        assert (keeper.phase, "does not accept our key" in keeper.trouble) == ("waiting", True)
        assert lab.jump.log.read_text().count("Connection from") == tries
        clock.now += 101
        until(becomes(keeper, "opening"))


def test_of_two_jump_nodes_the_second_is_tried_at_once_when_the_first_is_another_machine(
    lab: Lab, clock: Clock
) -> None:
    rebuilt = replace(
        lab.forward, jump=replace(lab.forward.jump, alias="bj-old", host_keys=(lab.desktop.host_key_public,))
    )
    with keeping(lab, clock, rebuilt, lab.forward) as keeper:
        until(becomes(keeper, "open"))

        assert answers(lab)
        assert keeper.forward == lab.forward


def test_after_sleep_the_tunnel_is_dialled_anew_and_there_is_only_one(lab: Lab, clock: Clock) -> None:
    with keeping(lab, clock) as keeper:
        until(becomes(keeper, "open"))

        keeper.jolt(redial=True)

        assert keeper.phase == "closed"
        until(becomes(keeper, "open"))
        assert answers(lab)


def test_a_port_that_somebody_else_has_is_told_and_tried_again(lab: Lab, clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", lab.tunnel_port)), keeping(lab, clock) as keeper:
        until(becomes(keeper, "opening"))
        until(becomes(keeper, "waiting"))

        assert "is taken" in keeper.trouble


def test_after_a_long_dead_link_the_port_of_the_tunnel_before_is_soon_tried_again(lab: Lab, clock: Clock) -> None:
    lab.jump.stop()
    with keeping(lab, clock) as keeper:
        for _ in range(4):
            until(becomes(keeper, "opening"))
            until(becomes(keeper, "waiting"))
            clock.now += 10.1
        lab.jump.start()
        with socket.create_server(("127.0.0.1", lab.tunnel_port)):
            until(lambda: becomes(keeper, "waiting")() and "is taken" in keeper.trouble)
        clock.now += 10.1

        until(becomes(keeper, "open"))
