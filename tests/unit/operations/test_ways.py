from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.errors import (
    BackupjumpError,
    DesktopAway,
    HostKeyRefused,
    JumpNodeUnreachable,
    KeyRefused,
    OtherMachine,
    TunnelNotOpen,
)
from backupjump.operations.ways import none_works, round_seconds, share_of
from unit.ssh.routes import route_of

LAN, JUMP, COMMAND = (route_of(kind) for kind in ("direct", "proxyjump", "proxycommand"))


@given(st.integers(1, 8), st.floats(0, 100))
def test_ways_that_use_their_whole_share_take_all_of_the_time_and_no_more(ways: int, seconds: float) -> None:
    left, shares = seconds, []
    for tried in range(ways):
        shares.append(share_of(left, ways - tried))
        left -= shares[-1]

    assert left == pytest.approx(0, abs=1e-6)
    assert all(one == pytest.approx(other) for one, other in pairwise(shares))


@pytest.mark.parametrize(
    ("left", "ways", "share"), [(15, 1, 15), (15, 3, 5), (14, 2, 7), (15, 2, 7.5), (-1, 2, 0), (0, 1, 0)]
)
def test_the_next_way_may_take_its_fair_share_of_what_is_left(left: float, ways: int, share: float) -> None:
    assert share_of(left, ways) == share


@pytest.mark.parametrize(
    ("ways", "left", "seconds"), [(1, 0, 15), (3, 0, 15), (3, 20, 20), (3, 600, 45), (1, 600, 15), (3, -9, 15)]
)
def test_a_round_without_time_to_wait_takes_no_longer_than_that_of_one_way(
    ways: int, left: float, seconds: float
) -> None:
    assert round_seconds(15, ways, left_seconds=left) == seconds


def test_the_error_of_a_single_way_is_told_as_it_is() -> None:
    error = TunnelNotOpen("closed", hint="open it")

    assert none_works([(JUMP, error)]) is error


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ((DesktopAway("gone"), TunnelNotOpen("closed"), TunnelNotOpen("closed too")), TunnelNotOpen),
        ((OtherMachine("who?"), JumpNodeUnreachable("down"), TunnelNotOpen("closed")), DesktopAway),
        ((OtherMachine("who?"), DesktopAway("asleep"), DesktopAway("asleep")), DesktopAway),
    ],
)
def test_ways_that_are_all_away_make_one_error_that_names_each(
    errors: tuple[BackupjumpError, ...], kind: type[BackupjumpError]
) -> None:
    one = none_works(list(zip((LAN, JUMP, COMMAND), errors, strict=True)))

    assert type(one) is kind
    assert str(one) == f"none of the 3 ways to desktop laptop leads there: {'; '.join(map(str, errors))}"


def test_a_refusal_comes_before_what_may_pass_and_the_others_are_named_behind_it() -> None:
    refused = HostKeyRefused("another key\n  pinned: x", hint="repin")
    tried = [(LAN, DesktopAway("gone\nfor long")), (JUMP, refused), (COMMAND, KeyRefused("not let in"))]

    one = none_works(tried)

    assert (type(one), one.hint) == (HostKeyRefused, "repin")
    assert str(one).splitlines() == [
        "another key",
        "  pinned: x",
        "  and by its other ways: direct: gone; proxycommand over node: not let in",
    ]
