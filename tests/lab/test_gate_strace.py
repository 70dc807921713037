"""Under strace, whatever is asked of it, the gate starts nothing but what its policy and its own code name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate_world import GateWorld, gate_world

pytestmark = pytest.mark.lab

DRIVER = Path(__file__).parents[1] / "gate_driver.py"
RSYNC = "/usr/bin/rsync"
HOOK = ("/usr/bin/true",)
ASKED = [(RSYNC, "--confine-root=/", "--version")]
AWAKE = ("/usr/bin/systemd-inhibit", "cat", "/usr/local/sbin/cat", "/usr/bin/cat", "/bin/cat")
SENT = re.compile(
    r"/usr/bin/rsync --server --sender -[lWHogDtpArXzxScnvUdR]*e\.[A-Za-z]*"
    r"( (-B\d+|--[a-z-]+(=(\d+|-|STATS2|NAME0|xxh128|xxh3|xxh64|md5|zstd|lz4|zlibx?))?))* --confine-root=(\S+) \. \./"
)
NEVER = re.compile(r"secluded|protect|log-file|remove|copy|daemon|config|insecure|rsh|debug|super|delete|write")


def started(trace: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield program and argv of every execve in a trace made with -xx, failed ones too."""
    for line in trace.read_text().splitlines():
        if "execve" not in line or "resumed" in line:
            continue
        program, *argv = [bytes.fromhex(word.replace("\\x", "")).decode() for word in re.findall(r'"([^"]*)"', line)]
        yield program, tuple(argv)


def is_allowed(program: str, argv: tuple[str, ...], world: GateWorld) -> bool:
    if program == RSYNC and argv not in ASKED:
        found = SENT.fullmatch(" ".join(argv))
        root = found[found.re.groups] if found else ""
        return f"{root}/".startswith(f"{world.home}/") and not NEVER.search(" ".join(argv[:-3]))
    return argv in ASKED or (program, *argv) == (*HOOK, *HOOK) or program in AWAKE


@pytest.mark.parametrize(("count", "seed"), [(100, 3), pytest.param(20_000, 4, marks=pytest.mark.long)])
def test_nothing_is_started_that_is_not_on_the_list(tmp_path: Path, count: int, seed: int) -> None:
    world = gate_world(tmp_path, policy={"hooks": {"dump-db": list(HOOK)}, "rsync": RSYNC})
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", "200000", "-e", "trace=execve,execveat"]
    driver = [sys.executable, str(DRIVER), str(world.config), str(world.home), str(count), str(seed)]

    done = subprocess.run([*strace, "-o", str(trace), *driver], capture_output=True, text=True, check=True)

    ends = {int(code): times for code, times in json.loads(done.stdout).items()}
    _driver, *all_started = started(trace)
    assert [each for each in all_started if not is_allowed(*each, world)] == []
    assert set(ends) == {0, 12, 64}  # 12: rsync was started, and nobody answered it
    assert len([argv for _program, argv in all_started if "--server" in argv]) == ends[12]
    assert ends[12] > count / 50
    assert ends[64] > count / 3
    assert not (tmp_path / "canary").exists()
