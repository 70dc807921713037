"""Nothing is told twice, nothing is lost, and nobody has to run anything: where several look, or one can't remember."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import kill_tree
from backupjump.operations.recorded import recorded
from backupjump.operations.under_way import Asked
from lab.nightly import Nightly
from program import argv, backupjump, until
from tell_world import mail_server, mute_server, web_server

pytestmark = pytest.mark.lab


class NoStore:
    """A Server whose store is not there, so that each run fails at once, and a program that notes what it is told."""

    def __init__(self, lab: Lab, tmp_path: Path, *, jobs: tuple[str, ...] = ("nightly",), channel: str = "") -> None:
        job = f"desktop: desktop\nsources: [{lab.home}]\n"
        self.config = lab.server_config(jobs=dict.fromkeys(jobs, job))
        self.state = lab.state
        self.notes = tmp_path / "notes"
        script = tmp_path / "tell"
        # One append of each message, whole: what two processes write does not mix.
        script.write_text(f"#!/bin/sh\nmessage=$(cat)\nsleep 0.3\nprintf '%s\\n' \"$message\" >> {self.notes}\n")
        script.chmod(0o755)
        more = f"\nnotify: [{{command: [{script}]{channel}}}]\n"
        self.config.write_text(self.config.read_text() + more)

    @property
    def told(self) -> list[list[str]]:
        """The jobs of each message."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [[job["job"] for job in json.loads(line)["jobs"]] for line in lines]

    def run(self, *names: str) -> str:
        """Run jobs, all of which fail; return what is said on stderr."""
        said = backupjump(self.config, "run", "--seed", *names)
        assert said.code == 1, said
        return said.err


def test_runs_that_end_at_once_tell_each_thing_once(lab: Lab, tmp_path: Path) -> None:
    jobs = tuple(f"job{number}" for number in range(4))
    world = NoStore(lab, tmp_path, jobs=jobs)

    children = [subprocess.Popen(argv(world.config, "run", "--seed", job), stdout=subprocess.DEVNULL) for job in jobs]
    codes = [child.wait(timeout=60) for child in children]
    world.run(*jobs)  # the last look of several jobs tells what was held

    told = [job for message in world.told for job in message]
    assert codes == [1] * 4
    assert sorted(told) == sorted(jobs)
    assert len(world.told) <= 2


def test_a_lost_memory_costs_one_message_more(lab: Lab, tmp_path: Path) -> None:
    world = NoStore(lab, tmp_path)

    world.run("nightly")
    world.run("nightly")
    for file in world.state.glob("told-*"):
        file.unlink()
    world.run("nightly")
    world.run("nightly")

    assert world.told == [["nightly"]] * 2


def test_what_can_t_be_remembered_is_told_by_runs_that_tried_something_alone(lab: Lab, tmp_path: Path) -> None:
    nightly = Nightly(lab)
    script = tmp_path / "tell"
    script.write_text(f"#!/bin/sh\necho told >> {tmp_path}/notes\n")
    script.chmod(0o755)
    nightly.say("schedule: {every: hour}")
    nightly.config.write_text(nightly.config.read_text() + f"\nnotify: [{{command: [{script}]}}]\n")
    nightly.job.write_text(nightly.job.read_text().replace(str(lab.home), str(lab.home / "gone")))
    nightly.run(code=1)
    (file,) = lab.state.glob("told-*.json")
    file.unlink()
    file.mkdir()  # nothing can take its place, whoever we are

    nightly.run(code=1)
    not_due = [backupjump(nightly.config, "run", "nightly", "--if-due") for _ in range(2)]

    assert [said.code for said in not_due] == [0, 0]
    assert (tmp_path / "notes").read_text().splitlines() == ["told"] * 2


def test_a_digest_comes_once_a_day_and_tells_all_of_it(lab: Lab, tmp_path: Path) -> None:
    far_from_now = f"{datetime.now(UTC) + timedelta(hours=12):%H:%M}"
    world = NoStore(lab, tmp_path, jobs=("nightly", "photos"), channel=f', digest: "{far_from_now}"')

    world.run("nightly")
    world.run("photos")
    before = list(world.told)
    (file,) = world.state.glob("told-*.json")
    found = json.loads(file.read_text())
    next(iter(found["channels"].values()))["digest_at"] = "2026-01-01T00:00:00Z"
    file.write_text(json.dumps(found))
    world.run("nightly")

    assert (before, world.told) == ([["nightly"]], [["nightly"], ["photos"]])


def test_a_program_that_breaks_tells_of_it_too(lab: Lab, tmp_path: Path) -> None:
    world = NoStore(lab, tmp_path)
    with web_server() as site:
        ping = f'ping: {{url: "{site.url}/{{job}}"}}\n'
        world.config.write_text(world.config.read_text() + ping)
        asked = Asked(config=world.config, seed=True)
        with pytest.raises(ZeroDivisionError), recorded("nightly", asked):
            raise ZeroDivisionError("a bug")

    assert (site.paths, world.told) == (["/nightly/fail"], [["nightly"]])
    assert "backupjump broke: ZeroDivisionError: a bug" in site.requests[0][1]


def test_a_signal_ends_a_run_that_waits_for_a_server_that_never_answers(lab: Lab, tmp_path: Path) -> None:
    world = NoStore(lab, tmp_path)
    with mute_server() as port:
        mail = f"{{host: 127.0.0.1, port: {port}, security: none, from: b@localhost, to: me@localhost}}"
        world.config.write_text(world.config.read_text().partition("\nnotify:")[0] + f"\nnotify: [{{email: {mail}}}]\n")
        run = subprocess.Popen(argv(world.config, "run", "--seed", "nightly"), stdout=subprocess.DEVNULL)
        until(lambda: list(world.state.glob("told-*.json")), what="the beginning of a try to tell")
        run.send_signal(signal.SIGTERM)

        assert run.wait(timeout=10) == 143
    (file,) = world.state.glob("told-*.json")
    (memory,) = json.loads(file.read_text())["channels"].values()
    assert memory["unreached"]["why"] == "the program ended while it was telling"


def test_serve_tells_of_a_job_that_nobody_runs(lab: Lab, tmp_path: Path) -> None:
    nightly = Nightly(lab)
    nightly.run()
    nightly.say("schedule: {every: day}\nmax_age: 1s")
    lab.close_tunnel()
    metrics = tmp_path / "backupjump.prom"
    with mail_server() as box:
        mail = f"{{host: 127.0.0.1, port: {box.port}, security: none, from: b@localhost, to: me@localhost}}"
        more = f"\nnotify: [{{email: {mail}}}]\nmetrics: {{textfile: {metrics}}}\n"
        nightly.config.write_text(nightly.config.read_text() + more)
        until(lambda: "late" in backupjump(nightly.config, "status").out, what="a late job")

        serve = subprocess.Popen(argv(nightly.config, "-q", "serve"), start_new_session=True)
        try:
            until(lambda: box.mails and metrics.exists(), seconds=40, what="a mail and the numbers")
            os.kill(serve.pid, signal.SIGTERM)
            assert serve.wait(timeout=40) == 143
        finally:
            kill_tree(serve.pid, itself_too=True)
            serve.wait()

    assert [subject.partition(" since ")[0] for subject in box.subjects] == ["nightly: STALE"]
    assert 'state="late"} 1' in metrics.read_text()
