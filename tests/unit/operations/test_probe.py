import pytest

from backupjump.config.models import Job
from backupjump.errors import DesktopUnfit, SourceMissing
from backupjump.operations.probe import read_answer

JOB = Job(name="nightly", desktop="desktop", sources=("/home/me", "/etc"))
VERSION = b"rsync  version 3.5.0  protocol version 32\nChecksum list:\n    xxh128 md5\n"


def answer(*states: str, version: bytes = VERSION) -> bytes:
    return "\n".join(("backupjump", *states, "")).encode() + version


def test_two_folders_and_a_current_rsync_are_fit_for_a_pull() -> None:
    found = read_answer(0, answer("folder", "folder"), b"", JOB)

    assert (found.version, found.protocol) == ((3, 5, 0), 32)


@pytest.mark.parametrize(
    ("state", "said"),
    [("absent", "does not exist"), ("link", "is a symbolic link"), ("other", "is not a folder")],
)
def test_a_source_that_is_no_folder_is_named_with_its_desktop(state: str, said: str) -> None:
    with pytest.raises(SourceMissing, match=said) as raised:
        read_answer(0, answer("folder", state), b"", JOB)

    assert "/etc" in str(raised.value)
    assert "desktop" in str(raised.value)
    assert "jobs/nightly.yaml" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "said"),
    [
        (0, b"Welcome!\n\x1b[31m" + answer("folder", "folder"), b"", "prints text before every command"),
        (1, b"", b"This account is currently not available.", "its shell did not answer"),
        (127, answer("folder", "folder", version=b""), b"sh: 4: exec: rsync: not found", "there is no rsync"),
        (0, answer("folder", "folder", version=b"rsync version 2.6.9 protocol version 29"), b"", "too old"),
        (0, answer("folder", "folder", version=b"something else"), b"", "can not be read"),
    ],
)
def test_a_desktop_that_is_not_fit_is_told_why(status: int, stdout: bytes, stderr: bytes, said: str) -> None:
    with pytest.raises(DesktopUnfit, match=said) as raised:
        read_answer(status, stdout, stderr, JOB)

    assert "desktop" in str(raised.value)
    assert raised.value.hint
    assert "\x1b" not in str(raised.value)
