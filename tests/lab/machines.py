"""Three bare machines made of this one: what enrolment, doctor and the attacks on the JumpNode are tried on.

    with machines(tmp_path) as (desktop, jump, server):
        jump.run("sshd -T").out

Each has namespaces of its own and writes to an overlay over this machine's root, so `useradd`, /etc and /run are its
own; its /home, /root, /srv, /run and /tmp start empty. The JumpNode is reachable by both others, nothing reaches them,
and no packet leaves the three. A test that uses them is marked `needs_root`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lab.terminal import Terminal
from program import Said

CHECKOUT = Path(__file__).parents[2]
JUMP_NAME = "jumpnode.domain.ext"
JUMP_ADDRESS, DESKTOP_ADDRESS, SERVER_ADDRESS = "203.0.113.1", "198.51.100.2", "198.51.100.3"
SSHD_LOG = "/var/log/sshd.log"
_STANDS = "while [ ! -s /run/sshd.pid ]; do :; done"
# One that has just been told takes its file away and writes it again once it listens. Source: sshd.c, sighup_restart.
RELOAD_SSHD = f"{_STANDS}; pid=$(cat /run/sshd.pid) && rm /run/sshd.pid && kill -HUP $pid && {_STANDS}"
# Who works there, beside root. Debian's own account `backup` becomes one that a person can use.
PEOPLE = {"desktop": "me", "jump": "", "server": "backup"}
_HOSTNAMES = {"desktop": "desktop", "jump": "jumpnode", "server": "server"}

# Process 1 of a machine: everything ends with it, and it ends with its standard input, however its test ends.
# The kernel reaps what is left behind to a process that ignores SIGCHLD, and that survives the exec.
_INIT = """set -eu
name=$1 disk=$PWD
shift
read -r pid _ </proc/self/stat # of the machine outside, whose /proc this still is
mount -t tmpfs -o mode=755 tmpfs "$disk"
cd "$disk"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir="$disk/upper",workdir="$disk/work" overlay root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
for folder in home srv run root; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mount -t tmpfs -o mode=1777 tmpfs tmp
chmod 700 root
for folder; do
  mkdir -p ".$folder"
  mount --bind "$folder" ".$folder"
  mount -o remount,bind,ro ".$folder"
  while [ "$folder" != / ]; do folder=$(dirname "$folder"); chmod a+x ".$folder"; done
done
mkdir run/old run/sshd run/lock
pivot_root . run/old
umount -l /run/old
echo "$name" >/proc/sys/kernel/hostname
echo "$name" >/etc/hostname
printf '%s\\n' "127.0.0.1 localhost $name" "::1 localhost" "$HOSTS" >/etc/hosts
rm -rf /etc/backupjump /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d/*
ip link set lo up
trap '' CHLD
echo "$pid"
exec cat
"""

_OWN_KEYS_AND_SSHD = f"ssh-keygen -A >/dev/null && /usr/sbin/sshd -E {SSHD_LOG}"
_FIRST_BOOT = {
    "desktop": f"id me || useradd --create-home --shell /bin/bash me && {_OWN_KEYS_AND_SSHD}",
    "jump": _OWN_KEYS_AND_SSHD,
    "server": "usermod --shell /bin/bash --home /home/backup backup"
    " && install -d -o backup -g backup /home/backup /srv/backups",
}

# Nothing reaches a listening port from outside, as behind NAT or a firewall; answers to what goes out come in.
_CLOSED = """rule add pref 100 lookup local
rule del pref 0
rule add pref 10 iif eth0 ipproto tcp dport 1-32767 blackhole
"""


@dataclass(frozen=True)
class Machine:
    """A running machine; `pid` is its process 1, as this machine sees it."""

    name: str
    pid: int

    def run(self, line: str, *, user: str = "root", paste: str = "", seconds: float = 120) -> Said:
        """Run `line` as `user` would type it, with `paste` on its standard input, to its end."""
        done = subprocess.run(
            self.argv(line, user=user),
            input=paste,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=seconds,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def must(self, line: str, *, user: str = "root", paste: str = "", seconds: float = 120) -> str:
        """Run `line` and return what it printed; it must succeed."""
        said = self.run(line, user=user, paste=paste, seconds=seconds)
        assert said.code == 0, (self.name, line, said)
        return said.out

    def terminal(self, line: str, *, user: str = "root") -> Terminal:
        """Start `line` on a terminal, to be read and written to; it ends with the `with` block."""
        owner = self.home(user).stat().st_uid
        return Terminal(self.argv(line, user=user), devices=self.file("/dev"), owner=owner)

    @contextmanager
    def running(self, line: str, *, user: str = "root") -> Iterator[subprocess.Popen[str]]:
        """Have `line` run in the background, with pipes; it is ended, its children too, at the end of the block."""
        with subprocess.Popen(
            self.argv(line, user=user),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                end_group(process)

    def file(self, path: str) -> Path:
        """Return where this machine's `path` is for this process; an absolute symlink in it would lead astray."""
        return Path(f"/proc/{self.pid}/root{path}")

    def home(self, user: str) -> Path:
        """Return where `user`'s home is for this process."""
        return self.file("/root" if user == "root" else f"/home/{user}")

    def argv(self, line: str, *, user: str) -> list[str]:
        """Return the words that run `line` in `user`'s shell there, in the home, with a clean environment."""
        home = "/root" if user == "root" else f"/home/{user}"
        first = f"{Path(sys.executable).parent}" if self.name == "server" else f"{home}/.local/bin"
        path = f"{first}:/usr/local/bin:/usr/bin:/bin" + ":/usr/sbin:/sbin" * (user == "root")
        identity = ("--reuid", user, "--regid", user, "--init-groups")
        clean = ("env", "-i", f"HOME={home}", f"USER={user}", f"LOGNAME={user}", f"PATH={path}", "TERM=dumb")
        shell = ("SHELL=/bin/bash", "LANG=C.UTF-8", "sh", "-c", f"cd && {line}")
        enter = ("nsenter", "--target", str(self.pid), "--mount", "--uts", "--ipc", "--net", "--pid")
        return [*enter, "--", "setpriv", *identity, "--", *clean, *shell]

    def start_sshd(self) -> None:
        """Start Debian's sshd as it is configured; it listens when this returns."""
        self.must(f"/usr/sbin/sshd -E {SSHD_LOG}")

    def stop_sshd(self) -> None:
        """End the sshd that listens; sessions go on."""
        self.must(f"{_STANDS}; kill $(cat /run/sshd.pid) && while [ -e /run/sshd.pid ]; do :; done")

    @property
    def host_key(self) -> str:
        """Its public ed25519 host key, without the comment."""
        return " ".join(self.file("/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])


class Machines(NamedTuple):
    """The three, up, with sshd on port 22 of the Desktop and of the JumpNode."""

    desktop: Machine
    jump: Machine
    server: Machine

    def cut(self) -> None:
        """Take the Desktop's line out of the JumpNode: no word to either end."""
        self.jump.must("ip link set desktop down")

    def mend(self) -> None:
        """Put the line back."""
        self.jump.must(f"ip link set desktop up && ip route add {DESKTOP_ADDRESS} dev desktop")


@contextmanager
def machines(folder: Path) -> Iterator[Machines]:
    """Start the three below `folder` and end all that runs on them; their disks are in memory and go with them."""
    with ExitStack() as stack:
        inits = {name: stack.enter_context(_init(name, folder / f"{name}-disk")) for name in PEOPLE}
        three = Machines(**{name: Machine(name, _booted(init)) for name, init in inits.items()})
        _connect(three)
        starts = [stack.enter_context(machine.running(_FIRST_BOOT[machine.name])) for machine in three]
        for machine, start in zip(three, starts, strict=True):
            said, _ = start.communicate(timeout=60)
            assert start.returncode == 0, (machine.name, said)
        yield three


def end_group(process: subprocess.Popen[str]) -> None:
    """Kill a child and the processes of its group, if any are left."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        return


@contextmanager
def _init(name: str, disk: Path) -> Iterator[subprocess.Popen[str]]:
    """Start process 1 of a machine; it ends when its standard input does."""
    disk.mkdir(parents=True)
    unshare = ("unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child")
    folders = {str(CHECKOUT), *({sys.base_prefix} - {"/usr", "/usr/local"})}
    hosts = f"{JUMP_ADDRESS} {JUMP_NAME}" + f" {_HOSTNAMES['jump']}" * (name != "jump")
    with subprocess.Popen(
        [*unshare, "sh", "-c", _INIT, "init", _HOSTNAMES[name], *folders],
        cwd=disk,
        env={**os.environ, "HOSTS": hosts},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as init:
        try:
            yield init
        finally:
            init.kill()


def _booted(init: subprocess.Popen[str]) -> int:
    assert init.stdout is not None
    line = init.stdout.readline()
    assert line.strip().isdigit(), f"a machine did not start: {line!r}"
    return int(line)


def _connect(three: Machines) -> None:
    """Lay a line from each of the others to the JumpNode, which forwards nothing between them."""
    lines = {three.desktop: DESKTOP_ADDRESS, three.server: SERVER_ADDRESS}
    jump = [f"addr add {JUMP_ADDRESS}/32 dev lo"]
    for machine, address in lines.items():
        name = machine.name
        jump.append(f"link add {name} type veth peer name eth0 netns {machine.pid}")
        jump += [f"link set {name} up", f"route add {address}/32 dev {name}"]
    _ip(three.jump, jump)
    three.jump.must("echo 0 >/proc/sys/net/ipv4/ip_forward")
    for machine, address in lines.items():
        up = (f"addr add {address}/32 dev eth0", "link set eth0 up", f"route add {JUMP_ADDRESS}/32 dev eth0")
        _ip(machine, [*up, *_CLOSED.splitlines()])


def _ip(machine: Machine, lines: list[str]) -> None:
    # Only the network is the machine's here: `netns PID` is looked up in this machine's /proc.
    batch = ("nsenter", "--target", str(machine.pid), "--net", "ip", "-batch", "-")
    done = subprocess.run(batch, input="\n".join(lines), text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, (machine.name, lines, done.stderr)
