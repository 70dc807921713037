"""How soon the tunnel is usable again after its line was cut, on three real machines, and how soon a due job starts.

    sudo .venv/bin/python tests/bench/agent.py [--seconds 20] [--kind silent|down] [--times 5]

The Desktop runs `tunnel agent` from its one file under `python3 -I`, the Server `serve` with a job that becomes due
while the line is cut. `down` takes the Desktop's interface down, and with it its route; `silent` drops every packet,
and no machine is told. Usable is when a connection to the tunnel's end on the JumpNode brings the greeting of the
Desktop's sshd.

Prints for each cut the seconds from the line's return until then, those until the next due job was started, and how
many listeners the port had at most; at the end the agent's time on a processor and its memory.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

    def __init__(self, file: Path) -> None:
        self._file = file

    def changes(self) -> list[tuple[bool, float, int]]:
        """Return each change: whether the far end answers, since when, and the most listeners up to then."""
        lines = [line.split() for line in self._file.read_text().splitlines()]
        return [(line[0] == "1", float(line[1]), int(line[2])) for line in lines if len(line) == 3]

    def up_again(self, *, seconds: float) -> float:
        """Wait until the far end answers, and return since when it does."""
        until(lambda: self.is_up, seconds=seconds, what="the tunnel's return")
        return self.changes()[-1][1]

    @property
    def is_up(self) -> bool:
        """Whether the far end answers now."""
        changes = self.changes()
        return bool(changes) and changes[-1][0]


def main() -> None:
    """Cut the line again and again and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--kind", choices=["silent", "down"], default="silent")
    parser.add_argument("--times", type=int, default=5)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agent-bench-") as place, machines(Path(place)) as three:
        prepare(three)
        with running(three, Path(place)) as watch:
            try:
                measure(three, watch, said.kind, said.seconds, said.times)
            except AssertionError:
                print(log_of(three), (three.desktop.home("me") / "agent.log").read_text())
                raise
            print_cost(three)


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
            watch = Watch(seen)
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


def measure(three: Machines, watch: Watch, kind: str, seconds: float, times: int) -> None:
    """Cut `times` times for `seconds` and print what came of each."""
    usable, started = [], []
    print(f"{kind}, {seconds:.0f} s: usable again, next due job started after that, most listeners", flush=True)
    for _ in range(times):
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
        usable.append(up - back)
        started.append(time.monotonic() - up)
        print(f"  {usable[-1]:6.1f} {started[-1]:6.1f} {watch.changes()[-1][2]:3d}", flush=True)
    print(f"  {statistics.median(usable):6.1f} {statistics.median(started):6.1f}  median; longest {max(usable):.1f}")


def log_of(three: Machines) -> str:
    """Return what serve has said."""
    return (three.server.home("backup") / "serve.log").read_text()


def is_started(three: Machines, times: int) -> bool:
    """Whether serve has started the job so often."""
    return log_of(three).count(STARTED) >= times


def print_cost(three: Machines) -> None:
    """Print how long the agent has lived, its seconds on a processor, with those of its ssh, and its memory."""
    told = three.desktop.must("pid=$(cat agent.pid); cat /proc/$pid/stat; grep VmRSS /proc/$pid/status", user="me")
    fields = told.rpartition(")")[2].split()
    own, children = (sum(map(int, fields[first : first + 2])) / os.sysconf("SC_CLK_TCK") for first in (11, 13))
    lived = float(Path("/proc/uptime").read_text().split()[0]) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    print(f"agent: {lived:.0f} s, processor {own:.2f} s + ssh {children:.2f} s, {told.split()[-2]} kB")


if __name__ == "__main__":
    main()
