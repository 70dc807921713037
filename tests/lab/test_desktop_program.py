"""The Desktop of the lab run from its one file, by the system's own Python: each of its commands."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from backupjump.demo.lab import Lab
from backupjump.operations.bundle import write_bundle
from desktop_program import desktop, desktop_argv
from lab.gated import gated, nightly
from program import backupjump

pytestmark = pytest.mark.lab


def test_a_desktop_of_one_file_opens_its_tunnel_and_is_pulled_through_its_gate(lab: Lab) -> None:
    world = gated(lab)
    config = lab.server_config(
        jobs={name: json.dumps({"desktop": "desktop", **job}) for name, job in nightly(world).items()}
    )
    assert backupjump(config, "store", "init").code == 0
    argv = desktop_argv("--config", str(lab.desktop_config()), "tunnel", "open", "--for", "10m")

    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as opened:
        try:
            assert opened.stdout is not None
            first = opened.stdout.readline()
            pulled = backupjump(config, "run", "nightly", "--json")
        finally:
            opened.send_signal(signal.SIGINT)
            out, err = opened.communicate(timeout=20)

    assert (
        first
        == f"The tunnel stands: port {lab.tunnel_port} on JumpNode 127.0.0.1:{lab.jump.port} leads to this machine.\n"
    )
    assert (pulled.json["status"], pulled.json["files_total"]) == ("ok", 2)
    assert out.endswith(f"Stopped; port {lab.tunnel_port} is closed again.\n")
    assert (opened.returncode, err) == (130, "")


def test_a_tunnel_that_can_not_be_opened_ends_with_the_code_and_words_of_the_other_command_line(lab: Lab) -> None:
    config = lab.desktop_config()
    lab.jump.stop()

    ours = desktop("--config", str(config), "tunnel", "open")
    theirs = backupjump(config, "tunnel", "open")

    assert ours.code == 75
    assert ours == theirs


def test_doctor_of_one_file_finds_what_the_installed_one_finds(lab: Lab) -> None:
    gated(lab)
    config = lab.desktop_config()

    ours = desktop("--config", str(config), "doctor", "--json")
    theirs = backupjump(config, "doctor", "--json")

    checks = [finding["check"] for finding in ours.json]
    assert checks == [finding["check"] for finding in theirs.json]
    assert ours.code == theirs.code


def test_what_the_server_wrote_runs_before_anything_is_made_ready(lab: Lab) -> None:
    bare = write_bundle(lab.folder / "fresh.pyz").path

    said = desktop("--config", str(lab.desktop_config()), "config", "check", bundle=bare)

    assert said.out.endswith("good: a tunnel to 1 JumpNode\n")
    assert subprocess.run([bare, "--version"], capture_output=True, check=True).stdout.startswith(b"backupjump ")
    assert bare.read_bytes() == write_bundle(lab.folder / "again.pyz").path.read_bytes()
