from __future__ import annotations

from pathlib import Path

from backupjump.demo.process_tree import is_running
from backupjump.operations.awake import kept_awake
from program import until


def test_the_machine_is_asked_not_to_sleep_until_the_block_ends(tmp_path: Path) -> None:
    program = tmp_path / "systemd-inhibit"
    program.write_text(
        f'#!/bin/sh\necho $$ "$@" >{tmp_path}/new && mv {tmp_path}/new {tmp_path}/asked\nshift 4\nexec "$@"\n'
    )
    program.chmod(0o755)

    with kept_awake(program, tmp_path):
        until((tmp_path / "asked").exists)
        pid, *words = (tmp_path / "asked").read_text().split()
        held = is_running(int(pid))

    assert held
    assert not is_running(int(pid))
    assert words[0] == "--what=sleep"


def test_a_machine_without_an_inhibitor_is_done_without(tmp_path: Path) -> None:
    with kept_awake(tmp_path / "none", tmp_path):
        began = True

    assert began
