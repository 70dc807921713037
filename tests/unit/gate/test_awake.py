import os
from pathlib import Path

from backupjump.demo.process_tree import is_running
from backupjump.gate.awake import hold_awake
from gate_world import open_files
from program import until


def inhibitor(folder: Path) -> Path:
    """Return a systemd-inhibit that notes its options and runs what it is given, as the real one does."""
    program = folder / "systemd-inhibit"
    program.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\nshift 4\nexec "$@"\n')
    program.chmod(0o755)
    return program


def test_the_lock_is_held_until_this_process_and_what_it_became_are_gone(tmp_path: Path) -> None:
    program = inhibitor(tmp_path)
    left, right = os.pipe()
    pid = os.fork()
    if pid == 0:
        child = hold_awake(program, tmp_path)
        os.write(right, str(child.pid if child else 0).encode())
        os.execv("/bin/sleep", ["sleep", "600"])  # noqa: S606 (stands for the rsync that the gate becomes)
    holder = int(os.read(left, 20))
    os.close(left)
    os.close(right)
    until(lambda: (tmp_path / "asked").exists())
    held = is_running(holder)
    os.kill(pid, 9)
    os.waitpid(pid, 0)

    assert held
    until(lambda: not is_running(holder))
    assert "--what=sleep --mode=block" in (tmp_path / "asked").read_text()


def test_without_an_inhibitor_or_systemd_nothing_is_started(tmp_path: Path) -> None:
    before = open_files()

    assert hold_awake(tmp_path / "none", tmp_path) is None
    assert hold_awake(inhibitor(tmp_path), tmp_path / "not-booted") is None
    assert open_files() == before


def test_an_inhibitor_that_can_not_be_started_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "systemd-inhibit").write_text("no program")
    before = open_files()

    assert hold_awake(tmp_path / "systemd-inhibit", tmp_path) is None
    assert open_files() == before
