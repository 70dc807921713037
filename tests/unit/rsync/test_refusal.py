import re

import pytest

from backupjump.errors import BackupjumpError, DesktopUnfit, GateRefused, SourceMissing
from backupjump.rsync.messages import Messages
from backupjump.rsync.outcome import Ended, judge
from backupjump.rsync.refusal import refusal


@pytest.mark.parametrize(
    ("said", "error", "text"),
    [
        (b"refused: outside: no folder that is allowed", GateRefused, "does not let /home/me be read"),
        (b"refused: absent: there is no such folder", SourceMissing, "does not exist there"),
        (b"refused: link: a part of the path is a link", SourceMissing, "symbolic link"),
        (b"refused: not-a-folder: the path leads to no folder", SourceMissing, "not a folder"),
        (b"refused: closed: the account may not enter", SourceMissing, "may not be entered"),
        (b"refused: unconfined: needs rsync 3.5.0", GateRefused, "needs rsync 3.5.0"),
        (b"refused: not-understood: an option", GateRefused, "an option"),
        (b"refused: a-later-word: who knows \x1b[2J", GateRefused, r"who knows \\x1b\[2J"),
        (b"failed: there is no rsync on this Desktop", DesktopUnfit, "there is no rsync"),
        (b"its config can't be used; on the Desktop: backupjump config check", DesktopUnfit, "config can't be used"),
        (b"refused: NOT A WORD", DesktopUnfit, "NOT A WORD"),
        (b"\xff" * 5000, DesktopUnfit, "…"),
    ],
)
def test_what_a_gate_says_becomes_the_error_that_names_the_desktop_and_what_to_do(
    said: bytes, error: type[BackupjumpError], text: str
) -> None:
    found = refusal([b"a banner", b"backupjump-gate: " + said], host="desktop laptop", source="/home/me")

    assert type(found) is error
    assert str(found).startswith("desktop laptop: ")
    assert re.search(text, str(found))
    assert found.hint
    assert "\x1b" not in str(found)
    assert len(str(found)) < 400


@pytest.mark.parametrize(
    "line",
    [
        b"sh: 1: backupjump-gate: not found",
        b"bash: line 1: backupjump-gate: command not found",
        b"rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]",
        b"",
    ],
)
def test_a_shell_that_does_not_find_the_gate_is_no_gate(line: bytes) -> None:
    assert refusal([line], host="desktop laptop") is None


@pytest.mark.parametrize("status", [12, 64])
def test_an_rsync_that_the_gate_refused_says_so_and_not_that_the_link_was_lost(status: int) -> None:
    with pytest.raises(GateRefused, match="/home/me"):
        judge(ended(status, moved=False))


def test_once_data_has_moved_no_text_of_a_desktop_passes_for_a_refusal() -> None:
    assert judge(ended(23, moved=True)) is True


def ended(status: int, *, moved: bool) -> Ended:
    messages = Messages()
    messages.feed(b"backupjump-gate: refused: outside: no folder\n")
    return Ended(host="bj-desktop", source="/home/me", status=status, messages=messages, moved=moved)
