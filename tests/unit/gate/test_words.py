import time

import pytest

from backupjump.gate.grammar import read_request
from backupjump.gate.refusal import Refused
from backupjump.gate.words import MOST_BYTES, split_words


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (b"bj1 probe", ("bj1", "probe")),
        (rb"a\ b c", ("a b", "c")),
        (rb"\$\(id\)", ("$(id)",)),
        (rb"back\\slash", ("back\\slash",)),
        (rb"\*\?\[\]", ("*?[]",)),
        (b"'no quotes' \"here\"", ("'no", "quotes'", '"here"')),
        (b"a  b ", ("a", "", "b", "")),
        ("ä ö".encode(), ("ä", "ö")),
        (b"$HOME;`id`|&~*", ("$HOME;`id`|&~*",)),
        (b"", ("",)),
    ],
)
def test_only_the_backslash_and_the_space_mean_anything(command: bytes, words: tuple[str, ...]) -> None:
    assert split_words(command) == words


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (b"a\nb", "control byte"),
        (b"a\\\nb", "control byte"),
        (b"a\0b", "control byte"),
        (b"a\x1b[31m", "control byte"),
        (b"a\x7f", "control byte"),
        (b"a\tb", "control byte"),
        (b"a \xff\xfe", "not UTF-8"),
        (b"\xc0\xaf", "not UTF-8"),
        (b"\xed\xb3\xbf", "not UTF-8"),
        (b"a\\", "backslash at the end"),
        (b"a" * (MOST_BYTES + 1), "longer than 4096 bytes"),
    ],
)
def test_what_no_rsync_of_ours_sends_is_refused(command: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        split_words(command)

    assert refused.value.word == "not-understood"


@pytest.mark.parametrize(
    "command",
    [
        b"rsync " * 1_000_000,
        b"a " * 10_000,
        b"a " * (MOST_BYTES // 2),
        b"\\a" * (MOST_BYTES // 2),
        b"\xff" * MOST_BYTES,
        b"rsync --server --sender -" + b"l" * 4000 + b"e.x . /home/",
        b"rsync --server --sender -le." + b"x" * 4000 + b" . /home/",
        b"rsync --server --sender -le. . " + b"/a" * 2000,
        b"bj1 list " + b"/a" * 2040,
        b"bj1 list / " + b"a/ " * 1360,
    ],
    ids=lambda command: f"{command[:30]!r}… {len(command)} bytes",
)
def test_a_flood_is_refused_at_once(command: bytes) -> None:
    begun = time.process_time()

    with pytest.raises(Refused):
        read_request(command)

    assert time.process_time() - begun < 0.1
