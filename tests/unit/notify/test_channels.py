"""All channels at once, real ones; none holds up the others."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from backupjump.config.telling import Apprise, Channel
from backupjump.notify.channels import labelled, send_all
from backupjump.notify.in_time import InTime
from backupjump.notify.message import trial
from tell_world import web_server

TRIAL = trial(host="srv1")


def by_command(*argv: str) -> Channel:
    """Return a channel that runs a program."""
    return Channel(command=argv)


def test_two_channels_of_one_label_are_told_apart() -> None:
    channels = [by_command("/bin/a"), by_command("/bin/b"), by_command("/bin/a", "x")]

    assert list(labelled(channels)) == ["command /bin/a", "command /bin/b", "command /bin/a (2)"]


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("/bin/true",), ""),
        (("/bin/sh", "-c", "echo 'no \033[2Jnetwork' >&2; exit 3"), r"it ended with 3: no \x1b[2Jnetwork"),
        (("/not/there",), "/not/there can't be started on this machine: No such file or directory"),
    ],
)
def test_a_program_that_fails_is_told_with_its_words(argv: tuple[str, ...], why: str) -> None:
    sent = send_all({"it": (by_command(*argv), TRIAL)})

    assert sent["it"].replace("\\\\", "\\") == why


def test_a_service_gets_its_message_and_its_url_is_in_no_complaint(tmp_path: Path) -> None:
    file = tmp_path / "url"
    channel = Channel(apprise=Apprise(url_file=file))
    with web_server() as site:
        file.write_text(f"json://127.0.0.1:{site.port}/SECRET\n")
        file.chmod(0o600)
        good = send_all({"it": (channel, TRIAL)})
        site.answers = [500]
        bad = send_all({"it": (channel, TRIAL)})
        file.write_text("nonsense://SECRET\n")
        odd = send_all({"it": (channel, TRIAL)})

    assert good["it"] == ""
    told = json.loads(site.requests[0][1])
    assert (told["type"], told["title"]) == ("info", TRIAL.subject)
    assert told["message"].strip() == TRIAL.body.strip()
    assert bad["it"].startswith("the service did not take it: ")
    assert odd["it"] == f"apprise does not understand the URL in {file}"
    assert "SECRET" not in bad["it"] + odd["it"]


def test_work_that_hangs_is_given_up_and_the_rest_is_done() -> None:
    sleep = InTime(lambda: _wait_for_ever(), name="hangs", seconds=0.2)
    quick = InTime(lambda: None, name="quick", seconds=5)
    wrong = InTime(lambda: (_ for _ in ()).throw(KeyError("a\nb")), name="wrong", seconds=5)

    assert [each.why_not() for each in (sleep, quick, wrong)] == [
        "no answer within 0.2 s",
        "",
        r"'a\\nb'",
    ]


def test_who_tells_nobody_pays_for_nothing() -> None:
    import subprocess

    code = "import backupjump.tasks, sys; print(*{'apprise', 'smtplib', 'urllib.request'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


def _wait_for_ever() -> None:
    import threading

    threading.Event().wait(30)
