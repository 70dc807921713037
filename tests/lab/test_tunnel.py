"""`backupjump tunnel open`, with a real JumpNode."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import descendants, is_running
from backupjump.errors import JumpNodeUnreachable
from backupjump.operations.tunnel import look_at_far_end, open_tunnel
from backupjump.ssh.keys import fingerprint

pytestmark = pytest.mark.lab


class Opening:
    """A `backupjump tunnel open` that runs, and the lines it has printed."""

    def __init__(self, config: Path, *words: str) -> None:
        argv = [sys.executable, "-m", "backupjump", "--config", str(config), "tunnel", "open", *words]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._readers = [
            threading.Thread(target=lines.extend, args=(stream,))
            for lines, stream in ((self.stdout, self.process.stdout), (self.stderr, self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def await_line(self, words: str) -> str:
        """Return the first line that holds `words`; fails when none comes within 20 s."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in list(self.stdout):
                if words in line:
                    return line.strip()
            time.sleep(0.02)
        raise AssertionError(f"no {words!r} in {self.stdout} {self.stderr}")

    def await_end(self) -> int:
        """Return the exit code, once all that was printed has been read."""
        code = self.process.wait(30)
        for reader in self._readers:
            reader.join(10)
        return code

    @property
    def errors(self) -> str:
        return "".join(self.stderr)


@contextmanager
def opening(config: Path, *words: str) -> Iterator[Opening]:
    started = Opening(config, *words)
    try:
        yield started
    finally:
        started.process.terminate()
        started.await_end()
        for stream in (started.process.stdout, started.process.stderr):
            assert stream is not None
            stream.close()


def test_an_open_tunnel_leads_to_the_desktop_and_says_so(lab: Lab) -> None:
    with opening(lab.desktop_config()) as tunnel:
        tunnel.await_line("It stays open for 2h")
        behind = look_at_far_end(replace(lab.forward, to_port=lab.tunnel_port))

    assert behind.host_key == lab.desktop.host_key_public
    assert fingerprint(lab.desktop.host_key_public) in "".join(tunnel.stdout)
    assert tunnel.errors == ""


def test_the_lines_of_the_invitation_really_log_in(lab: Lab, tmp_path: Path) -> None:
    config = person_config(lab, tmp_path)
    with opening(lab.desktop_config()) as tunnel:
        on_jump_node = tunnel.await_line("ssh -p ")
        through = tunnel.await_line("ssh -J ")
        answers = [log_in(line, config) for line in (on_jump_node, through)]

    assert answers == [f"welcome to {lab.home}\n"] * 2


def test_the_time_is_over_with_0(lab: Lab) -> None:
    with opening(lab.desktop_config(), "--for", "1s") as tunnel:
        code = tunnel.await_end()

    assert code == 0
    assert tunnel.stdout[-1] == f"The time is over; port {lab.tunnel_port} is closed again.\n"
    assert listeners(lab.tunnel_port) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_closes_the_tunnel_and_leaves_no_ssh(lab: Lab, number: signal.Signals, code: int) -> None:
    with opening(lab.desktop_config()) as tunnel:
        tunnel.await_line("It stays open")
        children = descendants(tunnel.process.pid)
        tunnel.process.send_signal(number)
        ended_with = tunnel.await_end()

    assert ended_with == code
    assert (tunnel.stdout[-1], tunnel.errors) == (f"Stopped; port {lab.tunnel_port} is closed again.\n", "")
    assert len(children) == 1
    assert not any(is_running(pid) for pid in children)


def test_a_link_that_breaks_is_75(lab: Lab) -> None:
    with opening(lab.desktop_config()) as tunnel:
        tunnel.await_line("It stays open")
        lab.jump.cut_connections()
        code = tunnel.await_end()

    assert code == 75
    assert "broke: Connection to 127.0.0.1 closed by remote host." in tunnel.errors


def test_a_jump_node_that_is_down_is_75(lab: Lab) -> None:
    config = lab.desktop_config()
    lab.jump.stop()

    with opening(config) as tunnel:
        code = tunnel.await_end()

    assert code == 75
    assert "can't be reached" in tunnel.errors
    assert "Connection refused" in tunnel.errors


def test_a_jump_node_that_never_says_a_word_is_unreachable_in_time(lab: Lab, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        jump = replace(lab.forward.jump, port=mute.getsockname()[1])
        started_at = time.monotonic()

        with pytest.raises(JumpNodeUnreachable, match="no tunnel after 1 s"):
            open_tunnel([replace(lab.forward, jump=jump)], folder=tmp_path / "tunnel", within_seconds=1)

    assert time.monotonic() - started_at < 3


def test_the_next_jump_node_is_tried_when_the_first_is_down(lab: Lab, tmp_path: Path) -> None:
    down = replace(lab.forward, jump=replace(lab.forward.jump, port=1))
    up = replace(lab.forward, jump=replace(lab.forward.jump, alias="bj-jump-2"))

    with open_tunnel([down, up], folder=tmp_path / "tunnel") as standing:
        assert standing.forward == up


def test_a_second_tunnel_to_the_same_port_is_refused(lab: Lab) -> None:
    lab.open_tunnel()

    with opening(lab.desktop_config()) as tunnel:
        code = tunnel.await_end()

    assert code == 1
    assert f"port {lab.tunnel_port} on JumpNode 127.0.0.1:{lab.jump.port} is taken" in tunnel.errors
    assert "another port" in tunnel.errors


def test_somebody_who_sits_on_our_port_at_127_0_0_1_makes_the_tunnel_fail(lab: Lab) -> None:
    # With `-R PORT:…` sshd would be content with ::1, and who asks for localhost would meet the squatter.
    with socket.create_server(("127.0.0.1", lab.tunnel_port)), opening(lab.desktop_config()) as tunnel:
        code = tunnel.await_end()

    assert code == 1
    assert "is taken" in tunnel.errors


def test_another_host_key_of_the_jump_node_is_refused_with_both_fingerprints(lab: Lab) -> None:
    config = lab.desktop_config()
    pinned = lab.jump.host_key_public
    lab.jump.renew_host_key()

    with opening(config) as tunnel:
        code = tunnel.await_end()

    assert code == 1
    assert f"pinned:  {fingerprint(pinned)}" in tunnel.errors
    assert f"offered: {fingerprint(lab.jump.host_key_public)}" in tunnel.errors
    assert "Accepted" not in lab.jump.log.read_text()


def test_a_key_that_the_jump_node_does_not_know_is_refused(lab: Lab) -> None:
    lab.jump.authorized_keys.write_text("")

    with opening(lab.desktop_config()) as tunnel:
        code = tunnel.await_end()

    assert code == 1
    assert "does not accept our key" in tunnel.errors
    assert "backupjump doctor prints the line that does" in tunnel.errors


def test_a_key_that_may_not_listen_there_is_refused(lab: Lab) -> None:
    lines = lab.jump.authorized_keys.read_text()
    lab.jump.authorized_keys.write_text(lines.replace(f':{lab.tunnel_port}"', ':1"'))

    with opening(lab.desktop_config()) as tunnel:
        code = tunnel.await_end()

    assert code == 1
    assert "does not allow this key to listen" in tunnel.errors
    assert f'permitlisten="127.0.0.1:{lab.tunnel_port}"' in tunnel.errors


def test_it_warns_when_nothing_answers_at_the_desktop_s_end(lab: Lab) -> None:
    config = lab.desktop_config()
    lab.desktop.stop()

    with opening(config, "--for", "1s") as tunnel:
        code = tunnel.await_end()

    assert code == 0
    assert f"warning: nothing answers on 127.0.0.1:{lab.desktop.port} here" in tunnel.errors


def test_a_length_that_is_no_time_is_a_usage_error(lab: Lab) -> None:
    with opening(lab.desktop_config(), "--for", "soon") as tunnel:
        code = tunnel.await_end()

    assert code == 2
    assert "--for 'soon' is not a duration" in tunnel.errors


def person_config(lab: Lab, folder: Path) -> Path:
    """Write what a person would have in ~/.ssh: a key, and the two host keys as they were told."""
    known_hosts, config = folder / "known_hosts", folder / "ssh_config"
    known_hosts.write_text(f"jump {lab.jump.host_key_public}\ndesktop {lab.desktop.host_key_public}\n")
    config.write_text(
        "Host localhost\n  HostKeyAlias desktop\nHost 127.0.0.1\n  HostKeyAlias jump\nHost *\n"
        f"  IdentityFile {lab.person_key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known_hosts}\n"
        "  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n"
    )
    return config


def log_in(line: str, config: Path) -> str:
    """Type `line` as it was printed, with `-F config` in place of a ~/.ssh of one's own."""
    program, *words = shlex.split(line)
    environment = {name: value for name, value in os.environ.items() if not re.match(r"SSH_|DISPLAY", name)}
    done = subprocess.run(
        [program, "-F", str(config), *words, "echo welcome to $HOME"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
    )
    return done.stdout or done.stderr


def listeners(port: int) -> int:
    """Return how many sockets listen on `port`; waits up to 5 s for the last one to go."""
    deadline = time.monotonic() + 5
    while True:
        with socket.socket() as probe:
            taken = probe.connect_ex(("127.0.0.1", port)) == 0
        if not taken or time.monotonic() > deadline:
            return int(taken)
        time.sleep(0.02)
