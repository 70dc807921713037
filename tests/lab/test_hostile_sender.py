"""A Desktop whose rsync talks garbage, stalls or floods: the run ends in time, and only its attempt is touched."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from gate_world import GateWorld
from hostile_sender import Sender, send_instead
from lab.gated import force, gated, published, stand
from measured import Measured, measured_run

pytestmark = pytest.mark.lab

MEBIBYTE = 1 << 20
MOST_MEMORY = 150 * MEBIBYTE
GREETING = (32).to_bytes(4, "little")
LIMITS = {"idle_limit": "2s", "time_limit": "6s", "attempts": 1, "exclude": ["*.tmp"]}


class Place:
    """One lab for all Desktops of this file, with the Server's config; what each has sent stays in its attempt."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.world: GateWorld = gated(lab)
        (self.world.home / "large").write_bytes(os.urandom(3_000_000))
        self.config = stand(lab, {"nightly": {"sources": [str(self.world.home)], **LIMITS}})
        self.folder = lab.store / "desktop/nightly"

    def run_against(self, sender: Sender) -> Measured:
        """Run the job against `sender`, and see to what holds whatever it does."""
        pid = send_instead(self.lab, self.world, sender)
        try:
            said = measured_run(self.config, "nightly")
        finally:
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(pid.read_text()), signal.SIGKILL)
        assert published(self.lab) == [], said
        assert is_free(self.folder / "lock")
        assert said.memory_bytes < MOST_MEMORY, said
        return said


def is_free(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Lab(tmp_path_factory.mktemp("hostile") / "lab") as lab:
        yield Place(lab)


LONG = pytest.mark.long
ENDS = [
    pytest.param(Sender(after="garbage"), 1, "desktop-unfit", "prints text", id="garbage"),
    pytest.param(Sender(keep=100_000, after="hang up"), 75, "link-lost", "lost the link", id="half a file"),
    pytest.param(Sender(after="stall"), 75, "window-over", "idle", id="no greeting"),
    pytest.param(Sender(keep=40, after="stall"), 75, "window-over", "idle", id="half a list", marks=LONG),
    pytest.param(Sender(first=GREETING, after="garbage"), 75, "link-lost", "with", id="a greeting first", marks=LONG),
    pytest.param(Sender(after="stall", stubborn=True), 75, "window-over", "idle", id="deaf to signals", marks=LONG),
]


@pytest.mark.parametrize(("sender", "code", "error", "says"), ENDS)
def test_a_desktop_that_sends_garbage_or_nothing_is_ended_in_time_and_the_job_is_free(
    place: Place, sender: Sender, code: int, error: str, says: str
) -> None:
    said = place.run_against(sender)

    assert (said.code, said.run["error"]["code"]) == (code, error), said
    assert says in said.run["error"]["message"]
    assert said.seconds < 15


@pytest.mark.parametrize(
    "keep",
    [pytest.param(40, id="in the list of files", marks=LONG), pytest.param(100_000, id="in a file")],
)
def test_garbage_where_rsync_expects_something_of_its_own_is_no_snapshot(place: Place, keep: int) -> None:
    said = place.run_against(Sender(keep=keep, after="garbage"))

    # What random bytes mean to rsync differs each time.
    assert said.run["status"] in ("failed", "interrupted"), said
    assert said.seconds < 20


def test_a_desktop_that_sends_a_byte_now_and_then_is_ended_by_the_limit_of_the_whole(place: Place) -> None:
    said = place.run_against(Sender(keep=100_000, after="drip"))

    assert (said.code, said.run["error"]["code"]) == (75, "window-over"), said
    assert "longer than time_limit, 6s" in said.run["error"]["message"]
    assert said.seconds < 12


def test_chatter_beside_a_transfer_that_stands_is_no_sign_of_life_and_fills_no_memory(place: Place) -> None:
    said = place.run_against(Sender(keep=100_000, after="stall", stderr=True))

    assert (said.code, said.run["error"]["code"]) == (75, "window-over"), said
    assert "idle" in said.run["error"]["message"]
    # rsync gets ten seconds to keep what it has, and waits for its ssh, which waits for us to read.
    assert said.seconds < 25
    assert len(said.err) < 100_000


def test_an_honest_run_after_all_of_that_is_whole(place: Place) -> None:
    force(place.lab, shlex.join(place.world.argv))

    said = measured_run(place.config, "nightly")

    assert said.code == 0, said
    shutil.rmtree(place.folder / "snapshots" / said.run["snapshot"])
