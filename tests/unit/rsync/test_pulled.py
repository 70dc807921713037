from pathlib import Path

import pytest

from backupjump.rsync.checksums import Checksums
from backupjump.rsync.messages import Messages
from backupjump.rsync.output import Output
from backupjump.rsync.pulled import Kind, LeftOut, Pulled, merged, read_pulled, told
from rsync_world import plan_of

PLAN = plan_of("/home/me", Path("/s/work/7/tree/home/me"), ("ssh",), max_size=1000)


def read(stdout: bytes, stderr: bytes = b"", *, warning: bool = False) -> Pulled:
    output, messages = Output("m1", checksum="md5", root=b"home/me/"), Messages()
    list(output.feed(stdout))
    messages.feed(stderr)
    return read_pulled(PLAN, PLAN.transfers[0], output, messages, warning=warning)


def test_what_was_left_out_is_named_with_the_reason() -> None:
    pulled = read(
        b'big is over max-size\nskipping non-regular file "null"\nTotal bytes received: 7\n',
        b'rsync: [sender] opendir "/home/me/\\#033x" failed: Permission denied (13)\n'
        b'rsync: [receiver] lsetxattr("/s/work/7/tree/home/me/a","user.x") failed: No space left on device (28)\n'
        b'file has vanished: "/home/me/v"\n'
        b"rsync: something else\n",
        warning=True,
    )

    assert pulled == Pulled(
        warning=True,
        bytes_received=7,
        left_out=(
            LeftOut(path=b"home/me/big", kind=Kind.TOO_LARGE, why="larger than 1000 bytes"),
            LeftOut(path=b"home/me/null", kind=Kind.NEEDS_ROOT),
            LeftOut(path=b"home/me/\x1bx", kind=Kind.UNREADABLE, why="Permission denied"),
            LeftOut(path=b"home/me/a", kind=Kind.NOT_WHOLE, why="No space left on device"),
        ),
        vanished=(b"home/me/v",),
        remarks=("rsync: something else",),
    )
    assert told(pulled.left_out, pulled.remarks) == (
        "left out, too large: /home/me/big: larger than 1000 bytes",
        "left out, needs root here: /home/me/null",
        "unreadable: /home/me/\\x1bx: Permission denied",
        "not kept whole: /home/me/a: No space left on device",
        "rsync: something else",
    )


@pytest.mark.parametrize(
    ("here", "on_the_desktop"),
    [
        (b"/s/work/7/tree/home/me/deep/a", b"home/me/deep/a"),
        (b"/s/work/7/tree/home/me/deep/.a.txt.X9yZ3b", b"home/me/deep/a.txt"),
        (b"/s/work/7/tree/home/me", b"home/me"),
        (b"/elsewhere/a", b"elsewhere/a"),
    ],
)
def test_what_failed_here_is_named_as_on_the_desktop_and_so_the_same_every_night(
    here: bytes, on_the_desktop: bytes
) -> None:
    pulled = read(b"", b'rsync: [receiver] chown "%s" failed: Operation not permitted (1)\n' % here)

    assert [each.path for each in pulled.left_out] == [on_the_desktop]


def test_many_of_a_kind_are_cut_short_with_their_number_over_all_sources() -> None:
    parts = [read(b"".join(b"%d is over max-size\n" % number for number in range(60))) for _source in range(30)]

    lines = told(merged(parts).left_out)

    assert len(merged(parts).left_out) == 30 * 60
    assert len(lines) == 51
    assert lines[-1] == "and 1750 more of this kind"


def told_of(path: bytes, checksum: str) -> Checksums:
    checksums = Checksums("md5")
    checksums.note(path, checksum)
    return checksums


def test_several_sources_become_one() -> None:
    large, secret = LeftOut(path=b"a/y", kind=Kind.TOO_LARGE), LeftOut(path=b"b/y", kind=Kind.UNREADABLE)
    first = Pulled(bytes_received=1, hashes=told_of(b"a/x", "1" * 32), left_out=(large,), remarks=("w",))
    second = Pulled(
        warning=True,
        bytes_received=2,
        hashes=told_of(b"b/x", "2" * 32),
        left_out=(secret,),
        vanished=(b"b/z",),
    )

    assert merged([first]) == first
    both = merged([first, second])
    assert [both.hashes.get(path) for path in (b"a/x", b"b/x")] == ["md5:" + "1" * 32, "md5:" + "2" * 32]
    assert both == Pulled(
        warning=True,
        bytes_received=3,
        left_out=(large, secret),
        vanished=(b"b/z",),
        remarks=("w",),
    )
