"""The lab of the benchmark as root: three machines in namespaces, a Desktop enrolled as its owner would, disks of their
own, and by the side the way that somebody lays by hand: `ssh -N -R`, and `ProxyJump` with all else as OpenSSH has it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.hosts import wide_area
from bench.hosts.cgroups import Group, Watch, groups
from bench.hosts.disks import attach, detach
from bench.hosts.host import BY_HAND, BY_HAND_PTY, DESKTOP, JUMP_NODE, ROLES, SERVER, Command, Cost, Installed, standing
from lab.attacker import listening
from lab.enrolling import enrol
from lab.filesystems import command
from lab.machines import CHECKOUT, DESKTOP_ADDRESS, JUMP_ADDRESS, JUMP_NAME, SERVER_ADDRESS, Machine, Machines, machines
from program import until

HOME = "/home/me"
SOURCE = f"{HOME}/tree"
PORTS = {BY_HAND: 2120, BY_HAND_PTY: 2121}
OUR_PORT = 2020
INSTALLED = Installed("backupjump", desktop="laptop", job="laptop", job_file="/etc/backupjump/jobs/laptop.yaml")
ADDRESSES = {"desktop": DESKTOP_ADDRESS, "server": SERVER_ADDRESS}
TUNNELS = {
    BY_HAND: f"ssh -N -R {PORTS[BY_HAND]}:localhost:22 jumpnode",
    BY_HAND_PTY: f"ssh -tt -R {PORTS[BY_HAND_PTY]}:localhost:22 jumpnode sleep infinity",
}
# As Debian's kernel has it by default; the machine that this runs on may have other windows.
SYSCTL = "sysctl -qw net.ipv4.tcp_rmem='4096 131072 6291456' net.ipv4.tcp_wmem='4096 16384 4194304'"
OUR_TUNNEL = "exec python3 -I ~/.local/share/backupjump/backupjump-desktop.pyz tunnel open --for 48h"
_JUMP = f"Host jumpnode\n  HostName {JUMP_NAME}\n  User hand\n  IdentityFile ~/.ssh/hand\n"
_TO_DESKTOP = (
    "Host {host}\n  HostName localhost\n  HostKeyAlias desktop\n  Port {port}\n  User me\n  ProxyJump jumpnode\n"
)
# What came and went over the line, whichever it is now.
_LINES = ("eth0", wide_area.NAME)


class ThreeHosts:
    """The machines, up, with all tunnels open; see `Hosts`."""

    source = SOURCE
    ssh = "ssh"
    sockets = "/tmp"
    installed = INSTALLED

    def __init__(self, three: Machines, group: dict[str, Group], place: Path) -> None:
        self._machine = dict(zip(ROLES, (three.server, three.jump, three.desktop), strict=True))
        self._group = group
        self._place = place
        self._baseline: dict[str, int] = {}

    def source_here(self) -> Path:
        """Return where this process finds the source."""
        return self._machine[DESKTOP].file(SOURCE)

    def path_here(self, path: str) -> Path:
        """Return where this process finds a path of the Server."""
        return self._machine[SERVER].file(path)

    def argv(self, command: Command) -> list[str]:
        """Return the words that run it, in the control group of its machine."""
        return self._group[command.role].argv(self._words(command))

    def must(self, command: Command) -> str:
        """Run it unmeasured and return what it printed."""
        done = subprocess.run(self.argv(command), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def measure(self, command: Command) -> Cost:
        """Run it to its end, and wait for what it left behind, measured."""
        with self._group[command.role].below("measured") as group, tempfile.TemporaryFile() as said:
            words = group.argv(self._words(command))
            cpu, wire = self._cpu(), self._wire()
            with Watch(self._group) as watch:
                began, began_at = time.monotonic(), time.time()
                done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False)
                ended = time.monotonic()
                until(lambda: not group.is_busy, seconds=1800, what="the end of what the command left behind")
            said.seek(0)
            assert done.returncode == 0, (command, done.returncode, said.read()[-4000:].decode(errors="replace"))
            return Cost(
                began_at=began_at,
                seconds=ended - began,
                command_seconds=ended - began,
                all_seconds=time.monotonic() - began,
                cpu_seconds={role: now - cpu[role] for role, now in self._cpu().items()},
                memory_bytes=watch.peaks,
                wire_bytes=self._wire() - wire,
            )

    def pids(self) -> dict[str, list[int]]:
        """Return what lives on each machine."""
        return {role: group.pids() for role, group in self._group.items()}

    def fresh_disk(self, name: str, kind: str, *, gigabytes: float) -> str:
        """Return a folder on the Server with a new filesystem."""
        folder = f"/srv/{name}"
        self._renew(SERVER, folder, kind, gigabytes=gigabytes)
        self._baseline[folder] = 0
        self._baseline[folder] = self.used_bytes(folder)
        return folder

    def fresh_source(self, *, gigabytes: float) -> None:
        """Have the source be an empty filesystem."""
        self._renew(DESKTOP, SOURCE, "ext4", gigabytes=gigabytes)
        self._machine[DESKTOP].must(f"rmdir {SOURCE}/lost+found && chown me: {SOURCE}")

    def used_bytes(self, folder: str) -> int:
        """Return what lies on a disk, beyond what it was made with."""
        command("sync", "--file-system", self.path_here(folder))
        counts = os.statvfs(self.path_here(folder))
        return (counts.f_blocks - counts.f_bfree) * counts.f_frsize - self._baseline[folder]

    def _renew(self, role: str, folder: str, kind: str, *, gigabytes: float) -> None:
        machine = self._machine[role]
        detach(machine, folder)
        attach(kind, self._place / folder.replace("/", "-"), gigabytes=gigabytes, machine=machine, folder=folder)

    @contextmanager
    def wide_area(self) -> Iterator[None]:
        """Have the Desktop's line be slow and long."""
        with wide_area.between(self._machine[DESKTOP], self._machine[JUMP_NODE]):
            yield

    def _words(self, command: Command) -> list[str]:
        return self._machine[command.role].argv(command.line, user="me" if command.role == DESKTOP else "root")

    def _cpu(self) -> dict[str, float]:
        return {role: group.cpu_seconds for role, group in self._group.items()}

    def _wire(self) -> int:
        lines = Path(f"/proc/{self._machine[DESKTOP].pid}/net/dev").read_text().splitlines()
        counts = {name.strip(): numbers.split() for name, _, numbers in (line.partition(":") for line in lines)}
        return sum(int(counts[name][0]) + int(counts[name][8]) for name in _LINES if name in counts)


@contextmanager
def three_hosts(place: Path, *, ways: Sequence[str] = (BY_HAND,), ours: bool = True) -> Iterator[ThreeHosts]:
    """Start the machines below `place` and open the tunnels: those of the `ways` by hand, if `ours` the Desktop's."""
    with ExitStack() as stack:
        # As pip leaves it. On the machines the checkout can't be written to, so each start would compile it anew.
        command(sys.executable, "-m", "compileall", "-q", str(CHECKOUT / "backupjump"))
        three = stack.enter_context(machines(place / "machines"))
        desktop, jump, server = three
        for machine in three:
            machine.must(SYSCTL)
        _lead(three)
        if ours:
            enrol(three, by="root")
        _lay_way_by_hand(three)
        group = stack.enter_context(groups(ROLES))
        for role, machine in zip(ROLES, (server, jump, desktop), strict=True):
            for pid in _processes_of(machine):
                group[role].take(pid)
        hosts = ThreeHosts(three, group, place)
        lines = {PORTS[way]: TUNNELS[way] for way in ways} | ({OUR_PORT: OUR_TUNNEL} if ours else {})
        for port, line in lines.items():
            stack.enter_context(standing(hosts.argv(Command(line, DESKTOP))))
            until(lambda port=port: f"127.0.0.1:{port}" in listening(jump), seconds=30, what=f"the tunnel {line}")
        yield hosts


def _lead(three: Machines) -> None:
    """Have TCP between the machines be cubic, as Debian's is, whatever this machine has by default.

    By the routes: a namespace may not choose it for itself where this machine does not allow it to all accounts.
    """
    desktop, jump, server = three
    for machine in (desktop, server):
        wide_area.lead(machine, f"{JUMP_ADDRESS}/32 dev eth0")
        wide_area.lead(jump, f"{ADDRESSES[machine.name]}/32 dev {machine.name}")


def _processes_of(machine: Machine) -> Iterator[int]:
    """Yield what runs on a machine: every process of its namespace, as this one sees it."""
    its_own = Path(f"/proc/{machine.pid}/ns/pid").readlink()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "ns/pid").readlink() == its_own:
                    yield int(entry.name)
            except OSError:
                continue  # it has just ended


def _lay_way_by_hand(three: Machines) -> None:
    """Give the Desktop and the Server a key and an ssh_config each, and let them in where they go."""
    desktop, jump, server = three
    jump.must("useradd --create-home --shell /bin/bash hand && install -d -o hand -m 700 ~hand/.ssh")
    known = f"{JUMP_NAME} {jump.host_key}\ndesktop {desktop.host_key}\n"
    to_desktop = "".join(_TO_DESKTOP.format(host=host, port=port) for host, port in PORTS.items())
    by_hand = "  IdentityFile ~/.ssh/hand\n"
    keys = [
        _key(desktop, "me", known, _JUMP),
        _key(server, "root", known, _JUMP + to_desktop + f"Host *\n{by_hand}"),
    ]
    jump.must("cat >>~hand/.ssh/authorized_keys && chown hand ~hand/.ssh/authorized_keys", paste="".join(keys))
    desktop.must("mkdir -p -m 700 .ssh && cat >>.ssh/authorized_keys", user="me", paste=keys[1])


def _key(machine: Machine, user: str, known: str, config: str) -> str:
    machine.must("mkdir -p -m 700 .ssh && ssh-keygen -q -t ed25519 -N '' -f .ssh/hand", user=user)
    machine.must("umask 077 && cat >.ssh/known_hosts", user=user, paste=known)
    machine.must("umask 077 && cat >.ssh/config", user=user, paste=config)
    return machine.must("cat .ssh/hand.pub", user=user)
