"""`backupjump demo` as a person runs it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from program import until

pytestmark = pytest.mark.lab


def demo(tmp: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "backupjump", "demo", *words],
        env={**os.environ, "TMPDIR": str(tmp), "HOME": str(tmp / "home")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def with_path(tmp: Path) -> list[int]:
    """Return the processes whose command line speaks of a path below `tmp`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if os.fsencode(tmp) in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found


@pytest.mark.long
def test_two_demos_at_once_tell_their_whole_story_and_leave_nothing(tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()

    running = [demo(place) for place in places]
    told = [each.communicate(timeout=180)[0] for each in running]

    assert [each.returncode for each in running] == [0, 0], told
    for text, place in zip(told, places, strict=True):
        steps = [int(number) for number in re.findall(r"^ ?(\d+)\. \w", text, re.MULTILINE)]
        assert steps == list(range(1, len(steps) + 1))
        assert len(steps) >= 12
        assert "0 differences" in text
        assert list(place.iterdir()) == []
        assert with_path(place) == []


def test_ctrl_c_ends_the_demo_and_every_process_it_started(tmp_path: Path) -> None:
    place = tmp_path / "one"
    place.mkdir()
    running = demo(place)
    assert running.stdout is not None
    while "First pull" not in running.stdout.readline():
        assert running.poll() is None

    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)

    assert running.returncode == 130
    until(lambda: with_path(place) == [], what="the end of every process")
    assert list(place.iterdir()) == []


def test_a_kept_demo_goes_on_and_the_commands_that_it_prints_work(tmp_path: Path) -> None:
    running = demo(tmp_path, "--keep", "--dir", str(tmp_path / "kept"))
    told = running.communicate(timeout=180)[0]
    assert running.returncode == 0, told
    commands = [line.strip().removeprefix("$ ") for line in told.partition("Kept:")[2].splitlines() if "$ " in line]
    bin_folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"}

    codes = [subprocess.run(["sh", "-c", line], env=environment, capture_output=True).returncode for line in commands]

    assert len(codes) >= 6
    # 3 for `run`: a plain user can't read one file of this home.
    assert set(codes[:1]) <= {0, 3}, commands[0]
    assert set(codes[1:]) == {0}, list(zip(commands, codes, strict=True))
    # ssh may notice a signal only at its next event, which is a ServerAlive message after 15 s at the latest.
    until(lambda: with_path(tmp_path / "kept") == [], seconds=40, what="the end of every process")
    assert not (tmp_path / "kept").exists()
