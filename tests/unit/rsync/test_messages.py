import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.rsync.messages import Messages, Trouble, read_trouble
from backupjump.rsync.output import MOST_NAMES


def said(*lines: bytes) -> Messages:
    messages = Messages()
    for chunk in (*(line + b"\n" for line in lines), b""):
        messages.feed(chunk)
    return messages


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (
            b'rsync: [sender] send_files failed to open "/home/me/no\\#012pe": Permission denied (13)',
            Trouble(
                path=b"/home/me/no\npe", here=False, what="send_files failed to open", why="Permission denied", errno=13
            ),
        ),
        (
            b'rsync: [sender] opendir "/home/me/closed" failed: Permission denied (13)',
            Trouble(path=b"/home/me/closed", here=False, what="opendir", why="Permission denied", errno=13),
        ),
        (
            b'rsync: [sender] readlink_stat("/home/me/x") failed: Input/output error (5)',
            Trouble(path=b"/home/me/x", here=False, what="readlink_stat(", why="Input/output error", errno=5),
        ),
        (
            b'rsync: [receiver] mkstemp "/s/.big.YegbWk" failed: No space left on device (28)',
            Trouble(path=b"/s/.big.YegbWk", here=True, what="mkstemp", why="No space left on device", errno=28),
        ),
        (
            b'rsync: [generator] recv_generator: mkdir "/s/sub" failed: Read-only file system (30)',
            Trouble(path=b"/s/sub", here=True, what="recv_generator: mkdir", why="Read-only file system", errno=30),
        ),
        (
            b'rsync: [receiver] rsync_xal_set: lsetxattr("/s/a","user.x") failed: No space left on device (28)',
            Trouble(path=b"/s/a", here=True, what="rsync_xal_set: lsetxattr(", why="No space left on device", errno=28),
        ),
        (
            b'rsync: [sender] get_xattr_data: lgetxattr("/home/me/./a","user.x",0) failed: Permission denied (13)',
            Trouble(
                path=b"/home/me/a", here=False, what="get_xattr_data: lgetxattr(", why="Permission denied", errno=13
            ),
        ),
        (
            b'rsync: [sender] send_files failed to open "/home/me/a" failed: b": Permission denied (13)',
            Trouble(
                path=b'/home/me/a" failed: b',
                here=False,
                what="send_files failed to open",
                why="Permission denied",
                errno=13,
            ),
        ),
        (
            b"ERROR: home/a failed verification -- update discarded.",
            Trouble(path=b"home/a", here=False, what="read", why="it changed while it was read"),
        ),
    ],
)
def test_a_message_about_a_path_is_read(line: bytes, trouble: Trouble) -> None:
    assert read_trouble(line) == trouble


@pytest.mark.parametrize(
    "line",
    [
        b"rsync error: some files/attrs were not transferred (see previous errors) (code 23)",
        b"ssh: connect to host 127.0.0.1 port 2020: Connection refused",
        b'file has vanished: "/home/me/x"',
        b"rsync: [Receiver] write error: Broken pipe (32)",
        b'rsync: [sender] opendir "/x" failed: no (' + b"9" * 5000 + b")",
    ],
)
def test_another_message_is_not(line: bytes) -> None:
    assert read_trouble(line) is None


def test_vanished_names_are_listed_and_the_bytes_of_a_broken_link_counted() -> None:
    messages = said(
        b'file has vanished: "/home/me/a\\#377"',
        b'directory has vanished: "/home/me/b"',
        b"rsync: connection unexpectedly closed (1250 bytes received so far) [generator]",
        b"rsync: connection unexpectedly closed (3016077 bytes received so far) [receiver]",
    )

    assert messages.vanished == [b"/home/me/a\xff", b"/home/me/b"]
    assert messages.bytes_received == 3_016_077
    assert messages.unexplained == []


def test_only_rsyncs_own_lines_need_an_explanation() -> None:
    messages = said(
        b"** WARNING: connection is not using a post-quantum key exchange algorithm.",
        b"*** Skipping any contents from this failed directory ***",
        b"rsync: [Receiver] write error: Broken pipe (32)",
        b"--link-dest arg does not exist: /s/gone",
        b"rsync: [generator] filename overflows max-path len by 5: x",
    )

    assert messages.unexplained == [
        b"--link-dest arg does not exist: /s/gone",
        b"rsync: [generator] filename overflows max-path len by 5: x",
    ]


def test_a_flood_is_counted_in_full_and_kept_in_part() -> None:
    lines = [
        b'rsync: [sender] opendir "/d%d" failed: Permission denied (13)' % number for number in range(MOST_NAMES + 90)
    ]

    messages = said(*lines)

    assert messages.troubles_total == MOST_NAMES + 90
    assert len(messages.troubles) == MOST_NAMES
    assert messages.lines == lines[:40] + lines[-40:]


@given(st.lists(st.binary(min_size=1, max_size=200)))
def test_no_text_makes_the_reader_fail(chunks: list[bytes]) -> None:
    said(*chunks)


def test_a_name_longer_than_any_path_is_counted_and_not_kept() -> None:
    messages = Messages()
    text = b"x" * 20_000

    messages.feed(b'rsync: [sender] send_files failed to open "/' + text + b'": Permission denied (13)\n')
    messages.feed(b'file has vanished: "/' + text + b'"\n')

    assert (messages.troubles_total, messages.troubles, messages.vanished) == (1, [], [])
