"""Enrolments under way: written private, matched with their reply, ports promised."""

from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.errors import BackupjumpError, UsageError
from backupjump.operations.enroll.pending import (
    Pending,
    all_pending,
    ended_with,
    forget_pending,
    pending_of,
    ports_taken,
    write_pending,
)
from backupjump.operations.enroll.ports import free_port
from enroll_world import INVITATION, public_key, reply_to

PENDING = Pending(invitation=INVITATION, jump_node="jumpnode", identity_file=Path("/c/keys/desktop-laptop"))


def test_what_is_remembered_comes_back_and_is_private(tmp_path: Path) -> None:
    ended = ended_with(replace(PENDING, keys_file="/etc/keys/%u"), reply_to())

    write_pending(tmp_path, PENDING)
    before = all_pending(tmp_path)
    write_pending(tmp_path, ended)

    assert before == (PENDING,)
    assert all_pending(tmp_path) == (ended,)
    assert not ended.is_open
    assert (tmp_path / "enrolments/0123abcd.json").stat().st_mode & 0o777 == 0o600
    forget_pending(tmp_path, ended)
    assert all_pending(tmp_path) == ()


def test_a_reply_finds_its_invitation(tmp_path: Path) -> None:
    write_pending(tmp_path, PENDING)

    assert pending_of(tmp_path, reply_to()) == PENDING


def test_a_reply_to_an_invitation_that_was_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    write_pending(tmp_path, PENDING)
    meddled = replace(INVITATION, data_key=public_key(77))

    with pytest.raises(UsageError, match="changed it on the way"):
        pending_of(tmp_path, reply_to(meddled))


@pytest.mark.parametrize("changes", [{"desktop": "other"}, {"kind": "rotate"}, {"invitation": "0" * 64}])
def test_a_reply_that_says_something_else_than_its_invitation_is_refused(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    write_pending(tmp_path, PENDING)

    with pytest.raises(UsageError, match="changed it on the way"):
        pending_of(tmp_path, reply_to(**changes))


def test_a_reply_to_nothing_that_went_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has not begun"):
        pending_of(tmp_path, reply_to())


def test_a_file_that_is_no_enrolment_is_named(tmp_path: Path) -> None:
    (tmp_path / "enrolments").mkdir()
    (tmp_path / "enrolments/0123abcd.json").write_text("{}")

    with pytest.raises(BackupjumpError, match=r"0123abcd\.json is no enrolment: schema is missing"):
        all_pending(tmp_path)


def test_open_enrolments_hold_their_port_on_their_jump_node() -> None:
    elsewhere = replace(PENDING, jump_node="other", invitation=replace(INVITATION, port=2022))
    ended = ended_with(replace(PENDING, invitation=replace(INVITATION, port=2023)), reply_to())

    assert ports_taken([PENDING, elsewhere, ended], "jumpnode") == {2020}


def test_the_lowest_free_port_is_taken_and_a_taken_one_is_refused() -> None:
    assert free_port(set(), None) == 2020
    assert free_port({2020, 2021, 2023}, None) == 2022
    assert free_port({2020}, 30000) == 30000
    with pytest.raises(UsageError, match="another Desktop's"):
        free_port({2020}, 2020)
