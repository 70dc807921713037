"""A machine made of this one whose process 1 is a real systemd, which knows no unit but those that a test has it get.

    with booted(tmp_path) as machine:
        machine.must("systemctl daemon-reload")

Its root is an overlay over this machine's, its /tmp, /run, /root, /home, /var/log and /dev are its own, and so is its
branch of the cgroups; /sys and /proc/sys can only be read. It has none of Debian's units, since one of them, which
clears /tmp at boot, is not to be met with by a mistake in the mounts. Only the network and `shared` are this
machine's. A test that uses it is marked `needs_root`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from program import Said, until

_INIT = """set -eu
disk=$1 shared=$2
read -r pid _ </proc/self/stat # of the machine outside, whose /proc this still is
mount -t tmpfs -o mode=755 tmpfs "$disk"
cd "$disk"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir="$disk/upper",workdir="$disk/work" overlay root
cd root
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mkdir dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s null dev/console
for folder in run root home srv var/log etc/systemd/system; do mount -t tmpfs -o mode=755 tmpfs $folder; done
for folder in tmp var/tmp; do mount -t tmpfs -o mode=1777 tmpfs $folder; done
mkdir -p ".$shared" run/old run/units
mount --rbind "$shared" ".$shared"
for unit in machine basic sysinit shutdown timers time-set time-sync network-online; do
  printf '[Unit]\\nDefaultDependencies=no\\n' >run/units/$unit.target
done
pivot_root . run/old
cd /
umount -l /run/old
[ "$(stat --file-system --format=%T /)" = overlayfs ] # or it would boot on this machine's own root
echo "$pid"
exec setpriv --bounding-set=-sys_time,-sys_boot,-sys_module,-sys_rawio,-syslog \\
  env -i container=lab SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/units PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd --system --unit=machine.target --log-target=null --show-status=0 --crash-shell=0
"""
_NAMESPACES = ("--mount", "--uts", "--ipc", "--pid", "--cgroup")


@dataclass(frozen=True)
class Booted:
    """The machine; `pid` is its systemd, as this machine sees it."""

    pid: int

    def run(self, line: str) -> Said:
        """Run `line` there as root, in a shell, to its end."""
        words = ["nsenter", "--target", str(self.pid), "--mount", "--uts", "--ipc", "--pid", "sh", "-c", line]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        return Said(done.returncode, done.stdout, done.stderr)

    def must(self, line: str) -> str:
        """Run `line` and return what it printed; it must succeed."""
        said = self.run(line)
        assert said.code == 0, (line, said)
        return said.out

    def file(self, path: str) -> Path:
        """Return where the machine's `path` is for this process."""
        return Path(f"/proc/{self.pid}/root{path}")


@contextmanager
def booted(shared: Path, disk: Path) -> Iterator[Booted]:
    """Give the machine, which has `shared` at the same place as this one; `disk` is an empty folder for its mounts."""
    branch = _cgroups() / f"backupjump-test-{os.getpid()}"
    branch.mkdir()
    try:
        with _started(branch, disk, shared) as process:
            assert process.stdout is not None
            machine = Booted(int(process.stdout.readline()))
            until(lambda: machine.file("/run/systemd/private").exists(), what="systemd")
            until(lambda: machine.run("systemctl is-active machine.target").code == 0, what="its target")
            yield machine
    finally:
        until(lambda: "populated 0" in (branch / "cgroup.events").read_text(), what="the end of all that ran there")
        for folder in [*sorted(branch.glob("**/"), reverse=True)]:
            folder.rmdir()


@contextmanager
def _started(branch: Path, disk: Path, shared: Path) -> Iterator[subprocess.Popen[str]]:
    words = ["unshare", *_NAMESPACES, "--fork", "--kill-child", "--propagation", "private"]
    inside = [*words, "sh", "-c", _INIT, "init", str(disk), str(shared)]
    outside = ["sh", "-c", 'echo $$ >"$0"/cgroup.procs && exec "$@"', str(branch), *inside]
    with subprocess.Popen(
        outside, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _cgroups() -> Path:
    """Return where this machine has its cgroups of version 2."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return next(Path(words[1]) for words in mounts if words[2] == "cgroup2")
