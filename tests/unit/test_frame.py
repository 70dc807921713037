from __future__ import annotations

import pytest

from backupjump.frame import exit_code_of
from backupjump.process import TimedOut


def test_a_program_that_does_not_end_in_time_is_no_bug_of_this_one(capsys: pytest.CaptureFixture[str]) -> None:
    def ask() -> int:
        raise TimedOut(["ssh", "-V"], 10)

    assert exit_code_of(ask) == 1

    said = capsys.readouterr().err
    assert said.startswith("backupjump: on this machine, ssh -V did not end within 10 s\nhint: ")
