"""What a person sees who watches a run on a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import threading
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from lab.nightly import Nightly
from program import argv

pytestmark = pytest.mark.lab


def watched(config: Path, *words: str) -> tuple[int, str, str]:
    """Run the program with a terminal for stderr alone; return its exit code, its stdout, what the terminal got."""
    master, slave = pty.openpty()
    seen = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(master, 65536):
                seen.extend(chunk)
        except OSError:
            pass  # Linux answers EIO once the last slave is closed

    reader = threading.Thread(target=read)
    reader.start()
    try:
        done = subprocess.run(
            argv(config, *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=slave,
            text=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
            timeout=120,
            check=False,
        )
    finally:
        os.close(slave)
        reader.join()
        os.close(master)
    return done.returncode, done.stdout, seen.decode()


def plain(terminal: str) -> list[str]:
    """Return the lines that were written, each as it was when the cursor left it."""
    written = re.sub(r"\x1b\[2K", "\r", terminal.replace("\r\n", "\n"))
    return [line.rpartition("\r")[2] for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written).split("\n")]


def test_a_run_shows_a_block_on_the_terminal_and_nothing_of_it_on_stdout(lab: Lab) -> None:
    nightly = Nightly(lab)
    for number in range(20):
        (lab.home / f"{number}.raw").write_bytes(os.urandom(400_000))
    nightly.say("bwlimit: 4 MB/s")

    code, out, terminal = watched(nightly.config, "run", "nightly")

    assert code == 0
    assert re.search(r"nightly +desktop by proxyjump +0:00:0\d", terminal)
    assert re.search(r"\d+%", terminal)
    assert "listing what has arrived" in terminal
    assert out == ""
    assert plain(terminal)[-1] == "", "the block stays behind"


def test_a_warning_that_comes_meanwhile_stands_whole_in_a_line_of_its_own(lab: Lab) -> None:
    nightly = Nightly(lab)
    (lab.home / "new").write_text("x")
    nightly.say("max_size: 1 kB\nhooks: {}\nserver_hooks: {always: [[sh, -c, 'sleep 1; exit 3']]}")

    code, _out, terminal = watched(nightly.config, "run", "nightly")

    assert code == 3
    lines = plain(terminal)
    assert any(re.fullmatch(r"\d\d:\d\d:\d\d nightly: hook sh -c .* ended with 3", line) for line in lines), lines


def test_json_lines_of_the_log_name_the_job_and_the_run(lab: Lab) -> None:
    nightly = Nightly(lab)

    done = subprocess.run(
        [*argv(nightly.config)[:3], "--log", "json", "-v", *argv(nightly.config)[3:], "run", "nightly", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0
    run_id = f'"run_id": "{_run_id(done.stdout)}"'
    told = done.stderr.splitlines()
    assert told
    assert all(line.startswith('{"at": ') and '"job": "nightly"' in line and run_id in line for line in told), told


def _run_id(out: str) -> str:
    found = re.search(r'"run_id": "([^"]+)"', out)
    assert found is not None
    return found[1]
