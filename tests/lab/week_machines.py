"""The machines of a week under a faked clock: a Server, a tower that is always on, a laptop with a lid and a battery.

Both Desktops are one sshd behind two keys, each with a gate, a config, a home and an agent of its own; the laptop goes
to the JumpNode by a link that can die. What each program says of itself is taken in as it says it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import descendants, kill_tree
from backupjump.demo.sshd import make_key, public_key, write_private
from lab.faked_time import FakedTime, MachineClocks
from lab.sleepy_link import SleepyLink
from program import Said, argv, backupjump

_SUPPLIES = "/sys/class/power_supply"
_OVER_SUPPLIES = f'mount --bind "$0" {_SUPPLIES} && exec "$@"'


class Daemon:
    """One of the two programs that stay, as systemd would see it: its readiness, its word on how it stands, its log."""

    def __init__(self, folder: Path, name: str) -> None:
        self.log = folder / f"{name}.log"
        self.says = ""
        self.ticks = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._address = f"\0bj-week-{os.getpid()}-{folder.name}-{name}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._address)
        self._socket.setblocking(False)
        self._read = 0

    def start(self, words: list[str], environment: Mapping[str, str]) -> None:
        """Start it by these words; its log goes on where it was."""
        told = {"NOTIFY_SOCKET": self._address.replace("\0", "@")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stderr=log, env={**os.environ, **environment, **told}
            )

    def hear(self) -> list[str]:
        """Take in what it has told since the last call; return the new lines of its log."""
        with suppress(BlockingIOError):
            while told := self._socket.recv(4096).decode():
                self.ticks += "WATCHDOG=1" in told
                self.says = told.partition("STATUS=")[2] or self.says
        text = self.log.read_bytes() if self.log.exists() else b""
        whole = text.rfind(b"\n") + 1
        lines, self._read = text[self._read : whole].decode().splitlines(), whole
        return lines

    def kill(self) -> None:
        """End it and all that it started, as a power cut does."""
        if self.process is not None:
            kill_tree(self.process.pid, itself_too=True)
            self.process.wait()
            self.process = None

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._socket.close()


class Computer:
    """A Desktop of the week with its agent; `tunnel` are keys of its config. One with a `link` can sleep."""

    def __init__(
        self, lab: Lab, time: FakedTime, name: str, *, port: int, link: SleepyLink | None = None, **tunnel: Any
    ) -> None:
        self.name = name
        self.folder = lab.folder / name
        self.home = self.folder / "home"
        self.state = self.folder / "state"
        self.config = self.folder / "backupjump.yaml"
        self.link = link
        self.sleeps = False
        for each in (self.home / "files", self.home / "photos", self.state, self.folder / "supplies"):
            each.mkdir(parents=True, mode=0o700)
        self.tunnel_key, self.data_key = (make_key(self.folder / each, comment=each) for each in ("tunnel", "data"))
        self.port = port
        self.clocks = MachineClocks(self.folder / "clocks")
        self.environment = time.environment(self.clocks)
        self._gate_environment = time.environment(self.clocks, brief=True)
        self.agent = Daemon(self.folder, "agent")
        jump = {
            "host": "127.0.0.1",
            "port": link.port if link is not None else lab.jump.port,
            "user": lab.user,
            "identity_file": str(self.tunnel_key),
            "host_key": lab.jump.host_key_public,
        }
        to = f"127.0.0.1:{lab.desktop.port}"
        says = {
            "tunnel": {"jump_node": jump, "port": self.port, "to": to, **tunnel},
            "gate": {"read": [str(self.home)]},
            "state_dir": str(self.state),
        }
        write_private(self.config, json.dumps(says))
        for each in ("files", "photos"):
            (self.home / each / "first").write_text("dear reader\n")

    @property
    def gate(self) -> str:
        """The forced command of the Server's key."""
        words = [f"{name}={value}" for name, value in self._gate_environment.items()]
        return " ".join(["env", *words, sys.executable, "-P", "-m", "backupjump.gate", "--config", str(self.config)])

    def start_agent(self) -> None:
        """Start its agent, in a mount namespace where it finds the battery of this computer."""
        alone = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _OVER_SUPPLIES]
        words = [*alone, str(self.folder / "supplies"), *argv(self.config, "-v", "tunnel", "agent")]
        self.agent.start(words, self.environment)

    def word(self, *words: str) -> Said:
        """Let its owner say a word of `tunnel`."""
        return backupjump(self.config, "tunnel", *words, env=self.environment)

    @property
    def told(self) -> dict[str, Any]:
        """What its agent told last of itself, in its memory."""
        with suppress(OSError, ValueError):
            return dict(json.loads((self.state / "agent.json").read_text()))
        return {}

    def set_battery(self, percent: int | None) -> None:
        """Let it run on its battery, which is so full; None: it is plugged in."""
        battery = {
            "type": "Battery",
            "status": "Full" if percent is None else "Discharging",
            "capacity": str(percent or 100),
        }
        (self.folder / "supplies/BAT0").mkdir(exist_ok=True)
        for name, value in battery.items():
            (self.folder / "supplies/BAT0" / name).write_text(f"{value}\n")

    def sleep(self) -> None:
        """Close its lid: its programs stand still, and nothing comes through its link."""
        assert self.link is not None
        self.sleeps = True
        self._signal(signal.SIGSTOP)
        self.link.fall_silent()

    def wake(self) -> None:
        """Open its lid."""
        assert self.link is not None
        self.sleeps = False
        self.link.come_up()
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.agent.process is not None
        for pid in (self.agent.process.pid, *descendants(self.agent.process.pid)):
            os.kill(pid, number)


class BackupServer:
    """The Server of the week: its config, its `serve`, and what a person asks of it."""

    def __init__(self, lab: Lab, time: FakedTime, computers: list[Computer], jobs: Mapping[str, Any]) -> None:
        self.folder = lab.folder / "server"
        self.config = self.folder / "week/backupjump.yaml"
        self.store = lab.store
        self.clocks = MachineClocks(self.folder / "clocks")
        self.environment = time.environment(self.clocks)
        self.serve = Daemon(self.folder, "serve")
        login = {"host_key": lab.jump.host_key_public, "user": lab.user, "identity_file": str(lab.hop_key)}
        desktops = {
            each.name: {
                "jump_node": "jumpnode",
                "port": each.port,
                "user": lab.user,
                "identity_file": str(each.data_key),
                "host_key": lab.desktop.host_key_public,
            }
            for each in computers
        }
        says = {
            "store": {"path": str(lab.store)},
            "state_dir": str(lab.state),
            "jump_nodes": {"jumpnode": {"host": "127.0.0.1", "port": lab.jump.port, **login}},
            "desktops": desktops,
        }
        (self.config.parent / "jobs").mkdir(parents=True)
        write_private(self.config, json.dumps(says))
        for name, job in jobs.items():
            write_private(self.config.parent / f"jobs/{name}.yaml", json.dumps(job))
        _let_in(lab, computers)
        assert self.word("store", "init").code == 0

    def start(self) -> None:
        """Start `serve`."""
        self.serve.start(argv(self.config, "serve"), self.environment)

    @property
    def runs_rsync(self) -> bool:
        """Whether a transfer is under way."""
        assert self.serve.process is not None
        return any(_name_of(pid) == "rsync" for pid in descendants(self.serve.process.pid))

    def word(self, *words: str) -> Said:
        """Say a word to the program, as a person does."""
        return backupjump(self.config, *words, env=self.environment)


def _name_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _let_in(lab: Lab, computers: list[Computer]) -> None:
    """Write the JumpNode's and the Desktops' authorized_keys for these computers."""
    reach = ",".join(f'permitopen="127.0.0.1:{each.port}",permitopen="localhost:{each.port}"' for each in computers)
    hop = f'restrict,port-forwarding,{reach},permitlisten="127.0.0.1:1",command="/bin/false" {public_key(lab.hop_key)}'
    tunnels = [
        f'restrict,port-forwarding,permitlisten="127.0.0.1:{each.port}",permitopen="127.0.0.1:1",'
        f'command="/bin/false" {public_key(each.tunnel_key)}'
        for each in computers
    ]
    write_private(lab.jump.authorized_keys, "".join(f"{line}\n" for line in (hop, *tunnels)))
    gates = [f'restrict,command="{each.gate}" {public_key(each.data_key)}\n' for each in computers]
    write_private(lab.desktop.authorized_keys, "".join(gates))
