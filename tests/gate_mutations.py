"""Lines for the gate that are nearly right: those of real clients, cut, doubled, crossed and spiced with attacks."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

ALLOWED = ("/home/me", "/srv/data")

SEEDS = tuple(
    line.encode()
    for line in (
        "bj1 probe",
        "bj1 hook dump-db",
        "bj1 done ok 20261122T023000Z-a1b2c3 more",
        r"bj1 list -x /home/me/ .cache/ lost+found/ /home/me/sub/a\ b/",
        "bj1 list /srv/data/",
        "rsync --server --sender -logDtpre.iLsfxCIvu . /home/me/",
        "rsync --server --sender -lHogDtpAXrcxSe.iLsfxCIvu --numeric-ids --checksum-choice=xxh128 . /home/me/",
        "rsync --server --sender -lHogDtpAXRe.LsfxCIvu --numeric-ids --files-from=- --from0 . /srv/data/",
        "rsync --server --sender -logDtprxze.iLsfxCIvu --timeout=300 --bwlimit=5000 --info=STATS2 . /home/me/",
        "rsync --server --sender -de.LsfxCIvu --list-only . /home/me/sub/",
        r"rsync --server --sender -logDtpre.iLsfxCIvu -B4096 --inplace . /home/me/a\ b\$\(id\)/",
    )
)
FRAGMENTS = tuple(
    piece.encode()
    for piece in (
        *("rsync", "--server", "--sender", "-logDtpre.iLsfxCIvu", "-e.", ".", "./", "..", "../", "/", "//", " ", "  "),
        *("/home/me/", "/home/me2/", "/home/", "/etc/", "/srv/data/", "~/", "/home/me/../", "/home/me/./", "sub/"),
        *("-s", "s", "L", "k", "K", "-L", "-k", "--copy-unsafe-links", "--copy-devices", "--log-file=/tmp/canary"),
        *("--remove-source-files", "--daemon", "--config=/tmp/x", "--files-from=/etc/shadow", "--files-from=-"),
        *("--from0", "--ignore-missing-args", "--confine-root=/", "--insecure-links", "-M--fake-super", "--rsh=sh"),
        *("--secluded-args", "--protect-args", "--debug=ALL", "--info=NAME0", "--numeric-ids", "--timeout=", "-B"),
        *(
            "sudo -n ",
            "nice ",
            "sh -c ",
            "bj1",
            "bj1 hook ",
            "probe",
            "hook",
            "done",
            "ok",
            "more",
            "list",
            "-x",
            ".cache/",
            "scp -t /",
        ),
        *("\\", "\\ ", "\\.", "'", '"', "`id`", "$(touch /tmp/canary)", ";id", "|id", "&", "\n", "\t", "\0", "*", "="),
        *("0", "9" * 30, "١", "ä", "\u202e", "e.", "%s%n", "--", "-"),
    )
) + (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80")


def mutated(chance: random.Random) -> bytes:
    """Return a seed after none to four changes."""
    line = chance.choice(SEEDS)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        line = chance.choice(_CHANGES)(line, chance)
    return line


def _replace_byte(line: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(line) + 1)
    return line[:at] + bytes([chance.randrange(256)]) + line[at + 1 :]


def _delete_some(line: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(line) + 1)
    return line[:at] + line[at + chance.randint(1, 4) :]


def _insert_fragment(line: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(line) + 1)
    return line[:at] + chance.choice(FRAGMENTS) + line[at:]


def _insert_word(line: bytes, chance: random.Random) -> bytes:
    words = line.split(b" ")
    words.insert(chance.randrange(len(words) + 1), chance.choice(FRAGMENTS))
    return b" ".join(words)


def _replace_word(line: bytes, chance: random.Random) -> bytes:
    words = line.split(b" ")
    words[chance.randrange(len(words))] = chance.choice(FRAGMENTS)
    return b" ".join(words)


def _swap_words(line: bytes, chance: random.Random) -> bytes:
    words = line.split(b" ")
    here, there = chance.randrange(len(words)), chance.randrange(len(words))
    words[here], words[there] = words[there], words[here]
    return b" ".join(words)


def _cross(line: bytes, chance: random.Random) -> bytes:
    other = chance.choice(SEEDS)
    return line[: chance.randrange(len(line) + 1)] + other[chance.randrange(len(other)) :]


def _change_letter(line: bytes, chance: random.Random) -> bytes:
    letters = b"lHogDtpArXzxScnvUdRsLkKbCEWuIyef."
    return re.sub(rb"(?<= -)[A-Za-z]", bytes([chance.choice(letters)]), line, count=1)


def _change_path(line: bytes, chance: random.Random) -> bytes:
    head, _, path = line.rpartition(b" ")
    parts = path.split(b"/")
    parts.insert(chance.randrange(len(parts) + 1), chance.choice((b"..", b".", b"", b"sub", b"me", b"me2", b"\\..")))
    return head + b" " + b"/".join(parts)


def _double(line: bytes, _chance: random.Random) -> bytes:
    return line + b" " + line


def _flood(line: bytes, chance: random.Random) -> bytes:
    return line + chance.choice(FRAGMENTS) * chance.choice((100, 1000))


_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_replace_byte, _delete_some, _insert_fragment, _insert_word, _replace_word, _swap_words),
    *(_cross, _change_letter, _change_path, _double, _flood),
)
