"""The lines, the JSON and the exit code of findings."""

from __future__ import annotations

import json

import pytest

from backupjump.operations.doctor.finding import VERDICTS, Finding
from backupjump.operations.doctor.told import as_json_array, exit_code, summed_up, tell, told

MENDED = Finding("config.mode", "fail", "others may write it", "chmod go-w /etc/bj.yaml")


def test_the_fix_stands_on_a_line_of_its_own() -> None:
    assert told(MENDED, colour=False).splitlines() == [
        "x fail  config.mode             others may write it",
        "        fix: chmod go-w /etc/bj.yaml",
    ]


def test_each_verdict_has_a_mark_that_can_be_told_without_colours() -> None:
    lines = [told(Finding("a", verdict, "seen"), colour=False) for verdict in VERDICTS]

    assert len({line[0] for line in lines}) == len(VERDICTS)
    assert not any("\x1b" in line or "\n" in line for line in lines)


def test_colours_are_there_where_they_are_asked_for() -> None:
    assert told(MENDED, colour=True).startswith("\x1b[31mx fail\x1b[0m  config.mode")


def test_json_is_one_array_with_the_four_keys() -> None:
    assert json.loads(as_json_array([MENDED])) == [
        {
            "check": "config.mode",
            "verdict": "fail",
            "evidence": "others may write it",
            "fix": "chmod go-w /etc/bj.yaml",
        }
    ]


@pytest.mark.parametrize(
    ("verdicts", "code", "line"),
    [
        ([], 0, "nothing to check"),
        (["ok", "ok", "skip"], 0, "2 ok, 1 skip"),
        (["ok", "warn"], 0, "1 warn, 1 ok"),
        (["ok", "fail", "warn"], 1, "1 fail, 1 warn, 1 ok"),
    ],
)
def test_only_a_fail_needs_a_person_now(verdicts: list[str], code: int, line: str) -> None:
    findings = [Finding("a", verdict, "seen") for verdict in verdicts]

    assert (exit_code(findings), summed_up(findings)) == (code, line)


@pytest.mark.parametrize(
    ("how", "first_words"),
    [
        ({"as_json": False}, ["+ ok  ", "x fail", "      ", "1 fail"]),
        ({"as_json": False, "quiet": True}, ["x fail", "      "]),
        ({"as_json": True}, ["["] + ["  {", '    "', '    "', '    "', '    "', "  }"] * 2 + ["]"]),
    ],
)
def test_findings_are_told_as_they_come_or_as_json_at_the_end(how: dict[str, bool], first_words: list[str]) -> None:
    said: list[str] = []

    code = tell([Finding("a", "ok", "seen"), MENDED], say=said.append, **how)

    lines = [line for text in said for line in text.splitlines()]
    assert code == 1
    assert [line[: len(words)] for line, words in zip(lines, first_words, strict=True)] == first_words
