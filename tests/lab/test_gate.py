"""The gate behind a real sshd, as the forced command of the Server's key."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from gate_world import GateWorld, pull_command
from lab.gated import gated

pytestmark = pytest.mark.lab


@pytest.fixture
def world(lab: Lab) -> GateWorld:
    return gated(lab)


def ssh(lab: Lab, *options: str) -> list[str]:
    """Return the ssh that logs in to the Desktop with the Server's key, all it shows and asks for kept in the lab."""
    known_hosts = lab.folder / "known_hosts-of-the-test"
    known_hosts.write_text(f"[127.0.0.1]:{lab.desktop.port} {lab.desktop.host_key_public}\n")
    settings = (
        *("BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes"),
        *(f"UserKnownHostsFile={known_hosts}", f"User={lab.user}", f"IdentityFile={lab.data_key}"),
    )
    pairs = [word for setting in settings for word in ("-o", setting)]
    return ["ssh", "-F", "none", *pairs, "-p", str(lab.desktop.port), *options]


def said(argv: list[str], *, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def ask(lab: Lab, *command: str) -> subprocess.CompletedProcess[str]:
    return said([*ssh(lab, "-T"), "127.0.0.1", *command])


def test_the_key_opens_no_shell(lab: Lab, world: GateWorld) -> None:
    done = said([*ssh(lab, "-T"), "127.0.0.1"], stdin=f"touch {world.folder}/canary\n")

    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == "backupjump-gate: refused: no-command: this key opens no shell\n"
    assert not (world.folder / "canary").exists()


@pytest.mark.parametrize(
    "command",
    [
        "touch {}",
        ";touch {}",
        "bj1 probe; touch {}",
        "bj1 probe\ntouch {}",
        "$(touch {})",
        "`touch {}`",
        "bj1 hook $(touch${{IFS}}{})",
        "| touch {}",
        "scp -t {}",
        "sudo -n touch {}",
    ],
)
def test_no_command_of_its_own_runs_there(lab: Lab, world: GateWorld, command: str) -> None:
    canary = world.folder / "canary"

    done = ask(lab, command.format(canary))

    assert (done.returncode, done.stdout) == (64, "")
    assert "refused: not-understood" in done.stderr
    assert not canary.exists()


def test_files_can_not_be_reached_by_sftp_or_scp(lab: Lab, world: GateWorld) -> None:
    mine = world.folder / "mine"
    mine.write_text("mine")
    port = ["-P", str(lab.desktop.port)]
    options = [word for word in ssh(lab)[1:-2] if word != "-p"]

    subsystem = said([*ssh(lab, "-T", "-s"), "127.0.0.1", "sftp"])
    sftp = said(["sftp", *options, *port, "127.0.0.1:/etc/hostname", str(world.folder / "stolen")])
    old_scp = said(["scp", "-O", *options, *port, str(mine), f"127.0.0.1:{world.folder}/canary"])
    new_scp = said(["scp", *options, *port, str(mine), f"127.0.0.1:{world.folder}/canary"])

    # sshd carries no stderr of a subsystem.
    assert (subsystem.returncode, subsystem.stdout) == (64, "")
    assert "refused: not-understood" in old_scp.stderr
    assert 0 not in (sftp.returncode, old_scp.returncode, new_scp.returncode)
    assert not any((world.folder / name).exists() for name in ("canary", "stolen"))


def test_no_port_is_opened_in_either_direction(lab: Lab, world: GateWorld) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    remote = said([*ssh(lab, "-T", "-N", "-o", "ExitOnForwardFailure=yes", "-R", f"{port}:127.0.0.1:22"), "127.0.0.1"])
    path = f"{world.folder}/socket"
    by_path = said([*ssh(lab, "-T", "-N", "-o", "ExitOnForwardFailure=yes", "-R", f"{path}:127.0.0.1:22"), "127.0.0.1"])
    beyond = said([*ssh(lab, "-T", "-W", f"127.0.0.1:{lab.jump.port}"), "127.0.0.1"])

    assert "remote port forwarding failed" in remote.stderr
    assert "remote port forwarding failed" in by_path.stderr
    assert not Path(path).exists()
    assert "administratively prohibited" in beyond.stderr
    assert beyond.stdout == ""


def test_no_terminal_no_agent_and_no_x11_come_with_it(lab: Lab, world: GateWorld) -> None:
    terminal = said([*ssh(lab, "-tt"), "127.0.0.1", "bj1", "hook", "say"])
    agent = said([*ssh(lab, "-T", "-A", "-X"), "127.0.0.1", "bj1", "hook", "say"])

    assert "PTY allocation request failed" in terminal.stderr
    assert json.loads(agent.stdout) == {"hook": "say", "status": 0, "said": ["said", "sh 0"]}


def test_a_probe_comes_through(lab: Lab, world: GateWorld) -> None:
    answer = ask(lab, "bj1", "probe")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout)["roots"] == [{"path": str(world.home), "state": "folder"}]


def test_the_end_of_a_run_comes_through(lab: Lab, world: GateWorld) -> None:
    done = ask(lab, "bj1", "done", "ok", "20261122T023000Z-a1b2c3", "more")

    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads((world.folder / "state/last-published.json").read_text())["more"] is True


@pytest.mark.parametrize("options", [["-aHAX", "--numeric-ids"], ["-az", "--checksum", "-S", "-x", "--inplace"]])
def test_a_pull_comes_through(lab: Lab, world: GateWorld, options: list[str]) -> None:
    shell = " ".join(ssh(lab, "-T"))

    done = world.rsync_of(*options, "-e", shell, f"127.0.0.1:{world.home}/", f"{world.got}/")

    assert (done.returncode, done.stderr) == (0, "")
    assert world.names() == {"notes", "sub/secret"}


def test_a_pull_from_elsewhere_and_a_push_do_not(lab: Lab, world: GateWorld) -> None:
    shell = " ".join(ssh(lab, "-T"))

    stolen = world.rsync_of("-a", "-e", shell, f"127.0.0.1:{world.secret.parent}/", f"{world.got}/")
    pushed = world.rsync_of("-a", "-e", shell, world.secret, f"127.0.0.1:{world.home}/canary")
    bare = ask(lab, pull_command(world.home, "--log-file=/x"))

    assert "refused: outside" in stolen.stderr
    assert world.names() == set()
    assert "refused: not-understood" in pushed.stderr
    assert not (world.home / "canary").exists()
    assert bare.returncode == 64


@pytest.mark.parametrize("command", ["a " * 10_000, "x" * 100_000, "\\" * 5_000], ids=len)
def test_a_flood_of_words_is_refused(lab: Lab, world: GateWorld, command: str) -> None:
    done = ask(lab, command)

    assert (done.returncode, done.stdout) == (64, "")
    assert "longer than 4096 bytes" in done.stderr
