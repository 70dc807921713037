"""The dead-man's switch: what is said when, to a real web server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backupjump.config.telling import Ping
from backupjump.errors import BackupjumpError
from backupjump.notify.ping import address_of, ending_of, send
from backupjump.run import Run, Status, exit_code_of
from tell_world import free_port, web_server

AT = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)


def run(status: Status, exit_code: int | None = None) -> Run:
    """Return a run that ended so."""
    code = exit_code_of(status) if exit_code is None else exit_code
    return Run(
        run_id="20261128T023000Z-abcdef", job="nightly", desktop="laptop", route="proxyjump", status=status,
        exit_code=code, snapshot=None, started_at=AT, ended_at=AT, attempts=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ended", "ending"),
    [
        (run(Status.OK), ""),
        (run(Status.WARNING), ""),
        (run(Status.OK, 4), "/4"),
        (run(Status.SUSPECT), "/5"),
        (run(Status.FAILED), "/1"),
        (run(Status.AWAY), "/log"),
        (run(Status.DEFERRED), "/log"),
        (run(Status.INTERRUPTED), "/log"),
        (run(Status.INTERRUPTED, 143), None),
        (run(Status.LOCKED), None),
        (run(Status.NOT_DUE), None),
    ],
)
def test_each_end_of_a_run_has_its_word(ended: Run, ending: str | None) -> None:
    assert ending_of(ended) == ending


def test_a_program_that_broke_says_just_that() -> None:
    assert ending_of(run(Status.FAILED), broke=True) == "/fail"


def test_the_address_names_the_job_and_ties_both_ends_of_a_run_together() -> None:
    ping = Ping(url="https://hc.example/ping/KEY/{job}")
    begin, end = (address_of(ping, run(Status.OK), ending) for ending in ("/start", ""))

    assert begin.startswith("https://hc.example/ping/KEY/nightly/start?rid=")
    assert end == begin.replace("/start", "")
    other = replace(run(Status.OK), run_id="20261129T023000Z-abcdef")
    assert address_of(ping, other, "") != end


def test_a_ping_carries_at_most_100_kb_and_no_byte_that_is_not_text() -> None:
    with web_server() as site:
        send(f"{site.url}/x?rid=1", "\udcff" + "y" * 200_000 + "the end")

    (path, body) = site.requests[0]
    assert (path, len(body)) == ("/x?rid=1", 100_000)
    assert body.endswith("ythe end")


def test_a_server_in_trouble_is_asked_again_and_one_that_refuses_is_not() -> None:
    with web_server() as site:
        site.answers = [503]
        send(f"{site.url}/busy", "")
        site.answers = [404]
        with pytest.raises(BackupjumpError, match=r"127\.0\.0\.1 did not take the ping: 404 Not Found"):
            send(f"{site.url}/gone", "")

    assert site.paths == ["/busy", "/busy", "/gone"]


def test_a_redirect_is_followed_on_the_same_host_alone() -> None:
    with web_server() as site, web_server() as other:
        site.answers, site.redirect = [302], f"http://localhost:{other.port}/elsewhere"
        with pytest.raises(BackupjumpError, match="302 a redirect to another host"):
            send(f"{site.url}/x", "what was backed up")
        site.answers, site.redirect = [302], "/there"
        send(f"{site.url}/y", "")

    assert other.requests == []
    assert site.paths == ["/x", "/y", "/there"]


def test_what_goes_wrong_is_told_without_the_address() -> None:
    with pytest.raises(BackupjumpError) as told:
        send(f"http://127.0.0.1:{free_port()}/SECRET-KEY", "")

    assert str(told.value) == "127.0.0.1 did not take the ping: [Errno 111] Connection refused"
