"""The lab of the benchmark for a plain user: the three roles on loopback, an enrolled Desktop, and a way by hand.

Folders take the place of filesystems of their own. Nobody here can make a line slow, empty the caches, or tell what
went over the wire.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from backupjump.demo.lab import Lab
from backupjump.demo.ports import Ports
from backupjump.demo.sshd import make_key, public_key
from bench.hosts.cgroups import Watch
from bench.hosts.host import (
    BY_HAND,
    BY_HAND_PTY,
    DESKTOP,
    JUMP_NODE,
    SERVER,
    Command,
    Cost,
    Installed,
    standing,
)
from bench.hosts.process_trees import Tree, cpu_seconds, marked
from lab.enrolled import Enrolment, enrolment
from program import until

_DESKTOP_NAME = "laptop"
_PATH = "/usr/local/bin:/usr/bin:/bin"
_LEFT_BEHIND_SECONDS = 1800.0
_COMMON = """\
Host *
  IdentityFile {key}
  IdentitiesOnly yes
  UserKnownHostsFile {known}
  StrictHostKeyChecking yes
"""


class _OpenLab(Lab):
    """One whose sshds let sockets through, as sshd does by default; borg and restic come in by one."""

    def _sshd_options(self) -> dict[str, str]:
        return {**super()._sshd_options(), "AllowStreamLocalForwarding": "yes"}


class Loopback:
    """The roles, up, with all tunnels open; see `Hosts`."""

    def __init__(self, world: Enrolment, place: Path, *, ssh: str, roles: dict[str, Tree]) -> None:
        self.source = str(world.lab.home / "tree")
        self.ssh = ssh
        self.sockets = str(place)
        program = f"{sys.executable} -m backupjump --config {world.server / 'backupjump.yaml'}"
        job_file = str(world.server / f"jobs/{_DESKTOP_NAME}.yaml")
        self.installed = Installed(program, _DESKTOP_NAME, _DESKTOP_NAME, job_file)
        self._lab = world.lab
        self._place = place
        self._roles = roles

    def source_here(self) -> Path:
        """Return where the source is."""
        return Path(self.source)

    def path_here(self, path: str) -> Path:
        """Return the same path: it is one machine."""
        return Path(path)

    def argv(self, command: Command) -> list[str]:
        """Return the words that run it in the home of its role, never in that of who measures."""
        home = self._lab.home if command.role == DESKTOP else self._place
        clean = ("env", "-i", f"HOME={home}", f"PATH={_PATH}", "LANG=C.UTF-8", f"{_mark()}=1")
        return [*clean, "sh", "-c", f"cd && {command.line}"]

    def must(self, command: Command) -> str:
        """Run it unmeasured and return what it printed."""
        done = subprocess.run(self.argv(command), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def measure(self, command: Command) -> Cost:
        """Run it to its end, and wait for what it left behind, measured."""
        with tempfile.TemporaryFile() as said:
            cpu = {role: tree.cpu_seconds for role, tree in self._roles.items()}
            children, began, began_at = _children_seconds(), time.monotonic(), time.time()
            with (
                subprocess.Popen(self.argv(command), stdin=subprocess.DEVNULL, stdout=said, stderr=said) as running,
                Watch({**self._roles, SERVER: Tree(running.pid)}) as watch,
            ):
                running.wait()
                ended = time.monotonic()
                server = _children_seconds() - children + _outlive()
            said.seek(0)
            assert running.returncode == 0, (command, running.returncode, said.read()[-4000:].decode(errors="replace"))
        return Cost(
            began_at=began_at,
            seconds=ended - began,
            command_seconds=ended - began,
            all_seconds=time.monotonic() - began,
            cpu_seconds={SERVER: server}
            | {role: max(tree.cpu_seconds - cpu[role], 0.0) for role, tree in self._roles.items()},
            memory_bytes=watch.peaks,
            wire_bytes=-1,
        )

    def pids(self) -> dict[str, list[int]]:
        """Return what lives of each role."""
        return {SERVER: marked(f"{_mark()}="), **{role: list(tree.pids()) for role, tree in self._roles.items()}}

    def fresh_disk(self, name: str, kind: str, *, gigabytes: float) -> str:
        """Return an empty folder."""
        folder = self._lab.store if name == "backups" else self._place / "disks" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return str(folder)

    def fresh_source(self, *, gigabytes: float) -> None:
        """Have the source be empty."""
        shutil.rmtree(self.source, ignore_errors=True)
        self.source_here().mkdir()

    def used_bytes(self, folder: str) -> int:
        """Return what lies below a folder."""
        done = subprocess.run(
            ["du", "-s", "--block-size=1", folder], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        return int(done.stdout.split()[0])

    @contextmanager
    def wide_area(self) -> Iterator[None]:
        """Refuse: loopback is as fast as it is."""
        raise AssertionError("a slow line needs namespaces, and these root")
        yield


@contextmanager
def loopback(place: Path, *, ways: Sequence[str] = (BY_HAND,)) -> Iterator[Loopback]:
    """Start the roles below `place` and open the tunnels: the enrolled Desktop's, and those of the `ways` by hand."""
    with ExitStack() as stack:
        lab = stack.enter_context(_OpenLab(place / "lab"))
        world = enrolment(lab)
        world.enrolled()
        ports = Ports()
        stack.callback(ports.release)
        port = {way: ports.take() for way in (BY_HAND, BY_HAND_PTY)}
        config = _lay_way_by_hand(lab, place, port)
        hand = f"ssh -F {config}"
        lines = {
            BY_HAND: f"{hand} -N -R 127.0.0.1:{port[BY_HAND]}:127.0.0.1:{lab.desktop.port} jumpnode",
            BY_HAND_PTY: f"{hand} -tt -R 127.0.0.1:{port[BY_HAND_PTY]}:127.0.0.1:{lab.desktop.port} jumpnode sleep inf",
        }
        ours = [
            sys.executable,
            "-m",
            "backupjump",
            "--config",
            str(world.desktop / "backupjump.yaml"),
            "tunnel",
            "open",
        ]
        tunnels = [stack.enter_context(standing(["sh", "-c", f"exec {lines[way]}"])) for way in ways]
        tunnels.append(stack.enter_context(standing([*ours, "--for", "48h"])))
        desktop = Tree(lab.desktop.sshd.pid, *(tunnel.pid for tunnel in tunnels))
        hosts = Loopback(world, place, ssh=hand, roles={JUMP_NODE: Tree(lab.jump.sshd.pid), DESKTOP: desktop})
        for way in ways:
            until(lambda way=way: _answers(hosts, way), seconds=30, what=f"the tunnel of {way}")
        yield hosts


def _lay_way_by_hand(lab: Lab, place: Path, port: dict[str, int]) -> Path:
    """Give whoever works by hand a key for both, and return an ssh_config that leads there."""
    key, known, config = place / "hand", place / "known_hosts", place / "ssh_config"
    make_key(key, comment="hand")
    for machine in (lab.jump, lab.desktop):
        with machine.authorized_keys.open("a") as keys:
            keys.write(f"{public_key(key)}\n")
    known.write_text(f"jumpnode {lab.jump.host_key_public}\ndesktop {lab.desktop.host_key_public}\n")
    hosts = {"jumpnode": (lab.jump.port, "jumpnode", ""), **{way: (port[way], "desktop", "jumpnode") for way in port}}
    text = ""
    for name, (number, alias, jump) in hosts.items():
        text += f"Host {name}\n  HostName 127.0.0.1\n  Port {number}\n  HostKeyAlias {alias}\n  User {lab.user}\n"
        text += f"  ProxyJump {jump}\n" if jump else ""
    config.write_text(text + _COMMON.format(key=key, known=known))
    return config


def _answers(hosts: Loopback, way: str) -> bool:
    argv = hosts.argv(Command(f"{hosts.ssh} {way} true"))
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _mark() -> str:
    return f"BENCH_{os.getpid()}"


def _outlive() -> float:
    """Wait until no process is left that a measured command has started, and return what those spent since."""
    spent: dict[int, float] = {}
    deadline = time.monotonic() + _LEFT_BEHIND_SECONDS
    while left := marked(f"{_mark()}="):
        assert time.monotonic() < deadline, f"{left} go on and on"
        spent |= {pid: max(cpu_seconds(pid), spent.get(pid, 0.0)) for pid in left}
        time.sleep(0.02)
    return sum(spent.values())


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
