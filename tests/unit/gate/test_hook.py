import json
from typing import Any

import pytest

from backupjump.demo.process_tree import is_running
from backupjump.gate.hook import answer_hook
from gate_world import open_files
from program import until


def told(script: str, *, seconds: float = 20.0) -> Any:
    line = answer_hook("dump", ["sh", "-c", script], seconds=seconds)
    assert line.isascii()
    assert line.isprintable()
    return json.loads(line)


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("echo fine", 0, ["fine"]),
        ("echo out; echo err >&2; exit 75", 75, ["out", "err"]),
        ("kill -9 $$", 137, []),
        ("printf '\\033[31mred\\n\\n\\377\\n'", 0, ["\\x1b[31mred", "\\xff"]),
        ("cat", 0, []),
    ],
)
def test_a_hook_tells_how_it_ended_and_what_it_said(script: str, status: int, said: list[str]) -> None:
    assert told(script) == {"hook": "dump", "status": status, "said": said}


def test_a_hook_that_does_not_start_is_told_as_127() -> None:
    answer = json.loads(answer_hook("dump", ["/not/there"]))

    assert answer["status"] == 127
    assert "can't be started" in answer["said"][0]


def test_of_a_hook_that_floods_the_last_lines_are_told() -> None:
    answer = told("yes 'a long line of text' | head -c 50000000; echo; seq 19; echo end")

    assert answer["status"] == 0
    assert answer["said"] == [*(str(number) for number in range(1, 20)), "end"]


@pytest.mark.parametrize("character", ["x", "ä", "\U0001f5c4", "\x1b", "\\"])
def test_the_answer_is_bounded_whatever_a_hook_prints(character: str) -> None:
    line = answer_hook("dump", ["/usr/bin/printf", "%s", "\n".join([character * 500] * 40)])

    assert len(line) < 64 * 1024
    assert len(json.loads(line)["said"]) <= 20


def test_a_hook_has_a_time_limit_and_ends_with_all_it_started() -> None:
    answer = told("sleep 600 & echo $!; wait", seconds=0.3)

    assert answer["status"] == 124
    until(lambda: not is_running(int(answer["said"][0])))


def test_what_a_hook_leaves_in_the_background_holds_up_nobody() -> None:
    answer = told("sleep 600 & echo $!")

    assert answer["status"] == 0
    until(lambda: not is_running(int(answer["said"][0])))


def test_no_descriptor_is_left_open() -> None:
    before = open_files()
    told("true")

    assert open_files() == before
