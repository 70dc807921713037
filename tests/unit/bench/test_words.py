"""The words that the benchmark is started with, and where the time of a run goes."""

from __future__ import annotations

import pytest

from bench.profile import buckets, place
from bench.words import asked_by, command_line, parser


def test_lists_have_commas_and_each_word_must_be_known(capsys: pytest.CaptureFixture[str]) -> None:
    said = parser().parse_args(["--tree", "home,tiny", "--peer", "rsync,rsync+pty"])

    assert (said.tree, said.peer) == (["home", "tiny"], ["rsync", "rsync+pty"])
    with pytest.raises(SystemExit):
        parser().parse_args(["--tree", "house"])
    assert "house: choose from home, big, tiny" in capsys.readouterr().err


def test_quick_is_one_small_tree_and_each_work_once_unless_said_otherwise() -> None:
    quick, more = (asked_by(parser().parse_args(words), []) for words in (["--quick"], ["--quick", "--times", "2"]))

    assert (list(quick.trees), quick.times) == (["home"], 1)
    assert quick.divisor > 1
    assert more.times == 2


def test_the_command_that_is_told_does_not_say_where_files_lie() -> None:
    assert command_line(["--json", "/x/y", "--tree", "home", "--dir", "/z"]) == "python -m tests.bench --tree home"


def test_on_loopback_nothing_is_asked_that_needs_root() -> None:
    asked = asked_by(parser().parse_args(["--loopback", "--row", "wan"]), [])

    assert (list(asked.stores), list(asked.rows)) == (["folder"], ["lan"])
    assert "backupjump" in asked.everyone


def test_a_place_is_the_innermost_of_ours_without_what_stands_around_every_run() -> None:
    stack = ["process.run", "rsync.pump.pump", "rsync.transfer._pull", "tasks.pull", "cli.run.run"]

    assert place(stack) == "rsync.pump.pump < rsync.transfer._pull"
    assert place(["cli.main.main"]) == "cli.main.main"
    assert place([]) == "start of Python, imports"


def test_each_tenth_of_a_second_has_what_most_of_it_went_to_and_who_had_a_processor() -> None:
    seen = [(0.01, ["store.a"]), (0.02, ["store.b"]), (0.03, ["store.b"]), (0.15, ["store.c"])]
    spent = [
        (99.9, {("Server", "rsync", 1): 5.0}),
        (100.05, {("Server", "rsync", 1): 5.05, ("Desktop", "sshd", 2): 0.001}),
        (100.15, {("Server", "rsync", 1): 5.05, ("Desktop", "sshd", 2): 0.091}),
    ]

    first, second = buckets(100.0, seen, spent)

    assert (first.busy_with, second.busy_with) == ("store.b", "store.c")
    assert first.shares == {"Server rsync": pytest.approx(0.5)}
    assert second.shares == {"Desktop sshd": pytest.approx(0.9)}
