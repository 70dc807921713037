import pytest

from backupjump.errors import (
    BackupjumpError,
    DesktopUnfit,
    ForwardRefused,
    HostKeyRefused,
    JumpNodeUnreachable,
    KeyRefused,
    LinkLost,
    ProgramMissing,
    SourceMissing,
    StoreError,
    StoreFull,
    TransferFailed,
    TunnelNotOpen,
)
from backupjump.rsync.messages import Messages
from backupjump.rsync.outcome import Ended, judge

CLOSED = b"rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]"
CUT = b"rsync: connection unexpectedly closed (3016077 bytes received so far) [receiver]"
DENIED = b'rsync: [sender] opendir "/home/me/closed" failed: Permission denied (13)'
SUMMARY = b"rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1956)"


def ended(status: int, *lines: bytes, moved: bool = True, source: str = "/home/me", files_total: int = 0) -> Ended:
    messages = Messages()
    messages.feed(b"".join(line + b"\n" for line in lines))
    return Ended(
        host="bj-desktop", source=source, status=status, messages=messages, moved=moved, files_total=files_total
    )


@pytest.mark.parametrize(
    ("how", "warning"),
    [
        (ended(0), False),
        (ended(24, b'file has vanished: "/home/me/x"'), False),
        (ended(23, DENIED, SUMMARY), True),
        (ended(23, SUMMARY), True),
        (ended(23, *[DENIED] * 10), True),
        (ended(23, *[DENIED] * 50, files_total=5000), True),
        (
            ended(
                23, b'rsync: [receiver] rsync_xal_set: lsetxattr("/s/a","user.x") failed: No space left on device (28)'
            ),
            True,
        ),
        (ended(23, b'rsync: [sender] read errors mapping "/home/me/a": Input/output error (5)'), True),
        (ended(0, b"--link-dest arg does not exist: /s/gone"), False),
    ],
)
def test_a_usable_copy(how: Ended, *, warning: bool) -> None:
    assert judge(how) is warning


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        (
            ended(23, b'rsync: [sender] change_dir "/home/me" failed: No such file or directory (2)'),
            SourceMissing,
            "No such file",
        ),
        (
            ended(23, b'rsync: [sender] change_dir "/home/me" failed: Permission denied (13)'),
            SourceMissing,
            "Permission denied",
        ),
        (
            ended(23, b'rsync: [sender] link_stat "/home/me/." failed: No such file or directory (2)'),
            SourceMissing,
            "/home/me",
        ),
        (
            ended(23, b'rsync: [sender] opendir "/home/me/." failed: Permission denied (13)'),
            SourceMissing,
            "Permission denied",
        ),
        (
            ended(23, b'rsync: [sender] opendir "/" failed: Permission denied (13)', source="/"),
            SourceMissing,
            "source /",
        ),
        (ended(24, b'file has vanished: "/home/me"'), SourceMissing, "vanished"),
        (ended(23, *[DENIED] * 11), TransferFailed, "11 paths below /home/me failed"),
        (ended(23, *[DENIED] * 51, files_total=5000), TransferFailed, "51 paths"),
        (
            ended(11, b'rsync: [receiver] write failed on "/s/big": No space left on device (28)'),
            StoreFull,
            "/s/big: No space",
        ),
        (ended(23, b'rsync: [receiver] mkstemp "/s/.x" failed: No space left on device (28)'), StoreFull, "/s/.x"),
        (ended(23, b'rsync: [receiver] mkstemp "/s/.x" failed: Disk quota exceeded (122)'), StoreFull, "quota"),
        (ended(12, b'rsync: [generator] link "/s/x" failed: No space left on device (28)', CUT), StoreFull, "/s/x"),
        (
            ended(23, b'rsync: [receiver] mkstemp "/s/.x" failed: Read-only file system (30)'),
            StoreError,
            "store can't be written",
        ),
        (
            ended(11, b'rsync: [receiver] write failed on "/s/x": Input/output error (5)'),
            StoreError,
            "store can't be written",
        ),
        (
            ended(11, b'rsync: [Receiver] mkdir "/s/a/b" failed: No such file or directory (2)'),
            TransferFailed,
            "/s/a/b",
        ),
        (ended(127, b"sh: 1: rsync: not found", CLOSED, moved=False), DesktopUnfit, "rsync: not found"),
        (ended(12, b"bash: rsync: command not found", CLOSED, moved=False), DesktopUnfit, "command not found"),
        (ended(2, b"protocol version mismatch -- is your shell clean?", moved=False), DesktopUnfit, "login shell"),
        (
            ended(
                12,
                b"rsync: on remote machine: --x: unknown option",
                b"rsync error: syntax or usage error (code 1)",
                moved=False,
            ),
            DesktopUnfit,
            "--x",
        ),
        (
            ended(14, b"rsync: [Receiver] Failed to exec ssh: No such file or directory (2)", moved=False),
            ProgramMissing,
            "ssh",
        ),
        (ended(4, b"rejecting unrequested file-list name: suid"), TransferFailed, "rejecting unrequested"),
        (ended(22), TransferFailed, "no memory"),
        (ended(25), TransferFailed, "deletions"),
        (ended(99), TransferFailed, "ended with 99"),
        (ended(64, b"gate: refused", CLOSED, moved=False), TransferFailed, "gate: refused"),
        *((ended(status, CUT), LinkLost, "3016077") for status in (10, 12, 13, 14, 30, 35, 255)),
        (ended(20), LinkLost, "ended with 20"),
        (ended(-9), LinkLost, "signal 9"),
        (ended(255, b"client_loop: send disconnect: Broken pipe", CUT), LinkLost, "client_loop: send disconnect"),
        (ended(255, b"Connection refused", CUT, moved=True), LinkLost, "Connection refused"),
        (ended(255, b"Host key verification failed.", CLOSED, moved=False), HostKeyRefused, "Host key"),
        (
            ended(
                255,
                b"@@@",
                b"@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @",
                b"Host key verification failed.",
                moved=False,
            ),
            HostKeyRefused,
            "HAS CHANGED",
        ),
        (ended(255, b"me@127.0.0.1: Permission denied (publickey).", CLOSED, moved=False), KeyRefused, "publickey"),
        (
            ended(255, b"channel 0: open failed: administratively prohibited: open failed", moved=False),
            ForwardRefused,
            "prohibited",
        ),
        (
            ended(255, b"channel 0: open failed: connect failed: Connection refused", moved=False),
            TunnelNotOpen,
            "Connection refused",
        ),
        (
            ended(255, b"ssh: Could not resolve hostname x: Name or service not known", moved=False),
            JumpNodeUnreachable,
            "resolve",
        ),
        (ended(255, b"something new", CLOSED, moved=False), LinkLost, "something new"),
        (ended(255, moved=False), LinkLost, "ended with 255"),
    ],
)
def test_an_unusable_copy_is_told_apart_by_what_was_said(how: Ended, error: type[BackupjumpError], text: str) -> None:
    with pytest.raises(BackupjumpError) as caught:
        judge(how)

    assert type(caught.value) is error
    assert text in str(caught.value)
    assert caught.value.hint


def test_a_hostile_name_in_a_message_is_shown_escaped() -> None:
    name = b'rsync: [receiver] mkstemp "/s/\\#033[2J\xe2\x80\xae" failed: No space left on device (28)'

    with pytest.raises(StoreFull) as caught:
        judge(ended(11, name))

    assert str(caught.value).isprintable()
