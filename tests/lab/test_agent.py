"""`tunnel agent` and the words to it, with a real JumpNode and a real run through a real gate."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from backupjump.config.desktop import load_desktop
from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import kill_tree
from backupjump.gate.done import note_done
from backupjump.gate.grammar import Done
from backupjump.operations.agent.agent import Agent
from backupjump.operations.agent.surroundings import slept_seconds
from lab.gated import force
from program import Said, argv, backupjump, until

pytestmark = pytest.mark.lab


class Desktop:
    """The lab's Desktop with its config; `says` adds lines to it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.config = lab.desktop_config()
        self.state = lab.folder / "desktop/state"

    def say(self, **tunnel: object) -> None:
        """Set keys of `tunnel:`."""
        lines = self.config.read_text().splitlines()
        keys = {**json.loads(lines[0].removeprefix("tunnel: ")), **tunnel}
        self.config.write_text("\n".join([f"tunnel: {json.dumps(keys)}", *lines[1:]]) + "\n")

    def word(self, *words: str) -> Said:
        """Say a word of `tunnel`."""
        return backupjump(self.config, "tunnel", *words)

    @contextmanager
    def agent(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the agent; it and its ssh have ended afterwards."""
        with (self.lab.folder / "agent.log").open("ab") as log:
            process = subprocess.Popen(argv(self.config, "-v", "tunnel", "agent"), stdin=subprocess.DEVNULL, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(15)
            if process.poll() is None:
                kill_tree(process.pid, itself_too=True)
                process.wait()

    @property
    def is_open(self) -> bool:
        """Whether the Desktop's sshd answers at the tunnel's end."""
        try:
            with socket.create_connection(("127.0.0.1", self.lab.tunnel_port), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def is_told(self, words: str) -> bool:
        """Whether `tunnel status` says so."""
        return words in self.word("status").out

    def opens(self) -> None:
        until(lambda: self.is_open, what="the tunnel's opening")

    def closes(self) -> None:
        until(lambda: not self.is_open, what="the tunnel's closing")


@pytest.fixture
def desktop(lab: Lab) -> Desktop:
    return Desktop(lab)


def test_the_tunnel_opens_by_itself_and_closes_when_the_gate_hears_of_a_backup(desktop: Desktop) -> None:
    with desktop.agent() as process:
        desktop.opens()
        until(lambda: desktop.is_told("tunnel: open on JumpNode 127.0.0.1:"))
        told = desktop.word("status")
        note_done(Done("failed", "run-1"), state=desktop.state)
        until(lambda: desktop.is_told("it did not succeed"))
        after_a_failure = desktop.is_open
        note_done(Done("ok", "run-2"), state=desktop.state)
        desktop.closes()
        until(lambda: desktop.is_told("tunnel: closed: not due until "))
        after = desktop.word("status")
        process.send_signal(signal.SIGTERM)
        code = process.wait(15)

    assert "no backup yet" in told.out
    assert (after_a_failure, code) == (True, 0)
    assert "last backup: 20" in after.out


def test_a_run_through_the_gate_closes_the_tunnel_that_it_came_by(lab: Lab, desktop: Desktop) -> None:
    server = _through_the_gate(lab, desktop)
    with desktop.agent():
        run = backupjump(server, "run", "nightly", "--wait", "20s", "--json")
        assert (run.code, run.json["status"]) == (0, "ok"), run
        desktop.closes()


@pytest.mark.long
def test_the_server_is_told_at_the_next_contact_that_the_owner_had_put_it_off(lab: Lab, desktop: Desktop) -> None:
    server = _through_the_gate(lab, desktop)
    desktop.word("pause", "2h")
    with desktop.agent():
        until(lambda: desktop.is_told("paused until"))
        desktop.word("resume")
        first = backupjump(server, "run", "nightly", "--wait", "20s", "--json")
        desktop.closes()
        desktop.word("open", "--for", "1h")
        second = backupjump(server, "run", "nightly", "--wait", "20s", "--json")

    assert (first.json["status"], second.json["status"]) == ("ok", "ok")
    assert [each for each in first.json["warnings"] if "put the backup off since" in each and each.endswith(": paused")]
    assert second.json["warnings"] == []


def test_another_key_in_the_config_counts_without_a_new_start_and_a_mistake_in_it_does_not(
    lab: Lab, desktop: Desktop
) -> None:
    good = desktop.config.read_text()
    desktop.config.write_text(good.replace(str(lab.tunnel_key), str(lab.data_key)))  # which the JumpNode does not know
    with desktop.agent():
        until(lambda: desktop.is_told("does not accept our key"))
        desktop.config.write_text("tunnel: {")
        until(lambda: "can't be used" in (lab.folder / "agent.log").read_text())
        desktop.config.write_text(good)
        desktop.opens()


def test_what_a_person_must_mend_is_told_with_what_to_type(lab: Lab, desktop: Desktop) -> None:
    good = desktop.config.read_text()
    desktop.config.write_text(good.replace(lab.jump.host_key_public, lab.desktop.host_key_public))
    with desktop.agent():
        until(lambda: desktop.is_told("shows another host key"))
        status, asked = desktop.word("status"), desktop.word("open", "--for", "1h")

    assert (status.code, asked.code) == (1, 1)
    assert [line.split(":")[0].strip() for line in status.out.splitlines()[1:4]] == [
        "the last try failed",
        "pinned",
        "offered",
    ]
    for said in (status.out, asked.err, (lab.folder / "agent.log").read_text()):
        assert "\nhint: an impostor, or was it reinstalled?" in said
        assert "backupjump enroll repin" in said


def test_a_pause_ends_what_was_opened_by_hand(desktop: Desktop) -> None:
    with desktop.agent():
        until(lambda: desktop.is_told("tunnel: open on JumpNode"))
        desktop.word("open", "--for", "1h")
        said = desktop.word("pause", "2h")
        until(lambda: desktop.is_told("tunnel: closed: paused"))
        desktop.closes()

    assert said.out.endswith("to end it: backupjump tunnel resume\n")


def test_paused_it_stays_closed_and_resumed_it_opens(desktop: Desktop) -> None:
    paused = desktop.word("pause", "2h")
    with desktop.agent():
        until(lambda: desktop.is_told("tunnel: closed: paused until "))
        was_open = desktop.is_open
        resumed = desktop.word("resume")
        desktop.opens()
        desktop.word("pause", "2h")
        desktop.closes()

    assert (paused.code, "paused until 20" in paused.out) == (0, True)
    assert (was_open, resumed.out.strip()) == (False, "it is no longer paused")


def test_tunnel_open_asks_the_agent_and_prints_how_to_come_in(desktop: Desktop) -> None:
    note_done(Done("ok", "run-1"), state=_made(desktop.state))
    with desktop.agent():
        until(lambda: desktop.is_told("not due"))
        said = desktop.word("open", "--for", "1h")
        is_open = desktop.is_open
        note_done(Done("ok", "run-2"), state=desktop.state)
        status = desktop.word("status")

    assert (said.code, is_open) == (0, True)
    assert "the agent keeps it open" in said.out.lower()
    assert f"ssh -p {desktop.lab.tunnel_port} " in said.out
    assert "tunnel: open on JumpNode" in status.out
    assert "opened by hand until " in status.out


def test_there_is_one_agent_at_most(desktop: Desktop) -> None:
    with desktop.agent():
        desktop.opens()
        second = desktop.word("agent")

    assert (second.code, "another process of this machine holds the tunnel" in second.err) == (11, True)


def test_an_agent_that_is_killed_frees_its_port_and_the_next_one_goes_on(desktop: Desktop) -> None:
    with desktop.agent() as process:
        desktop.opens()
        process.kill()
        process.wait()
        gone = desktop.word("status")
    with desktop.agent():
        desktop.opens()
        until(lambda: desktop.is_told("tunnel: open on JumpNode"))

    assert "no agent is running" in gone.out


@pytest.mark.long
def test_a_link_that_broke_is_dialled_anew(desktop: Desktop) -> None:
    with desktop.agent():
        desktop.opens()
        desktop.lab.jump.cut_connections()
        desktop.closes()
        desktop.opens()


@pytest.mark.long
def test_a_window_opens_it_and_its_end_closes_it(desktop: Desktop) -> None:
    desktop.say(open=[{"every": "day", "at": "00:00", "for": "6s"}])
    with desktop.agent():
        desktop.opens()
        until(lambda: desktop.is_told("tunnel: closed: the window is over until "))

        assert not desktop.is_open


def test_what_stands_in_the_state_folder_may_be_garbage(desktop: Desktop) -> None:
    state = _made(desktop.state)
    for name in ("agent.json", "last-done.json", "last-published.json", "held.json", "paused.json"):
        (state / name).write_bytes(os.urandom(100))
    with desktop.agent():
        desktop.opens()


def test_a_backup_that_is_too_old_is_told(desktop: Desktop) -> None:
    desktop.say(max_age="1s")
    note_done(Done("ok", "run-1"), state=_made(desktop.state))

    until(lambda: desktop.word("status").code == 1)

    assert "is the backup server running?" in desktop.word("status").out


def test_after_sleep_the_tunnel_is_dialled_anew(lab: Lab, desktop: Desktop) -> None:
    """How far the boot clock is ahead is said to it here: no test can put this machine to sleep."""
    tunnel = load_desktop(desktop.config).tunnel
    with Agent(tunnel, config=desktop.config, state=_made(desktop.state), folder=desktop.state / "tunnel") as agent:
        slept = slept_seconds()

        def logins(after: float) -> int:
            agent.step(time.monotonic(), slept=slept + after)
            return lab.jump.log.read_text().count("Accepted publickey")

        until(lambda: logins(0) == 1 and desktop.is_open)
        logins(4)
        until(lambda: desktop.is_open)
        before = logins(4)
        until(lambda: logins(100) == 2 and desktop.is_open)

    assert before == 1


def _through_the_gate(lab: Lab, desktop: Desktop) -> Path:
    """Put a gate with the Desktop's own config in the way, a letter in its home, a store on the Server."""
    with desktop.config.open("a") as config:
        config.write(f"gate: {json.dumps({'read': [str(lab.home)]})}\n")
    (lab.home / "letter.txt").write_text("dear reader\n")
    force(lab, f"{sys.executable} -I -m backupjump.gate --config {desktop.config}")
    server = lab.server_config()
    assert backupjump(server, "store", "init").code == 0
    return server


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
