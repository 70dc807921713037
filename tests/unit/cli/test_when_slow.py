"""A search that is over at once shows nothing; one that is not shows how far it is, until its block ends."""

from __future__ import annotations

import logging

import pytest

from backupjump.cli import when_slow as module
from backupjump.cli.options import Options
from backupjump.cli.when_slow import step_of_comparing, step_of_looking, step_of_weighing, when_slow

QUIET = Options(config=None, verbose=0, quiet=True)


def test_what_is_over_soon_is_not_even_asked_how_far_it_is(caplog: pytest.LogCaptureFixture) -> None:
    asked = []
    caplog.set_level(logging.INFO)

    with when_slow("nightly", QUIET, lambda done: asked.append(done)) as see:  # type: ignore[arg-type, return-value]
        for done in range(1000):
            see(done)

    assert asked == []
    assert caplog.text == ""


def test_after_two_seconds_it_is_asked_and_never_again_once_its_block_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SILENT_SECONDS", 0.0)
    asked = []

    def asking(done: int, total: int) -> module.Step:
        asked.append(done)
        return step_of_looking(done, total)

    with when_slow("nightly", QUIET, asking) as see:
        see(1, 2)
    see(2, 2)

    assert asked == [1]


def test_each_search_says_what_it_does() -> None:
    assert step_of_looking(3, 6).share == 0.5
    assert step_of_weighing(3, 6).told == "3 of 6 snapshots"
    assert step_of_comparing(12_000).told == "12 000 names"
