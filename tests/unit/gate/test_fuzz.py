"""Throw lines at the grammar: each is refused, or what would be run is one of a closed set, below an allowed folder."""

from __future__ import annotations

import random
import re
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backupjump.gate.folder import check_allowed
from backupjump.gate.grammar import STATUSES, Done, Hook, Listing, Probe, read_request
from backupjump.gate.pull import sender_argv
from backupjump.gate.refusal import Refused
from gate_mutations import ALLOWED, FRAGMENTS, mutated

# Said once more, in another way than the gate says it.
CLOSED = re.compile(
    r"(/usr/bin/rsync --server --sender -[lWHogDtpArXzxScnvUdR]*e\.[A-Za-z]*"
    r"( (-B\d+|--numeric-ids|--list-only|--no-r|--inplace|--ignore-errors|--info=(STATS2|NAME0)|--(timeout|bwlimit)=\d+"
    r"|--(compress-level|checksum-seed)=\d+|--checksum-choice=(xxh128|xxh3|xxh64|md5)"
    r"|--compress-choice=(zstd|lz4|zlibx|zlib)|--files-from=-|--from0|--ignore-missing-args))*"
    r" --confine-root=/ROOT \. \./)",
    re.ASCII,
)


def outcome(line: bytes) -> str:
    """Return what the gate would make of `line`; fail if that is not among what it may do."""
    try:
        request = read_request(line)
        if isinstance(request, (Probe, Hook, Done)):
            words = line.decode("ascii").replace("\\", "").split(" ")
            assert words[0] == "bj1"
            assert isinstance(request, Probe) or re.fullmatch(r"[A-Za-z0-9][\w.-]*", words[2], re.ASCII)
            assert not isinstance(request, Done) or request.status in STATUSES
            return "a word"
        check_allowed(request.path, ALLOWED)
    except Refused:
        return "refused"
    path = PurePosixPath(request.path)
    assert request.path.endswith("/")
    assert ".." not in path.parts
    assert any(PurePosixPath(root) in (path, *path.parents) for root in ALLOWED), path
    if isinstance(request, Listing):
        assert all(re.fullmatch(r"[^/]+/", each) or path in PurePosixPath(each).parents for each in request.omitted)
        assert not any({".", ".."} & set(each.split("/")) or "//" in each for each in request.omitted)
        return "a list"
    argv = sender_argv(request, rsync="/usr/bin/rsync", confine_root="/ROOT")
    assert CLOSED.fullmatch(" ".join(argv)), argv
    assert len(argv) == len(" ".join(argv).split(" "))
    return "a pull"


@pytest.mark.parametrize(
    ("seed", "lines"), [(1, 10_000), pytest.param(2, 1_000_000, marks=pytest.mark.long)], ids=["sample", "long"]
)
def test_a_mutated_line_is_refused_or_within_the_closed_set(seed: int, lines: int) -> None:
    chance = random.Random(seed)

    outcomes = [outcome(mutated(chance)) for _ in range(lines)]

    # Not a fuzz of the first check alone: a good part gets through all of them.
    assert outcomes.count("a pull") > lines / 50
    assert outcomes.count("a list") > lines / 200
    assert outcomes.count("a word") > lines / 200
    assert outcomes.count("refused") > lines / 3


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=8))))
@example([b"rsync", b" ", b"--server", b" ", b"--sender", b" ", b"-e.", b" ", b".", b" ", b"/home/me/"])
def test_a_line_of_pieces_is_refused_or_within_the_closed_set(pieces: list[bytes]) -> None:
    outcome(b"".join(pieces))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=5000))
def test_any_bytes_at_all_raise_nothing_but_a_refusal(line: bytes) -> None:
    outcome(line)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cc"]), max_size=60))
def test_any_path_is_below_an_allowed_folder_or_refused(text: str) -> None:
    # As rsync would send it, whatever its characters.
    escaped = re.sub(r"([^\w/])", r"\\\1", text)
    outcome(f"rsync --server --sender -logDtpre.iLsfxCIvu . /home/me/{escaped}/".encode())
