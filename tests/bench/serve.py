"""What an idle `serve` costs with many Desktops, all due and all away: processor and memory.

    .venv/bin/python tests/bench/serve.py [--desktops 200] [--seconds 120]

One JumpNode, a real sshd on loopback. Prints the share of one core and the resident memory after a first minute, in
which it reads what is due and logs in; by the side the same for the JumpNode's sshd that serves it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import descendants

sys.path.append(str(Path(__file__).parents[1]))
from program import argv, backupjump, until

FIRST_SECONDS = 30


def main() -> None:
    """Let it idle, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--desktops", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="serve-bench-") as place, Lab(Path(place) / "lab") as lab:
        config = with_desktops(lab, said.desktops)
        log = Path(place) / "serve.log"
        with log.open("wb") as stderr, subprocess.Popen(argv(config, "serve"), stderr=stderr) as serve:
            try:
                until(lambda: "Accepted publickey" in lab.jump.log.read_text(), seconds=60, what="its login")
                time.sleep(FIRST_SECONDS)
                show(serve.pid, lab, said.seconds)
            finally:
                serve.terminate()
        print(log.read_text()[-2000:], end="")


def with_desktops(lab: Lab, number: int) -> Path:
    """Return a config with so many Desktops, each on a port where nobody listens, each with a job that is due."""
    names = [f"desktop{each:03}" for each in range(number)]
    job = f"sources: [{lab.home}]\nschedule: {{every: day}}\n"
    config = lab.server_config(jobs={name: f"desktop: {name}\n{job}" for name in names})
    values = yaml.safe_load(config.read_text())
    (one,) = values["desktops"].values()
    way = next(key for key, value in one.items() if value == lab.tunnel_port)
    values["desktops"] = {name: {**one, way: 20000 + each} for each, name in enumerate(names)}
    config.write_text(yaml.safe_dump(values))
    keys = lab.jump.authorized_keys
    keys.write_text(keys.read_text().replace(f':{lab.tunnel_port}"', ':*"'))
    assert backupjump(config, "store", "init").code == 0
    return config


def show(pid: int, lab: Lab, seconds: float) -> None:
    """Measure for `seconds` and print it."""
    pids = {
        "serve": [pid],
        "its children": descendants(pid),
        "sshd": [lab.jump.sshd.pid, *descendants(lab.jump.sshd.pid)],
    }
    before = {name: sum(map(processor, each)) for name, each in pids.items()}
    time.sleep(seconds)
    for name, each in pids.items():
        share = 100 * (sum(map(processor, each)) - before[name]) / seconds
        print(f"{name:14}{share:6.2f} % of one core {sum(map(resident, each)) / 1024:8.0f} MB in {len(each)} processes")


def processor(pid: int) -> float:
    """Return the seconds that a process has spent on a processor; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Return its resident memory in kB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0.0)


if __name__ == "__main__":
    main()
