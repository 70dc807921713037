"""`serve`, with real sshds: what it starts, when, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import descendants, is_running, kill_tree
from program import argv, backupjump, until

pytestmark = pytest.mark.lab


class Serving:
    """A `serve` under way, and what it has logged."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def says(self, words: str, *, times: int = 1) -> None:
        """Return once it has said so."""
        until(lambda: self.log.count(words) >= times, seconds=40, what=f"{words!r} in {self.log}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def serving(config: Path) -> Iterator[Serving]:
    log = config.parent / "serve.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(argv(config, "serve"), stdin=subprocess.DEVNULL, stderr=stderr)
    try:
        yield Serving(process, log)
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
        if process.poll() is None:
            kill_tree(process.pid, itself_too=True)
            process.wait()


def stand(lab: Lab, route: str = "proxyjump", **jobs: str) -> Path:
    """Return the config of a Server with a store and these jobs (their YAML behind desktop and sources)."""
    texts = {name: f"desktop: desktop\nsources: [{lab.home}]\n{more}\n" for name, more in jobs.items()}
    config = lab.server_config(route, jobs=texts)
    assert backupjump(config, "store", "init").code == 0
    return config


def statuses(config: Path, job: str) -> list[str]:
    return [run["status"] for run in backupjump(config, "history", job, "--json").json]


DAILY = "schedule: {every: day}"


def test_a_due_job_starts_when_its_desktop_comes_and_then_not_again(lab: Lab) -> None:
    config = stand(lab, nightly=DAILY)
    with serving(config) as server:
        until(lambda: "Accepted publickey" in lab.jump.log.read_text(), seconds=20)
        early = statuses(config, "nightly")
        lab.open_tunnel()
        server.says("nightly: ok, 20")
        code = server.end()

    assert (early, statuses(config, "nightly"), code) == ([], ["ok"], 143)
    assert server.log.count("nightly: started") == 1


@pytest.mark.long
@pytest.mark.parametrize("route", ["local", "nested"])
def test_routes_without_a_standing_login_are_served_too(lab: Lab, route: str) -> None:
    config = stand(lab, route, nightly=DAILY)
    lab.open_tunnel()
    with serving(config) as server:
        server.says("nightly: ok, 20")


@pytest.mark.long
def test_two_jobs_of_one_desktop_run_one_after_the_other(lab: Lab) -> None:
    other = lab.home.parent / "other"
    other.mkdir()
    config = stand(lab, first=DAILY, second=DAILY)
    second = config.parent / "jobs/second.yaml"
    second.write_text(second.read_text().replace(str(lab.home), str(other)))
    lab.open_tunnel()
    with serving(config) as server:
        server.says("first: ok")
        server.says("second: ok")

    lines = [line[9:].partition(",")[0] for line in server.log.splitlines() if ": ok" in line or "started" in line]
    assert lines == ["first: started", "first: ok", "second: started", "second: ok"]


@pytest.mark.long
def test_a_hangup_reads_the_config_anew_and_a_broken_one_is_not_taken(lab: Lab) -> None:
    config = stand(lab, nightly=DAILY)
    lab.open_tunnel()
    with serving(config) as server:
        server.says("nightly: ok")
        good = (config.parent / "jobs/nightly.yaml").read_text()
        (config.parent / "jobs/photos.yaml").write_text("desktop: nobody\n")
        server.process.send_signal(signal.SIGHUP)
        server.says("the config is not read anew")
        (config.parent / "jobs/photos.yaml").write_text(good.replace(str(lab.home), f"{lab.home.parent}/keys"))
        server.process.send_signal(signal.SIGHUP)
        server.says("the config was read anew: 2 jobs")
        server.says("photos: ok")


def test_a_job_that_fails_is_not_tried_again_at_once_and_starves_no_other(lab: Lab) -> None:
    config = stand(lab, broken=DAILY, nightly=DAILY)
    broken = config.parent / "jobs/broken.yaml"
    broken.write_text(broken.read_text().replace(str(lab.home), f"{lab.home.parent}/gone"))
    lab.open_tunnel()
    with serving(config) as server:
        server.says("broken: failed, source")
        server.says("nightly: ok")

    assert server.log.count("broken: started") == 1


def test_at_its_end_a_run_under_way_ends_in_order_and_nothing_is_left(lab: Lab) -> None:
    (lab.home / "large").write_bytes(b"x" * 20_000_000)
    config = stand(lab, nightly=f"{DAILY}\nbwlimit: 1 MB/s")
    lab.open_tunnel()
    with serving(config) as server:
        server.says("nightly: started")
        until(lambda: any((lab.store / "desktop/nightly/work").glob("*/tree")), seconds=20)
        children = descendants(server.process.pid)
        code = server.end()

    assert code == 143
    assert children
    assert not [pid for pid in children if is_running(pid)]
    last = json.loads((lab.store / "desktop/nightly/runs.jsonl").read_text().splitlines()[-1])
    assert (last["status"], last["exit_code"]) == ("interrupted", 143)


def test_a_jump_node_that_shows_another_host_key_is_a_failed_run_of_one_job(lab: Lab) -> None:
    config = stand(lab, nightly=DAILY)
    lab.open_tunnel()
    lab.jump.renew_host_key()
    with serving(config) as server:
        server.says("nightly: failed, JumpNode jumpnode shows another host key")

    assert statuses(config, "nightly") == ["failed"]
    (state,) = backupjump(config, "status", "--json").json
    assert (state["state"], "backupjump enroll repin" in state["help"]) == ("broken", True)


def test_a_stranger_behind_the_port_is_a_failed_run_and_not_a_storm(lab: Lab) -> None:
    config = stand(lab, nightly=DAILY)
    lab.desktop.renew_host_key()
    lab.open_tunnel()
    with serving(config) as server:
        server.says("nightly: failed, desktop desktop shows another host key")

    assert statuses(config, "nightly") == ["failed"]
