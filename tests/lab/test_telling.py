"""Somebody is told what becomes of real runs: by mail, by a program, by a service; no run is the worse for it."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from lab.nightly import Nightly
from program import backupjump, until
from tell_world import Mailbox, free_port, mail_server, mute_server, web_server

pytestmark = pytest.mark.lab


class Told(Nightly):
    """A lab whose config names whom to tell."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self._server = self.config.read_text()

    def tell(self, more: str) -> None:
        """Write the Server's file with `more` lines."""
        self.config.write_text(f"{self._server}\n{more}\n")

    def tell_by_mail(self, port: int, more: str = "") -> None:
        """Tell by the mail server at `port`."""
        mail = f"{{host: 127.0.0.1, port: {port}, security: none, from: b@localhost, to: me@localhost}}"
        self.tell(f"notify: [{{email: {mail}{more}}}]")

    def break_it(self) -> None:
        """Let the job ask for a folder that is not there."""
        self.job.write_text(self.plain.replace(str(self.lab.home), str(self.lab.home / "gone")))


@pytest.fixture
def nightly(lab: Lab) -> Told:
    return Told(lab)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as running:
        yield running


def test_failed_still_failing_recovered_stale_are_three_mails(nightly: Told, box: Mailbox) -> None:
    nightly.tell_by_mail(box.port)

    nightly.run()
    nightly.break_it()
    nightly.run(code=1)
    nightly.run(code=1)
    nightly.say("")
    nightly.run()
    nightly.say("schedule: {every: day}\nmax_age: 1s")
    until(lambda: "late" in backupjump(nightly.config, "status").out, what="a late job")
    not_due = [backupjump(nightly.config, "run", "nightly", "--if-due") for _ in range(2)]

    assert [re.split(r" since |, last", subject)[0] for subject in box.subjects] == [
        "nightly: FAILED",
        "nightly: safe again",
        "nightly: STALE",
    ]
    assert ": source /" in box.subjects[0]
    assert box.subjects[0].endswith("; type: backupjump history nightly")
    assert all(len(mail.get_content().splitlines()) <= 20 for mail in box.mails)
    assert [(said.code, said.out, said.err) for said in not_due] == [(0, "", "")] * 2


@pytest.mark.long
def test_a_channel_that_is_down_costs_a_run_nothing_but_a_line_and_gets_its_message_later(nightly: Told) -> None:
    port = free_port()
    with web_server() as site, ExitStack() as later:
        url = nightly.config.parent / "service.url"
        url.write_text(f"json://127.0.0.1:{site.port}/\n")
        url.chmod(0o600)
        nightly.tell_by_mail(port, f", repeat: 1d}}, {{apprise: {{url_file: {url}}}")
        nightly.break_it()

        failed = backupjump(nightly.config, "run", "nightly")
        status = backupjump(nightly.config, "status")
        nightly.say("")
        good = backupjump(nightly.config, "run", "nightly")

        _let_rest_end(nightly)
        nightly.break_it()
        box = later.enter_context(mail_server(port=port))
        nightly.run(code=1)
        later_on = backupjump(nightly.config, "status")

        told = [json.loads(body) for _path, body in site.requests]
    down = "nobody was told by email to me@localhost: 127.0.0.1 port"
    assert (failed.code, down in failed.err) == (1, True)
    assert (good.code, good.out, good.err) == (0, "", "")
    assert "no message gets through by email to me@localhost, first " in status.err
    assert [each["type"] for each in told] == ["failure", "success", "failure"]
    assert "Nobody was told by email to me@localhost since" in told[1]["message"]
    assert "This channel took no message since" in box.mails[0].get_content()
    assert "no message gets through" not in later_on.err


@pytest.mark.long
def test_a_server_that_never_answers_holds_nobody_up_for_long(nightly: Told) -> None:
    with mute_server() as port:
        nightly.tell_by_mail(port)
        nightly.break_it()

        first = backupjump(nightly.config, "run", "nightly", seconds=40)
        second = backupjump(nightly.config, "run", "nightly")

    assert (first.code, second.code) == (1, 1)
    assert "nobody was told by email to me@localhost: " in first.err
    assert "told" not in second.err


def test_a_program_gets_what_happened_as_json(nightly: Told, tmp_path: Path) -> None:
    script = tmp_path / "tell"
    script.write_text(f"#!/bin/sh\nenv | grep ^BACKUPJUMP_ > {tmp_path}/env\ncat > {tmp_path}/event\n")
    script.chmod(0o755)
    nightly.tell(f"notify: [{{command: [{script}], on: [failed]}}]")
    nightly.break_it()

    nightly.run(code=1)

    event = json.loads((tmp_path / "event").read_text())
    assert (event["schema"], event["event"], event["jobs"][0]["job"]) == (1, "failed", "nightly")
    assert (event["jobs"][0]["reason"], event["jobs"][0]["last_good_at"]) == ("source-missing", None)
    told = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert (told["BACKUPJUMP_EVENT"], told["BACKUPJUMP_JOBS"]) == ("failed", "nightly")
    assert told["BACKUPJUMP_SUBJECT"] == event["subject"]


def test_several_jobs_that_fail_with_the_store_are_two_mails_not_one_each(nightly: Told, box: Mailbox) -> None:
    for name in ("music", "photos", "video"):
        (nightly.job.parent / f"{name}.yaml").write_text(nightly.plain)
    nightly.tell_by_mail(box.port)
    marker = nightly.lab.store / "backupjump-store.json"
    marker.rename(marker.with_suffix(".away"))

    for names in (["nightly"], ["music"], ["photos", "video"]):
        assert backupjump(nightly.config, "run", "--seed", *names).code == 1

    assert [subject.partition(" since ")[0] for subject in box.subjects[:1]] == ["nightly: FAILED"]
    assert box.subjects[1].startswith("jobs: 3 failed (music, photos, video): ")
    assert box.subjects[1].endswith("; type: backupjump status")
    assert len(box.subjects) == 2


@pytest.mark.long
def test_a_suspect_snapshot_is_told_until_a_person_has_looked(nightly: Told, box: Mailbox) -> None:
    nightly.tell_by_mail(box.port)
    photo = nightly.lab.home / "photo"
    photo.write_text("the only one")
    for _night in range(3):  # the first ones of a job are never suspect
        nightly.run()
    photo.unlink()

    nightly.run(code=5)
    nightly.run(code=5)
    photo.write_text("the only one")
    backupjump(nightly.config, "ack", "nightly", "--yes")
    nightly.run()

    assert [re.split(r" since |, last", subject)[0] for subject in box.subjects] == [
        "nightly: SUSPECT",
        "nightly: safe again",
    ]
    assert box.subjects[0].endswith("; type: backupjump ack nightly")


def test_a_desktop_that_is_away_is_no_news(nightly: Told, box: Mailbox) -> None:
    nightly.tell_by_mail(box.port)
    nightly.lab.close_tunnel()

    nightly.run(code=75)

    assert box.mails == []


def test_the_dead_mans_switch_hears_of_beginning_and_end(nightly: Told) -> None:
    with web_server() as site:
        nightly.tell(f'ping: {{url: "{site.url}/ping/KEY/{{job}}"}}')

        nightly.run()
        nightly.lab.close_tunnel()
        nightly.run(code=75)
        nightly.lab.open_tunnel()
        nightly.break_it()
        nightly.run(code=1)
        backupjump(nightly.config, "run", "nightly", "--if-due")

        assert site.paths == [f"/ping/KEY/nightly{end}" for end in ("/start", "", "/log", "/start", "/1")]
        rids = [path.partition("?rid=")[2] for path, _body in site.requests]
        assert (rids[0] == rids[1], rids[3] == rids[4], len(set(rids))) == (True, True, 3)
        assert "see it on desktop desktop; nothing was published\nhint: " in site.requests[-1][1]


def test_numbers_are_written_after_each_run_for_everybody_to_read(nightly: Told, tmp_path: Path) -> None:
    file = tmp_path / "backupjump.prom"
    nightly.tell(f"metrics: {{textfile: {file}}}")
    (nightly.job.parent / "never.yaml").write_text(nightly.plain)

    run = nightly.run()

    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert 'backupjump_last_run_status{job="nightly",desktop="desktop",status="ok"} 1\n' in text
    assert f'backupjump_last_run_files{{job="nightly",desktop="desktop"}} {run["files_total"]}\n' in text
    assert 'backupjump_last_success_timestamp_seconds{job="never",desktop="desktop"} 0\n' in text
    assert "backupjump_store_up 1\n" in text
    assert backupjump(nightly.config, "metrics").out.splitlines()[:3] == text.splitlines()[:3]


def test_a_trial_says_of_each_channel_what_came_of_it(nightly: Told, box: Mailbox) -> None:
    nightly.tell_by_mail(box.port, "}, {command: [/bin/false]")

    both = backupjump(nightly.config, "notify", "test")
    one = backupjump(nightly.config, "notify", "test", "--channel", "1")
    none = backupjump(nightly.config, "notify", "test", "--channel", "pigeon")

    assert both.code == 1
    assert both.out.splitlines() == [
        "email to me@localhost: sent; look whether it has come",
        "command /bin/false: FAILED: it ended with 1",
    ]
    assert "then again: backupjump notify test" in both.err
    assert (one.code, none.code) == (0, 2)
    assert "there are: 1 email to me@localhost; 2 command /bin/false" in none.err
    assert box.subjects == ["a trial: this channel works"] * 2


def _let_rest_end(nightly: Told) -> None:
    """Let it be long ago that the channel was tried."""
    (file,) = nightly.lab.state.glob("told-*.json")
    found = json.loads(file.read_text())
    for each in found["channels"].values():
        if each["unreached"]:
            each["unreached"]["at"] = each["unreached"]["since"] = "2026-01-01T00:00:00Z"
        each["reasons"] = {}
    file.write_text(json.dumps(found))
