"""A link that is cut while data moves: the same run goes on when it is back, or the next one does."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from hostile_sender import Sender, send_instead
from lab.gated import HOOK, gated, last, nightly, stand
from program import argv, backupjump, until

pytestmark = pytest.mark.lab

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Place:
    """A job of one large file, a run of it that can be cut at will, and what the run said of itself."""

    lab: Lab
    config: Path
    size: int

    @property
    def attempts(self) -> Path:
        return self.lab.store / "desktop/nightly/work"

    def start(self) -> subprocess.Popen[bytes]:
        words = argv(self.config, "-v", "run", "nightly", "--json")
        log = self.lab.folder / "log"
        with log.open("wb") as err:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err)

    def said(self, text: str) -> bool:
        return text in (self.lab.folder / "log").read_text()

    def arrived(self) -> int:
        """Return how much the newest attempt has of all files, half-written ones too."""
        newest = max(self.attempts.glob("*/tree"), default=self.attempts)
        total = 0
        for folder, _folders, names in os.walk(newest):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    total += (Path(folder) / name).lstat().st_blocks * 512
        return total

    def cut_at(self, share: float) -> None:
        until(lambda: self.arrived() > share * self.size, seconds=60, what=f"{share:.0%} of the file")
        self.lab.jump.cut_connections()
        self.lab.close_tunnel()

    def tree(self, run: dict[str, Any]) -> Path:
        return self.lab.store / "desktop/nightly/snapshots" / run["snapshot"] / "tree" / self.lab.home.relative_to("/")


def place_of(lab: Lab, route: str = "proxyjump", *, size: int, **more: Any) -> Place:
    (lab.home / "large").write_bytes(os.urandom(size))
    job = {"desktop": "desktop", "sources": [str(lab.home)], "bwlimit": "6 MB/s", **more}
    config = lab.server_config(route, jobs={"nightly": json.dumps(job)})
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    return Place(lab, config, size)


def ended(run: subprocess.Popen[bytes], *, seconds: float = 60) -> dict[str, Any]:
    assert run.stdout is not None
    try:
        out, _err = run.communicate(timeout=seconds)
    finally:
        run.kill()
        run.wait()
    found: dict[str, Any] = json.loads(out)
    return found


def status_of(place: Place) -> dict[str, Any]:
    (found,) = backupjump(place.config, "status", "--json").json
    return dict(found)


def later(lab: Lab, seconds: float) -> threading.Timer:
    """Let the Desktop's tunnel come back after a while."""
    timer = threading.Timer(seconds, lab.open_tunnel)
    timer.start()
    return timer


@pytest.mark.parametrize(
    "route", ["proxyjump", *(pytest.param(each, marks=pytest.mark.long) for each in ("nested", "local"))]
)
def test_a_cut_transfer_goes_on_in_the_same_run_with_what_has_arrived(lab: Lab, route: str) -> None:
    place = place_of(lab, route, size=20 * MEGABYTE)
    running = place.start()
    place.cut_at(0.4)
    back = later(lab, 2)

    run = ended(running)

    back.join()
    assert (run["status"], run["attempts"], run["error"]) == ("ok", 2, None)
    assert fingerprint(place.tree(run)) == fingerprint(lab.home)
    assert run["bytes_received"] < place.size * 1.05
    assert list(place.attempts.iterdir()) == []
    assert place.said("waiting for the Desktop")
    assert place.said("reached desktop again")


@pytest.mark.long
def test_a_link_that_breaks_again_and_again_only_counts_against_the_attempts_where_nothing_new_came(lab: Lab) -> None:
    place = place_of(lab, size=32 * MEGABYTE, attempts=2)
    running = place.start()
    for share in (0.2, 0.4, 0.6):
        place.cut_at(share)
        later(lab, 0.1).join()

    run = ended(running)

    assert (run["status"], run["attempts"]) == ("ok", 4)
    assert fingerprint(place.tree(run)) == fingerprint(lab.home)
    # Each cut loses what is on the way: on a busy machine the window of an SSH channel, 2 MiB.
    assert run["bytes_received"] < place.size + 3 * 3 * MEGABYTE


@pytest.mark.long
def test_a_desktop_that_stays_away_ends_the_run_after_its_grace_and_the_next_one_goes_on(lab: Lab) -> None:
    place = place_of(lab, size=20 * MEGABYTE, grace="3s")
    running = place.start()
    place.cut_at(0.5)
    began = time.monotonic()

    run = ended(running)

    assert (running.returncode, run["status"], run["error"]["code"]) == (75, "interrupted", "link-lost")
    assert "did not come back in time (grace: 3s)" in run["error"]["message"]
    assert time.monotonic() - began >= 3
    lab.open_tunnel()
    again = backupjump(place.config, "run", "nightly", "--json")
    assert again.code == 0, again
    assert again.json["bytes_received"] < 0.6 * place.size
    assert fingerprint(place.tree(again.json)) == fingerprint(lab.home)


@pytest.mark.long
def test_what_waits_for_a_lost_link_is_ended_by_the_limit_of_the_whole_run(lab: Lab) -> None:
    place = place_of(lab, size=20 * MEGABYTE, time_limit="6s")
    running = place.start()
    place.cut_at(0.3)

    run = ended(running, seconds=25)

    assert (running.returncode, run["status"], run["attempts"]) == (75, "interrupted", 1)


def test_a_signal_ends_a_run_that_waits_for_a_lost_link_at_once(lab: Lab) -> None:
    place = place_of(lab, size=20 * MEGABYTE)
    running = place.start()
    place.cut_at(0.3)
    until(lambda: place.said("waiting for the Desktop"), what="the wait")
    running.terminate()

    run = ended(running)

    assert (running.returncode, run["status"]) == (143, "interrupted")


@pytest.mark.long
def test_another_host_key_on_the_port_ends_the_wait_with_an_error(lab: Lab) -> None:
    place = place_of(lab, size=20 * MEGABYTE)
    running = place.start()
    place.cut_at(0.3)
    lab.desktop.renew_host_key()
    lab.open_tunnel()

    run = ended(running)

    assert (running.returncode, run["error"]["code"]) == (1, "host-key")


@pytest.mark.long
def test_a_desktop_that_hangs_up_at_once_each_time_ends_the_run_after_its_attempts(lab: Lab) -> None:
    world = gated(lab)
    (world.home / "large").write_bytes(os.urandom(2 * MEGABYTE))
    config = stand(lab, nightly(world, attempts=2))
    send_instead(lab, world, Sender(keep=200_000, after="hang up"))

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["error"]["code"], said.json["attempts"]) == (75, "link-lost", 2), said


def test_hooks_that_always_run_do_so_by_the_new_tunnel_and_the_desktop_hears_the_end(lab: Lab) -> None:
    told = lab.folder / "told"
    world = gated(lab, hooks={"thaw": [*HOOK, f"echo thaw >> {told}"]})
    (world.home / "large").write_bytes(os.urandom(20 * MEGABYTE))
    config = stand(lab, nightly(world, hooks={"always": ["thaw"]}, bwlimit="6 MB/s"))
    place = Place(lab, config, 20 * MEGABYTE)
    running = place.start()
    place.cut_at(0.4)
    assert not told.exists()
    later(lab, 0.1).join()

    run = ended(running)

    assert (run["status"], run["attempts"], run["warnings"]) == ("ok", 2, [])
    assert told.read_text() == "thaw\n"
    assert last(world, "done")["status"] == "ok"


@pytest.mark.long
def test_a_first_backup_of_many_sessions_advances_in_each_and_status_says_how_far_it_is(lab: Lab) -> None:
    place = place_of(lab, size=24 * MEGABYTE, grace="1s", schedule={"every": "day"})
    (lab.home / "large").unlink()
    for number in range(24):
        (lab.home / f"file{number:02}").write_bytes(os.urandom(MEGABYTE))
    told = []
    for share in (0.3, 0.6):
        running = place.start()
        place.cut_at(share)
        assert ended(running)["status"] == "interrupted"
        told.append(status_of(place))
        lab.open_tunnel()

    run = ended(place.start())

    assert run["bytes_received"] < 0.5 * 24 * MEGABYTE
    assert told[0]["first_backup"]["nights_left"] > told[1]["first_backup"]["nights_left"] == 1
    for each, share in zip(told, (30, 60), strict=True):
        assert share <= each["first_backup"]["percent"] < share + 20
        assert f"first backup {each['first_backup']['percent']} %, " in each["help"]
    assert status_of(place)["first_backup"] is None
    assert not (lab.store / "desktop/nightly/first-backup.json").exists()
