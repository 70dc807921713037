"""The block of text that people carry: what a mail does to it, and what it must not survive."""

import random
import textwrap

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backupjump.errors import UsageError
from backupjump.operations.enroll.armour import INVITATION, REPLY, has_ended, read_armour, write_armour

CONTENT = bytes(range(256)) * 2
BLOCK = write_armour(INVITATION, CONTENT)


def quoted(text: str, mark: str) -> str:
    return "".join(f"{mark}{line}\n" for line in text.splitlines())


@given(st.binary(min_size=1, max_size=2000))
def test_what_is_written_is_read(content: bytes) -> None:
    assert read_armour(REPLY, write_armour(REPLY, content)) == content


@given(
    mark=st.sampled_from(["", "> ", ">> ", "> > ", "| ", "    ", "\t", "\u00a0"]),
    line_end=st.sampled_from(["\n", "\r\n", " \n", "=20\n".replace("=20", "  ")]),
    around=st.sampled_from(["", "Hello,\n\nplease paste this:\n", "-- \nme\n"]),
    width=st.integers(min_value=20, max_value=300),
)
def test_it_survives_what_mails_do(mark: str, line_end: str, around: str, width: int) -> None:
    rewrapped = "\n".join(textwrap.wrap(BLOCK, width, break_long_words=True, break_on_hyphens=False))

    carried = quoted(around + rewrapped + "\n" + around, mark).replace("\n", line_end)

    assert read_armour(INVITATION, carried) == CONTENT


def test_two_copies_of_one_block_are_one() -> None:
    assert read_armour(INVITATION, BLOCK + quoted(BLOCK, "> ")) == CONTENT


def test_a_reply_that_quotes_the_invitation_is_found() -> None:
    assert read_armour(REPLY, quoted(BLOCK, "> ") + write_armour(REPLY, b"mine")) == b"mine"


def test_every_truncation_is_refused() -> None:
    end = len(BLOCK.rstrip())
    for cut in range(end):
        with pytest.raises(UsageError):
            read_armour(INVITATION, BLOCK[:cut])
        if cut:
            with pytest.raises(UsageError):
                read_armour(INVITATION, BLOCK[cut:])


def test_a_line_that_got_lost_is_told() -> None:
    lines = BLOCK.splitlines()
    for number in range(1, len(lines) - 1):
        with pytest.raises(UsageError, match="missing"):
            read_armour(INVITATION, "\n".join(lines[:number] + lines[number + 1 :]))


@given(st.data())
def test_every_flipped_bit_is_refused(data: st.DataObject) -> None:
    raw = bytearray(BLOCK.rstrip().encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    assume(not (chr(raw[place]).isspace() and chr(raw[place] ^ bit).isspace()))  # another white space is as good
    raw[place] ^= bit
    text = raw.decode("utf-8", "replace")

    with pytest.raises(UsageError):
        read_armour(INVITATION, text)


def test_garbage_of_any_kind_is_a_mistake_of_the_person_who_pastes() -> None:
    dice = random.Random(1)
    for _ in range(300):
        middle = "".join(dice.choice("AZaz09+/=- \n>") for _ in range(dice.randrange(200)))
        with pytest.raises(UsageError):
            read_armour(INVITATION, BLOCK.splitlines()[0] + "\n" + middle + "\n" + BLOCK.splitlines()[-1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is none"),
        ("hello", "there is none"),
        (write_armour(REPLY, b"x"), "this is a reply"),
        (BLOCK + write_armour(INVITATION, b"another"), "more than one"),
        (write_armour(INVITATION, b"x" * 20_000), "longer than 16 KiB"),
        ("x" * 70_000, "64 KiB"),
        (BLOCK.splitlines()[0], "its end is missing"),
        (BLOCK.replace("INVITATION", "REPLY"), "this is a reply"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_armour(INVITATION, text)


def test_the_end_is_seen_even_where_a_mail_broke_its_line() -> None:
    assert not has_ended(BLOCK[:-20])
    assert has_ended("> -----END BACKUPJUMP\n> INVITATION-----")
