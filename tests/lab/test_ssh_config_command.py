"""`backupjump ssh-config`: what it prints works with ssh, scp and rsync as they are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.process import run
from lab.routes import WITHOUT_NESTED
from program import backupjump

pytestmark = pytest.mark.lab


def printed(lab: Lab, kind: RouteKind, *words: str) -> str:
    said = backupjump(lab.server_config(kind.value), "ssh-config", *words)
    assert said.code == 0, said.err
    return said.out


@pytest.mark.parametrize("place", ["server/state", "server/state of mine"])
@pytest.mark.parametrize("kind", WITHOUT_NESTED)
def test_ssh_scp_and_rsync_take_the_printed_file(lab: Lab, tmp_path: Path, kind: RouteKind, place: str) -> None:
    lab.state = lab.folder / place
    lab.open_tunnel()
    (lab.home / "notes.txt").write_text("remember the milk\n")
    file = tmp_path / "f"
    file.write_text(printed(lab, kind, "desktop"))

    ssh = run(["ssh", "-F", str(file), "bj-desktop", "echo hello"], timeout=30)
    scp = run(["scp", "-q", "-F", str(file), f"bj-desktop:{lab.home}/notes.txt", str(tmp_path / "scp")], timeout=30)
    rsync = ["rsync", "-a", "-e", f"ssh -F {file}", f"bj-desktop:{lab.home}/notes.txt", str(tmp_path / "rsync")]
    pulled = run(rsync, timeout=30)

    assert (ssh.status, ssh.stdout) == (0, b"hello\n"), ssh.stderr
    assert scp.status == 0, scp.stderr
    assert pulled.status == 0, pulled.stderr
    assert (tmp_path / "scp").read_text() == "remember the milk\n"
    assert (tmp_path / "rsync").read_text() == "remember the milk\n"


def test_without_a_name_every_desktop_is_printed(lab: Lab) -> None:
    assert printed(lab, RouteKind.PROXYJUMP) == printed(lab, RouteKind.PROXYJUMP, "desktop")


def test_nested_prints_the_line_for_people_and_it_works(lab: Lab) -> None:
    lab.open_tunnel()

    line = re.search(r"^#   (ssh -t .*)$", printed(lab, RouteKind.NESTED, "desktop"), re.MULTILINE)
    assert line is not None
    typed = run(shlex.split(line[1]), stdin=b"echo $((40 + 2))\n", timeout=30)

    assert b"42\n" in typed.stdout, typed.stderr


def test_an_unknown_desktop_is_answered_with_a_guess(lab: Lab) -> None:
    said = backupjump(lab.server_config(), "ssh-config", "desktp")

    assert said.code == 2
    assert "desktop" in said.err
    assert said.out == ""
