"""Each command line that our own rsync adapter can make passes the gate, and means there what it meant here."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backupjump.config.checks import read_source
from backupjump.config.models import Ownership
from backupjump.gate.grammar import read_request
from backupjump.gate.pull import Pull, sender_argv
from backupjump.rsync.argv import preview_argv, pull_argv
from backupjump.rsync.plan import Plan
from rsync_world import plan_of

pytestmark = pytest.mark.lab

Sent = Callable[..., bytes]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """What rsync hands to ssh as the command, for an argv that `build` makes of a plan."""
    folder = tmp_path_factory.mktemp("recording")
    recorder, recorded, listed = folder / "rsh", folder / "command", folder / "list"
    listed.write_bytes(b"notes\0sub/more\0")
    recorder.write_text(f"#!/bin/sh\nshift\nprintf %s \"$*\" > '{recorded}'\nexit 1\n")
    recorder.chmod(0o755)

    def record(
        build: Callable[..., tuple[str | bytes, ...]],
        source: str,
        changes: dict[str, Any],
        *,
        by_list: bool,
        is_fenced: bool,
    ) -> bytes:
        recorded.unlink(missing_ok=True)
        plan = plan_of(source, folder / "target", (str(recorder),), **changes)
        transfer = dataclasses.replace(plan.transfers[0], files_from=listed if by_list else None)
        transfer = dataclasses.replace(transfer, confine_root=folder if is_fenced else None)
        argv = build(plan, transfer, marker="m1")
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
        return recorded.read_bytes()

    return record


def sources() -> st.SearchStrategy[str]:
    characters = st.characters(exclude_characters="\0/`", exclude_categories=["Cs", "Cc"])
    names = st.text(characters | st.sampled_from(r" \*?[]'\"$&;|<>(){}!#~-"), min_size=1, max_size=12)
    return st.lists(names, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts)).filter(is_source)


def is_source(path: str) -> bool:
    try:
        return read_source(path) == path
    except ValueError:
        return False


def options() -> st.SearchStrategy[dict[str, Any]]:
    """Return every combination of what a plan can say: each flag that it has, and the limits."""
    flags = {field.name: st.booleans() for field in dataclasses.fields(Plan) if field.type == "bool"}
    return st.fixed_dictionaries(
        {
            **flags,
            "ownership": st.sampled_from(Ownership),
            "checksum": st.sampled_from(["xxh128", "md5"]),
            "max_size": st.none() | st.integers(1, 2**50),
            "bwlimit": st.none() | st.integers(1, 2**40),
            "exclude": st.lists(st.sampled_from(["*.tmp", "cache/", "a b"]), max_size=2).map(tuple),
        }
    )


# The fixture only remembers where to record; each example overwrites it.
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sources(), options(), st.sampled_from([pull_argv, preview_argv]), st.booleans(), st.booleans())
@example("/", {}, pull_argv, False, True)
@example("/home/me", {"compare_content": True}, preview_argv, True, False)
def test_every_pull_and_preview_passes_the_gate(
    sent: Sent,
    source: str,
    changes: dict[str, Any],
    build: Callable[..., tuple[str | bytes, ...]],
    by_list: bool,
    is_fenced: bool,
) -> None:
    command = sent(build, source, changes, by_list=by_list, is_fenced=is_fenced)

    pull = read_request(command)

    assert isinstance(pull, Pull)
    assert pull.path == source.rstrip("/") + "/"
    assert pull.by_list is by_list
    assert ("n" in pull.letters) is (build is preview_argv)
    words = command.decode().split(" ")
    assert sender_argv(pull, rsync="rsync", confine_root=None)[:-1] == tuple(words[: words.index(".") + 1])
