"""A Desktop whose list lies gets what it says into its own snapshots at most: nothing outside, nothing older."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from lab.gated import force, gated, nightly, settle, stand
from program import backupjump
from store_world import write

pytestmark = pytest.mark.lab

# Each is what becomes of `lines`: a header, the entries, their number. `of(name)` is where a name's line is, `home` the
# source as it stands in a path.
LIES = {
    "out of order": "lines[2], lines[3] = lines[3], lines[2]",
    "a name twice": "lines.insert(2, lines[2])",
    "not all of them": "del lines[-2]",
    "cut short": "lines.pop()",
    "no more than a header": "del lines[1:]",
    "another source": "lines[1:-1] = [line.replace(home, 'etc') for line in lines[1:-1]]",
    "a path beyond the source": "lines.insert(-1, lines[2].replace(home + '/', 'zzz/'))",
    "a path upwards": "lines.insert(2, lines[2].replace(home + '/', home + '/../'))",
    "a link with names below it": "lines.insert(of('link') + 1, line('link/planted', 'file', 6, 901))",
    "a link that became a folder": "lines[of('link')] = line('link', 'dir', 0, 902)",
    "a link that became a folder with names": (
        "lines[of('link')] = line('link', 'dir', 0, 902)"
        "; lines.insert(of('link') + 1, line('link/secret', 'file', 7, 903))"
    ),
    "a file that became a folder": "lines[of('notes')] = line('notes', 'dir', 0, 904)",
    "a folder that became a file": "lines[of('sub')] = line('sub', 'file', 7, 905)",
    "a folder that became a file with names": (
        "lines[of('sub')] = line('sub', 'file', 7, 905); lines.insert(of('sub') + 1, line('sub/x', 'file', 7, 906))"
    ),
    "a folder that became a link": "lines[of('sub')] = line('sub', 'symlink', 4, 907, target='/etc')",
    "a file that became a device": "lines[of('notes')] = line('notes', 'char', 0, 908, rdev=[1, 1])",
    "names that are not there": "lines[-1:-1] = [line(f'zz{n:03}', 'file', 9, 1000 + n) for n in range(200)]",
    "a name that moved and did not": "lines[-1:-1] = [lines[of('notes')].replace('/notes', '/zz')]",
    "all went": "del lines[2:-1]",
    "all is another inode": "lines[1:-1] = [each.replace('source\":[', 'source\":[7') for each in lines[1:-1]]",
    "a size beyond all bounds": "lines[of('notes')] = line('notes', 'file', 2**63 - 1, 909)",
    "a time beyond all bounds": "lines[of('notes')] = line('notes', 'file', 5, 910, mtime_ns=10**27)",
    "a name that is too long": "lines.insert(-1, line('z' * 3000, 'file', 5, 911))",
    "a listing of the future": "lines[0] = re.sub(r'\"at_ns\":\\d+', '\"at_ns\":9' + '0' * 18, lines[0])",
    "all is as it was": "lines[1:-1] = previous[1:-1]",
    "no list at all": "lines[:] = ['{}']",
}

SHORT = ("a link that became a folder with names", "all is as it was")

REWRITE = """
import json, pathlib, re, sys, zlib
lines = zlib.decompress(sys.stdin.buffer.read()).decode("ascii").removesuffix("\\n").split("\\n")
home = json.loads(lines[1])["path"]
lie = open(sys.argv[1]).read()

def of(name):
    return next(at for at, each in enumerate(lines) if each.startswith('{"path":"%s/%s",' % (home, name)))

def line(name, kind, size, ino, target=None, rdev=None, mtime_ns=1700000000000000000):
    more = {"target": target} if target else {"rdev": rdev} if rdev else {}
    entry = {"path": f"{home}/{name}", "type": kind, "mode": "0755", "uid": 0, "gid": 0, "size": size,
             "mtime_ns": mtime_ns, **more, "source": [ino, 1700000000000000000, 1]}
    return json.dumps(entry, separators=(",", ":"))

kept = pathlib.Path(sys.argv[1] + ".kept")
previous = kept.read_text().split("\\n") if kept.exists() else lines
if not lie:
    kept.write_text("\\n".join(lines))
exec(lie)
if lines[-1].startswith('{"entries"') and lie != "del lines[-2]":
    lines[-1] = '{"entries":%d}' % (len(lines) - 2)
sys.stdout.buffer.write(zlib.compress(("\\n".join(lines) + "\\n").encode("ascii")))
"""


@pytest.mark.parametrize("what", SHORT)
def test_a_lie_of_a_list_reaches_no_further_than_the_snapshot_that_is_made_of_it(lab: Lab, what: str) -> None:
    lie_to(lab, [what])


@pytest.mark.long
def test_no_lie_of_a_list_reaches_further_than_the_snapshot_that_is_made_of_it(lab: Lab) -> None:
    lie_to(lab, LIES)


def lie_to(lab: Lab, lies: Iterable[str]) -> None:
    world = gated(lab)
    outside = world.secret.parent
    for number in range(5):
        write(world.home / f"f{number}", b"content %d" % number)
    settle(world.home)
    config = stand(lab, nightly(world, gates={"max_deleted": "100%", "max_changed": "100%"}))
    lie = lying_gate(lab, world.argv)
    lie.write_text("")
    assert backupjump(config, "run", "nightly").code == 0
    snapshots = lab.store / "desktop/nightly/snapshots"
    beyond = fingerprint(outside)
    older = {each.name: fingerprint(each) for each in snapshots.iterdir()}

    for number, what in enumerate(lies):
        write(world.home / "f1", what.encode(), mtime=1_700_000_000 + number)
        lie.write_text(LIES[what])
        lied = backupjump(config, "run", "nightly", "--json")
        lie.write_text("")
        honest = backupjump(config, "run", "nightly", "--json")

        now = {each.name: fingerprint(each) for each in snapshots.iterdir()}
        assert {name: now[name] for name in older} == older, what
        assert fingerprint(outside) == beyond, what
        assert "Traceback" not in lied.err, (what, lied)
        assert honest.code == 0, (what, honest)
        tree = snapshots / honest.json["snapshot"] / "tree" / str(world.home)[1:]
        assert fingerprint(tree) == fingerprint(world.home), (what, lied, honest)
        older = now

    verified = backupjump(config, "verify", "nightly", "--all")
    assert verified.code == 0, verified


def lying_gate(lab: Lab, gate: list[str]) -> Path:
    """Let a gate stand there that lists what becomes of its list by the code in the file that is returned."""
    lie, rewrite, script = (lab.folder / name for name in ("lie", "rewrite.py", "lying-gate"))
    rewrite.write_text(textwrap.dedent(REWRITE))
    real = " ".join(f"'{word}'" for word in gate)
    script.write_text(
        f'#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in "bj1 list"*) {real} | "{sys.executable}" "{rewrite}" "{lie}" ;;\n'
        f"*) exec {real} ;;\nesac\n"
    )
    script.chmod(0o755)
    force(lab, str(script))
    return lie
