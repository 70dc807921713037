"""What a command on the Desktop says, read while it runs: by real sshds, broken off at every point."""

from __future__ import annotations

import os
import signal
import time
from threading import Timer

import pytest

from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.errors import LinkLost, Stopped, TunnelNotOpen, WindowOver
from backupjump.process import Completed, signals_as_exceptions
from backupjump.ssh.control import Control, open_control
from backupjump.ssh.stream import Stream
from lab.routes import BY_TUNNEL, EVERY, route_in
from program import until

pytestmark = pytest.mark.lab

MUCH = 20_000_000


def stream(control: Control, script: str, *, idle: float = 30, seconds: float = 60) -> Stream:
    return control.stream(["sh", "-c", script], idle_seconds=idle, deadline=time.monotonic() + seconds)


def read_all(said: Stream) -> tuple[int, Completed]:
    """Return how many bytes came, and the end."""
    return sum(map(len, said.chunks())), said.end()


@pytest.mark.parametrize("kind", EVERY)
def test_all_of_it_arrives_and_how_it_ended(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    with (
        open_control(route_in(lab, kind)) as control,
        stream(control, "head -c 3000000 /dev/zero; echo \"a  b\" '*' >&2; exit 7") as said,
    ):
        size, end = read_all(said)

    assert (size, end.status, end.stderr) == (3_000_000, 7, b"a  b *\n")


def test_a_reader_that_is_slow_holds_the_sender_up(lab: Lab) -> None:
    lab.open_tunnel()
    done = lab.folder / "done"
    with (
        open_control(route_in(lab, RouteKind.PROXYJUMP)) as control,
        stream(control, f"head -c {MUCH} /dev/zero; touch {done}") as said,
    ):
        chunks = said.chunks()
        first = next(chunks)
        for _ in range(3):
            assert control.run(["echo", "meanwhile"], timeout=30).stdout == b"meanwhile\n"
        held_up = not done.exists()
        rest = sum(map(len, chunks))

    assert held_up
    assert len(first) + rest == MUCH
    assert done.exists()


def test_a_reader_that_leaves_ends_the_command_and_not_the_connection(lab: Lab) -> None:
    lab.open_tunnel()
    ended = lab.folder / "ended"
    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control:
        with stream(control, f"yes; touch {ended}") as said:
            next(said.chunks())

        until(ended.exists, what="the end of a command that nobody reads")
        assert control.run(["echo", "still here"], timeout=30).stdout == b"still here\n"


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ("sleep 60", LinkLost, "desktop desktop said nothing for 1 s"),
        ("exec <&- >&- 2>&-; sleep 60", LinkLost, "desktop desktop said nothing for 1 s"),
        ("yes >&2", LinkLost, "desktop desktop said nothing for 1 s"),
        ("while echo .; do sleep 0.1; done", WindowOver, "in its time"),
        ("yes", WindowOver, "in its time"),
    ],
)
def test_a_command_that_hangs_or_never_ends_is_given_up_in_time(
    lab: Lab, script: str, error: type[Exception], message: str
) -> None:
    lab.open_tunnel()
    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control:
        started = time.monotonic()
        with pytest.raises(error, match=message), stream(control, script, idle=1, seconds=3) as said:
            read_all(said)

        assert time.monotonic() - started < 8
        assert control.run(["echo", "still here"], timeout=30).stdout == b"still here\n"


@pytest.mark.parametrize("kind", BY_TUNNEL)
def test_a_link_that_breaks_under_a_stream_is_lost(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    with open_control(route_in(lab, kind)) as control:
        cut = Timer(0.5, lab.jump.cut_connections)
        cut.start()
        with pytest.raises((LinkLost, TunnelNotOpen)), stream(control, "sleep 60") as said:
            read_all(said)
        cut.join()


def test_after_the_link_broke_or_was_closed_nothing_is_started(lab: Lab) -> None:
    lab.open_tunnel()
    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control:
        lab.jump.cut_connections()
        with pytest.raises(LinkLost):
            stream(control, "true")
        control.close()
        with pytest.raises(LinkLost, match="is closed"):
            stream(control, "true")


def test_a_stream_that_is_interrupted_is_left_at_once(lab: Lab) -> None:
    lab.open_tunnel()
    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control, signals_as_exceptions(Stopped, signal.SIGUSR1):
        Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        started = time.monotonic()
        with pytest.raises(Stopped), stream(control, "sleep 60") as said:
            next(said.chunks())

        assert time.monotonic() - started < 5
