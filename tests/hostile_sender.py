"""Desktops that lie: programs that stand in the gate's place and do as they please when the Server wants to pull.

Each is the real gate for every other word. What they send instead of, or behind, a real rsync's bytes is made by a
script of its own process, so that a test can't be held up by it; it ends when the Server hangs up, or after a minute.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backupjump.demo.lab import Lab
from gate_world import GateWorld
from lab.gated import force


@dataclass(frozen=True)
class Sender:
    """What a Desktop does when it is to send files.

    `first` is sent before anything else; then come a real rsync's bytes, `keep` of them at most (None: none of them,
    no rsync is started), each name of `rewrite` replaced by another of the same length; then `after`: `hang up`,
    `stall` sends nothing more, `garbage` floods, `drip` sends the rest byte by byte, five a second. `stderr` floods
    that besides. `stubborn` ignores every signal that can be ignored.
    """

    first: bytes = b""
    keep: int | None = None
    rewrite: Mapping[bytes, bytes] = field(default_factory=dict)
    after: str = "hang up"
    stderr: bool = False
    stubborn: bool = False


ALL = 1 << 62

_SCRIPT = """
import json, os, select, signal, subprocess, sys, threading, time

told = json.loads(open(sys.argv[1]).read())
ends_at = time.monotonic() + 60
if not os.environ.get("SSH_ORIGINAL_COMMAND", "").startswith("rsync "):
    os.execvp(told["gate"][0], told["gate"])
if told["stubborn"]:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
open(told["pid"], "w").write(str(os.getpid()))

def send(some):
    while some:
        some = some[os.write(1, some):]

def flood(to, some):
    while time.monotonic() < ends_at:
        os.write(to, some)

def stall():
    while time.monotonic() < ends_at:
        hung_up = select.poll()
        hung_up.register(1, 0)
        if hung_up.poll(100) and not told["stubborn"]:
            return

def misbehave():
    if told["after"] == "stall":
        stall()
    elif told["after"] == "garbage":
        flood(1, os.urandom(1 << 16))

def rewritten(some):
    for old, new in rewrite:
        some = some.replace(old, new)
    # What may be the beginning of a name waits for the rest of it.
    held = max((n for old, _ in rewrite for n in range(1, len(old)) if some.endswith(old[:n])), default=0)
    return some[:len(some) - held], some[len(some) - held:]

rewrite = [(bytes.fromhex(old), bytes.fromhex(new)) for old, new in told["rewrite"]]
try:
    if told["stderr"]:
        threading.Thread(target=flood, args=(2, b"what a day! " * 5000), daemon=True).start()
    send(bytes.fromhex(told["first"]))
    if told["keep"] is not None:
        left, waiting = told["keep"], b""
        with subprocess.Popen(told["gate"], stdout=subprocess.PIPE) as gate:
            while left and (chunk := os.read(gate.stdout.fileno(), min(left, 65536))):
                left -= len(chunk)
                chunk, waiting = rewritten(waiting + chunk)
                send(chunk)
                # The far end may be waiting for just these.
                if waiting and not select.select([gate.stdout], [], [], 0.2)[0]:
                    send(waiting)
                    waiting = b""
            if told["after"] == "end":
                send(waiting)
            while told["after"] == "drip" and (chunk := gate.stdout.read(1)):
                send(chunk)
                time.sleep(0.2)
            misbehave()
            gate.kill()
    misbehave()
except OSError:
    pass
os._exit(0)
"""


def send_instead(lab: Lab, world: GateWorld, sender: Sender) -> Path:
    """Let `sender` stand in the place of the gate of `world`; return where its process id is noted."""
    script, told, pid = (lab.folder / f"hostile{ending}" for ending in (".py", ".json", ".pid"))
    script.write_text(_SCRIPT)
    pid.unlink(missing_ok=True)
    rewrite = [(old.hex(), new.hex()) for old, new in sender.rewrite.items()]
    assert all(len(old) == len(new) for old, new in rewrite)
    values = {**vars(sender), "first": sender.first.hex(), "rewrite": rewrite, "gate": world.argv, "pid": str(pid)}
    told.write_text(json.dumps(values))
    force(lab, shlex.join([sys.executable, "-I", str(script), str(told)]))
    return pid
