"""A text that is pasted at a terminal, in a file, in a pipe; what stands behind it answers no question."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backupjump.errors import UsageError
from backupjump.operations.enroll.invitation import read_invitation, write_invitation
from backupjump.operations.enroll.paste import read_paste
from enroll_world import INVITATION

TEXT = write_invitation(INVITATION)
_ASKS = (
    "import sys; from backupjump.operations.enroll.paste import read_paste\n"
    "text = read_paste(None, prompt='Paste it:')\n"
    "print('END' in text, 'yes' in text, flush=True)\n"
    "print('answer', sys.stdin.readline().strip(), flush=True)\n"
)


def on_a_terminal(pasted: str, typed: str) -> str:
    """Return what a program says that gets `pasted` in one go, then, once it has taken it in, `typed`."""
    ours, theirs = os.openpty()
    os.write(ours, pasted.encode())
    with subprocess.Popen([sys.executable, "-c", _ASKS], stdin=theirs, stdout=subprocess.PIPE, text=True) as program:
        os.close(theirs)
        assert program.stdout is not None
        said = program.stdout.readline()
        os.write(ours, typed.encode())
        said += program.stdout.read()
    os.close(ours)
    return said


@pytest.mark.parametrize("behind", ["", "yes\n", "yes\nyes\n"])
def test_what_is_pasted_behind_the_block_is_no_answer_to_the_question_after_it(behind: str) -> None:
    quoted = "".join(f"> {line}\n" for line in TEXT.splitlines())

    assert on_a_terminal(f"Hello,\n{quoted}{behind}", "no\n") == "True False\nanswer no\n"


def test_an_end_that_a_mail_has_broken_is_seen() -> None:
    broken = TEXT.replace("-----END BACKUPJUMP ", "-----END BACKUPJUMP\n")

    assert on_a_terminal(broken, "no\n") == "True False\nanswer no\n"


def test_a_file_is_read_and_one_that_is_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "invitation.txt"
    file.write_text("Hello\n" + TEXT)
    large = tmp_path / "large"
    large.write_bytes(b"x" * 70_000)

    assert read_invitation(read_paste(file, prompt="")) == INVITATION
    with pytest.raises(UsageError, match="more than 64 KiB"):
        read_paste(large, prompt="")
    with pytest.raises(UsageError, match="No such file"):
        read_paste(tmp_path / "not there", prompt="")


def test_a_block_of_the_wrong_kind_is_no_longer_waited_behind() -> None:
    assert on_a_terminal(TEXT.replace("INVITATION", "REPLY"), "no\n") == "True False\nanswer no\n"
