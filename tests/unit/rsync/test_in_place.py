"""Which files rsync leaves stale where it updates a private copy in place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.errors import TransferFailed
from backupjump.rsync.in_place import stale_after
from backupjump.rsync.messages import Messages
from backupjump.rsync.output import Output
from rsync_world import plan_of

PLAN = plan_of("/home/me", Path("/store/work/1/tree/home/me"), ("sh",), in_place=True)
ONE = PLAN.transfers[0]


def stale(*stderr: str, stdout: str = "") -> tuple[bytes, ...]:
    messages, output = Messages(), Output("m1", checksum="xxh128", root=ONE.root)
    for line in stderr:
        messages.feed(line.encode() + b"\n")
    assert list(output.feed(stdout.encode())) == []
    return stale_after(PLAN, ONE, output, messages)


@pytest.mark.parametrize(
    ("said", "paths"),
    [
        ('rsync: [sender] send_files failed to open "/home/me/a": Permission denied (13)', [b"home/me/a"]),
        ('rsync: [sender] read errors mapping "/home/me/a/b": Input/output error (5)', [b"home/me/a/b"]),
        ("ERROR: a/b failed verification -- update retained.", [b"home/me/a/b"]),
        ('file has vanished: "/home/me/a"', [b"home/me/a"]),
        ('rsync: [receiver] open "/store/work/1/tree/home/me/a" failed: Permission denied (13)', [b"home/me/a"]),
        # It is there, and a fresh one would lack the same.
        ('rsync: [receiver] failed to set times on "/store/work/1/tree/home/me/a": Operation not permitted (1)', []),
        ('rsync: [generator] rsync_xal_set: lsetxattr("/store/work/1/tree/home/me/a","user.x") failed: Hm (95)', []),
        ("rsync: [sender] filename overflows max-path len by 3: a/b", []),
        ("WARNING: a failed verification -- update retained (will try again).", []),
    ],
)
def test_a_file_that_did_not_arrive_whole_is_named_as_it_lies_in_the_tree(said: str, paths: list[bytes]) -> None:
    assert list(stale(said)) == paths


def test_what_a_rule_left_out_is_stale_too_also_where_progress_stands_before_it() -> None:
    progress = "  0   0%    0.00kB/s    0:00:00 (xfr#0, ir-chk=1002/1014)"

    assert stale(stdout=f"big is over max-size\n{progress}bigger is over max-size\n") == (
        b"home/me/big",
        b"home/me/bigger",
    )


@pytest.mark.parametrize(
    "said",
    [
        "rsync: [generator] delete_file: unlink(a) failed: Operation not permitted (1)",
        'rsync: [sender] send_files failed to open "/etc/passwd": Permission denied (13)',
    ],
)
def test_what_has_no_name_in_the_tree_is_not_published_as_current(said: str) -> None:
    with pytest.raises(TransferFailed, match="not up to date"):
        stale(said)


def test_more_names_than_are_kept_are_not_published_as_current() -> None:
    lines = [f'rsync: [sender] send_files failed to open "/home/me/{n}": Permission denied (13)' for n in range(10_001)]

    with pytest.raises(TransferFailed, match="more files"):
        stale(*lines)


def test_a_fresh_tree_has_nothing_stale() -> None:
    messages = Messages()
    messages.feed(b'file has vanished: "/home/me/a"\n')
    output = Output("m1", checksum="xxh128", root=ONE.root)

    assert stale_after(replace(PLAN, in_place=False), ONE, output, messages) == ()
