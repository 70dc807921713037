"""S3: names of a Desktop, wherever a command shows them, do nothing to a terminal and break no line."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from lab.gated import answer_instead, gated, nightly, stand
from program import Said, backupjump

pytestmark = pytest.mark.lab

# An escape sequence, one in a single byte (C1), a line that pretends to be ours, text that runs backwards, no UTF-8.
NASTY = [
    b"\x1b]0;owned\x07",
    "\x9b31m".encode(),
    b"line\nbackupjump: all is well",
    b"\rline",
    "\u202egpj.exe".encode(),
    "\u200bzero".encode(),
    b"<script>alert(1)",
    b"=cmd|' C calc'!A0",
    b"\xff\xfe",
    b"-rf",
]
MOST_BYTES = 1000


def harmless(said: Said) -> bool:
    """Whether nothing in what was printed acts on a terminal, and no line of a name's own is in it."""
    text = said.out + said.err
    kinds = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    acting = {each for each in text if each != "\n" and unicodedata.category(each) in kinds}
    return not acting and not re.search("^backupjump: all is well", text, re.MULTILINE)


def nasty_home(lab: Lab) -> tuple[Path, Path]:
    """Fill the Desktop's home with such names, those of some large files too; return its folder and the config."""
    home = lab.home / os.fsdecode(NASTY[0])
    home.mkdir()
    for name in NASTY:
        (home / os.fsdecode(name)).write_bytes(b"small")
        (home / os.fsdecode(name + b" large")).write_bytes(b"x" * (MOST_BYTES + 1))
    job = {"desktop": "desktop", "sources": [str(lab.home)], "max_size": f"{MOST_BYTES} B", "gates": {"min_files": 5}}
    config = lab.server_config(jobs={"nightly": json.dumps(job)})
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    return home, config


def test_s3_no_command_shows_a_name_as_it_is(lab: Lab) -> None:
    home, config = nasty_home(lab)
    said = {"run": backupjump(config, "-vv", "run", "nightly")}
    rot(lab.store / "desktop/nightly/latest/tree")
    for words in (
        ("verify", "nightly", "--all"),
        ("ls", "nightly", str(home)),
        ("restore", "nightly", "--to", str(lab.folder / "back"), "--dry-run"),
    ):
        said[words[0]] = backupjump(config, *words)

    assert {command for command, each in said.items() if not harmless(each)} == set()
    assert (said["run"].code, said["verify"].code) == (0, 4)
    assert all("\\x1b]0;owned\\x07" in each.out + each.err for each in said.values())


@pytest.mark.long
def test_s3_nor_do_all_the_others(lab: Lab) -> None:
    home, config = nasty_home(lab)
    said = {}
    for number in range(3):
        said[f"run {number}"] = backupjump(config, "run", "nightly", "--json")
    for name in NASTY[1:]:
        (home / os.fsdecode(name)).unlink()
    back = str(lab.folder / "back")
    for words in (
        ("run", "nightly", "--dry-run"),
        ("run", "nightly"),
        ("ack", "nightly"),
        ("status",),
        ("history", "nightly"),
        ("snapshots", "nightly"),
        ("prune", "nightly", "--dry-run"),
        ("verify", "nightly", "--all", "--json"),
        ("verify", "nightly", "--against-source"),
        ("ls", "nightly", str(home), "--json"),
        ("ls", "nightly", str(home / "\x1b")),
        ("restore", "nightly", str(home), "--to", back),
        ("restore", "nightly", str(home / "\x1b"), "--to", back),
    ):
        said[" ".join(words)] = backupjump(config, *words)

    assert {command for command, each in said.items() if not harmless(each)} == set()
    assert said["run nightly"].code == 5


def rot(tree: Path) -> None:
    """Let each small file of the store hold something else, with the same size and time."""
    for path in [each for each in tree.resolve().rglob("*") if each.is_file() and each.stat().st_size == 5]:
        before = path.stat()
        path.write_bytes(b"wrong")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_s3_nor_does_doctor_show_what_a_gate_says_as_it_is(lab: Lab) -> None:
    world = gated(lab)
    config = stand(lab, nightly(world))
    nasty = NASTY[0].decode() + "\nbackupjump: all is well\u202e"
    truth = world.told("bj1 probe")
    lies = {
        **truth,
        "rsync": {"said": f"rsync  version 3.5.0{nasty}  protocol version 32", "confines": False},
        "roots": [{"path": f"/{nasty}", "state": nasty}, {"path": str(world.home), "state": nasty}],
        "hooks": [nasty],
    }
    answer_instead(lab, world, json.dumps(lies).encode())

    said = {words: backupjump(config, *words) for words in (("doctor",), ("doctor", "--json"), ("run", "nightly"))}

    assert {words for words, each in said.items() if not harmless(each)} == set()
    assert said["run", "nightly"].code == 1
