"""One world for the tunnel's timings: three real machines, an agent, a serve, a line that is cut; and an idle agent.

    sudo .venv/bin/python tests/bench/agent.py [--kind silent|down] [--seconds 20] [--times 5] [--idle 0]

The Desktop runs `tunnel agent` from its one file under `python3 -I`, the Server `serve` with a job that becomes due
while the line is cut. `down` takes the Desktop's interface down, and with it its route; `silent` drops every packet,
and no machine is told. Usable is when a connection to the tunnel's end on the JumpNode brings the greeting of the
Desktop's sshd.

Prints for each cut the seconds from the line's return until then, those until the next due job was started, and how
many listeners the port had at most; with `--idle`, what agent and ssh took of a processor in so many quiet seconds
before. The table of all cuts is that of cuts.py.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from lab.enrolling import enrol
from lab.machines import JUMP_ADDRESS, Machines, machines
from program import until

PORT = 2020
AGENT = "echo $$ >agent.pid; exec /usr/bin/python3 -I backupjump-desktop.pyz -v tunnel agent 2>agent.log"
SERVE = "echo $$ >serve.pid; exec backupjump serve 2>serve.log"
FORGET = "rm -rf /srv/backups/laptop/laptop/snapshots/* && kill -HUP $(cat serve.pid)"
# Reports when the far end begins and ceases to answer, and how many listen; times are of the clock of all machines.
# A listener that does not answer is left alone for 5 s: sshd 9.2 sees that its peer is dead only when nothing happens
# for as long as its ClientAliveInterval (seen: with a connection every 2 s it kept the port for 90 s and more).
WATCH = f"""
import socket, time
up, most, silent, again = None, 0, None, 0
while True:
    lines = [line.split() for name in ("tcp", "tcp6") for line in open("/proc/net/" + name)]
    ours = [line[9] for line in lines if line[1].endswith(":{PORT:04X}") and line[3] == "0A"]
    most = max(most, len(ours))
    now = False
    if ours and (ours != silent or time.monotonic() > again):
        try:
            with socket.create_connection(("127.0.0.1", {PORT}), 2) as connection:
                connection.settimeout(2)
                now = connection.recv(4) == b"SSH-"
        except OSError:
            pass
        silent, again = None if now else ours, time.monotonic() + 5
    if now != up:
        up = now
        print(int(up), time.monotonic(), most, flush=True)
    time.sleep(0.1)
"""
STARTED = "laptop: started"
DROP = "ip rule {} pref 1 iif {} blackhole"


class Watch:
    """What the JumpNode sees of the tunnel, while it is read from there."""

    def __init__(self, file: Path, process: subprocess.Popen[bytes]) -> None:
        self._file = file
        self._process = process

    def changes(self) -> list[tuple[bool, float, int]]:
        """Return each change: whether the far end answers, since when, and the most listeners up to then."""
        lines = [line.split() for line in self._file.read_text().splitlines()]
        return [(line[0] == "1", float(line[1]), int(line[2])) for line in lines if len(line) == 3]

    def up_again(self, *, seconds: float) -> float:
        """Wait until the far end answers, and return since when it does."""
        until(lambda: self.is_up, seconds=seconds, what="the tunnel's return")
        return self.changes()[-1][1]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Look away in the block: each look is a connection through the tunnel."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @property
    def is_up(self) -> bool:
        """Whether the far end answers now."""
        changes = self.changes()
        return bool(changes) and changes[-1][0]


@dataclass(frozen=True)
class Cut:
    """What came of one cut: seconds from the line's return until the tunnel was usable, seconds from then until a due
    job was started, and how many listeners the port on the JumpNode had at most until then.
    """

    kind: str
    seconds: float
    usable: float
    started: float
    most_listeners: int

    def __str__(self) -> str:
        return (
            f"{self.kind:6} {self.seconds:4.0f} s: usable {self.usable:5.1f} s after the line's return, "
            f"due job {self.started:4.1f} s later; listeners at most {self.most_listeners}"
        )


def main() -> None:
    """Let the agent idle, then cut the line again and again, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--kind", choices=["silent", "down"], default="silent")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--idle", type=float, default=0)
    said = parser.parse_args()
    with world() as (three, watch):
        if said.idle:
            print(idle_cost(three, watch, said.idle), flush=True)
        for each in cuts(three, watch, said.kind, [said.seconds] * said.times):
            print(each, flush=True)
        print(life_cost(three))


@contextmanager
def world() -> Iterator[tuple[Machines, Watch]]:
    """Start the machines, enrol, and let agent and serve run; what they said is shown if the block fails."""
    with tempfile.TemporaryDirectory(prefix="agent-bench-") as place, machines(Path(place)) as three:
        prepare(three)
        with running(three, Path(place)) as watch:
            try:
                yield three, watch
            except AssertionError:
                print(log_of(three), (three.desktop.home("me") / "agent.log").read_text())
                raise


def prepare(three: Machines) -> None:
    """Enrol the Desktop; its tunnel is always wanted."""
    desktop = three.desktop
    enrol(three)
    config = desktop.file(desktop.must("ls -d ~/.config/backupjump/*.yaml", user="me").strip())
    config.write_text(config.read_text().replace("tunnel:", "tunnel:\n  open: always", 1))
    assert "schedule:" in three.server.must("cat ~/.config/backupjump/jobs/laptop.yaml", user="backup")


@contextmanager
def running(three: Machines, place: Path) -> Iterator[Watch]:
    """Run agent, serve and the watch."""
    desktop, jump, server = three
    seen = place / "seen"
    with (
        desktop.running(AGENT, user="me"),
        server.running(SERVE, user="backup"),
        seen.open("wb") as out,
        subprocess.Popen(
            ["nsenter", "--target", str(jump.pid), "--net", "--", sys.executable, "-c", WATCH], stdout=out
        ) as watching,
    ):
        try:
            watch = Watch(seen, watching)
            until(lambda: watch.is_up, seconds=60, what="the tunnel")
            yield watch
        finally:
            watching.kill()


def cut(three: Machines, kind: str) -> None:
    """Cut the Desktop's line."""
    desktop, jump, _server = three
    if kind == "down":
        desktop.must("ip link set eth0 down")
    else:
        desktop.must(DROP.format("add", "eth0"))
        jump.must(DROP.format("add", "desktop"))


def mend(three: Machines, kind: str) -> None:
    """Give it back."""
    desktop, jump, _server = three
    if kind == "down":
        desktop.must(f"ip link set eth0 up && ip route replace {JUMP_ADDRESS}/32 dev eth0")
    else:
        jump.must(DROP.format("del", "desktop"))
        desktop.must(DROP.format("del", "eth0"))


def cuts(three: Machines, watch: Watch, kind: str, lengths: Iterable[float]) -> Iterator[Cut]:
    """Cut the line for each of `lengths`, seconds, and yield what came of it."""
    for seconds in lengths:
        time.sleep(random.uniform(10, 20))
        until(lambda: watch.is_up, seconds=60)
        cut(three, kind)
        time.sleep(max(0.0, seconds - 5))
        three.server.must(FORGET, user="backup")
        time.sleep(min(seconds, 5))
        runs = log_of(three).count(STARTED)
        until(lambda: not watch.is_up, what="the far end's silence")
        mend(three, kind)
        back = time.monotonic()
        up = max(back, watch.up_again(seconds=400))
        until(partial(is_started, three, runs + 1), seconds=100, what="the due job")
        yield Cut(kind, seconds, up - back, time.monotonic() - up, watch.changes()[-1][2])


def log_of(three: Machines) -> str:
    """Return what serve has said."""
    return (three.server.home("backup") / "serve.log").read_text()


def is_started(three: Machines, times: int) -> bool:
    """Whether serve has started the job so often."""
    return log_of(three).count(STARTED) >= times


def idle_cost(three: Machines, watch: Watch, seconds: float) -> str:
    """Return what agent and ssh take of a processor while the tunnel stands and nothing happens, and their memory."""
    with watch.paused():
        time.sleep(30)
        before = _processor(three)
        time.sleep(seconds)
        shares = [100 * (now - then) / seconds for now, then in zip(_processor(three), before, strict=True)]
    return (
        f"idle for {seconds:.0f} s: agent {shares[0]:.3f} % of one core, its ssh {shares[1]:.3f} %; {_resident(three)}"
    )


def life_cost(three: Machines) -> str:
    """Return how long the agent has lived, its seconds on a processor, with those of all its ssh, and its memory."""
    own, ssh = _processor(three)
    began = int(_stat(three, "$(cat agent.pid)")[19]) / os.sysconf("SC_CLK_TCK")
    lived = float(Path("/proc/uptime").read_text().split()[0]) - began
    return f"agent: {lived:.0f} s, processor {own:.2f} s, its ssh {ssh:.2f} s; {_resident(three)}"


def _processor(three: Machines) -> tuple[float, float]:
    """Return the seconds on a processor of the agent, and those of its ssh, earlier ones too."""
    agent = _stat(three, "$(cat agent.pid)")
    ssh = _stat(three, "$(echo $(cat /proc/$(cat agent.pid)/task/*/children))")
    tick = os.sysconf("SC_CLK_TCK")
    return sum(map(int, agent[11:13])) / tick, (sum(map(int, agent[13:15])) + sum(map(int, ssh[11:13]))) / tick


def _stat(three: Machines, pid: str) -> list[str]:
    """Return the fields of proc(5)'s /proc/PID/stat from the state on."""
    return three.desktop.must(f"cat /proc/{pid}/stat", user="me").rpartition(")")[2].split()


def _resident(three: Machines) -> str:
    lines = three.desktop.must("grep VmRSS /proc/$(cat agent.pid)/status", user="me").split()
    return f"agent resident {int(lines[1]) / 1024:.1f} MiB"


if __name__ == "__main__":
    main()
