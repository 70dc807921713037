from pathlib import Path

from backupjump.rsync.messages import Messages
from backupjump.rsync.output import Output
from backupjump.rsync.pulled import Pulled, merged, read_pulled
from rsync_world import plan_of

PLAN = plan_of("/home/me", Path("/s/t"), ("ssh",), max_size=1000)


def read(stdout: bytes, stderr: bytes = b"", *, warning: bool = False) -> Pulled:
    output, messages = Output("m1", checksum="md5", root=b"home/me/"), Messages()
    list(output.feed(stdout))
    messages.feed(stderr)
    return read_pulled(PLAN, output, messages, warning=warning)


def test_what_was_left_out_is_named_and_told() -> None:
    pulled = read(
        b'big is over max-size\nskipping non-regular file "null"\nTotal bytes received: 7\n',
        b'rsync: [sender] opendir "/home/me/\\#033x" failed: Permission denied (13)\n'
        b'rsync: [receiver] lsetxattr("/s/a","user.x") failed: No space left on device (28)\n'
        b'file has vanished: "/home/me/v"\n',
        warning=True,
    )

    assert pulled == Pulled(
        warning=True,
        bytes_received=7,
        unreadable=(b"home/me/\x1bx",),
        vanished=(b"home/me/v",),
        too_large=(b"home/me/big",),
        warnings=(
            "left out, larger than 1000 bytes: /home/me/big",
            "left out, needs root here: /home/me/null",
            "unreadable: /home/me/\\x1bx: Permission denied",
            "not kept whole: /s/a: No space left on device",
        ),
    )


def test_many_of_a_kind_are_cut_short_with_their_number() -> None:
    pulled = read(b"".join(b"%d is over max-size\n" % number for number in range(60)))

    assert len(pulled.too_large) == 60
    assert len(pulled.warnings) == 51
    assert pulled.warnings[-1] == "and 10 more of this kind"


def test_a_warning_without_any_message_still_has_a_text() -> None:
    assert read(b"", warning=True).warnings == ("rsync left something out and did not say what",)
    assert read(b"").warnings == ()


def test_several_sources_become_one() -> None:
    first = Pulled(bytes_received=1, hashes={b"a/x": "md5:1"}, too_large=(b"a/y",), warnings=("w",))
    second = Pulled(warning=True, bytes_received=2, hashes={b"b/x": "md5:2"}, unreadable=(b"b/y",), vanished=(b"b/z",))

    assert merged([first, second]) == Pulled(
        warning=True,
        bytes_received=3,
        hashes={b"a/x": "md5:1", b"b/x": "md5:2"},
        unreadable=(b"b/y",),
        vanished=(b"b/z",),
        too_large=(b"a/y",),
        warnings=("w",),
    )
    assert merged([first]) == first
