"""The services of examples/ under a real systemd: they begin, are watched, are restarted, and end in order."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from lab.booted import Booted, booted
from program import argv, backupjump, until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root, pytest.mark.long]

EXAMPLES = Path(__file__).parents[2] / "examples"
UNITS = "/etc/systemd/system"


@pytest.fixture
def machine(lab: Lab, tmp_path: Path) -> Iterator[Booted]:
    (tmp_path / "machine").mkdir()
    with booted(lab.folder, tmp_path / "machine") as running:
        yield running


def start(machine: Booted, example: str, *words: str, more: str = "") -> str:
    """Start the service as it stands in `example`, but with these words for its program; return its name."""
    name = Path(example).name
    machine.file(f"{UNITS}/{name}").write_text((EXAMPLES / example).read_text())
    drop_in = machine.file(f"{UNITS}/{name}.d/program.conf")
    drop_in.parent.mkdir()
    drop_in.write_text(f"[Service]\nExecStart=\nExecStart={shlex.join(words)}\n{more}")
    machine.must(f"systemctl daemon-reload && systemctl start {name}")
    return name


def shows(machine: Booted, name: str, key: str) -> str:
    return machine.must(f"systemctl show --value --property={key} {name}").strip()


def answers(lab: Lab) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", lab.tunnel_port), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def test_the_agent_stands_is_started_anew_when_it_hangs_and_ends_with_its_tunnel(lab: Lab, machine: Booted) -> None:
    words = argv(lab.desktop_config(), "-v", "tunnel", "agent")
    more = "WatchdogSec=12\nRestartSec=1\n"
    name = start(machine, "desktop/backupjump-agent.service", *words, more=more)
    until(lambda: shows(machine, name, "StatusText") == "no backup yet")
    until(lambda: answers(lab))
    first = shows(machine, name, "MainPID")

    machine.must(f"kill -STOP {first}")
    until(lambda: shows(machine, name, "MainPID") not in ("0", first), seconds=40, what="another agent")
    until(lambda: answers(lab), seconds=40)
    machine.must(f"systemctl stop {name}")

    assert (shows(machine, name, "ActiveState"), shows(machine, name, "Result")) == ("inactive", "success")
    until(lambda: not answers(lab))


def test_serve_runs_what_is_due_reads_its_config_anew_and_ends_in_order(lab: Lab, machine: Booted) -> None:
    job = f"desktop: desktop\nsources: [{lab.home}]\nschedule: {{every: day}}\n"
    config = lab.server_config(jobs={"nightly": job})
    assert backupjump(config, "store", "init").code == 0
    name = start(machine, "server/backupjump-serve.service", *argv(config, "serve"))
    until(lambda: shows(machine, name, "StatusText") == "0 running, 1 awaited")

    lab.open_tunnel()
    until(lambda: shows(machine, name, "StatusText") == "0 running, 0 awaited", seconds=40)
    machine.must(f"systemctl reload {name}")
    machine.must(f"systemctl stop {name}")

    assert (shows(machine, name, "ActiveState"), shows(machine, name, "Result")) == ("inactive", "success")
    assert [run["status"] for run in backupjump(config, "history", "nightly", "--json").json] == ["ok"]
