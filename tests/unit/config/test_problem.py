from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.config.problem import Problem, raise_all
from backupjump.errors import ConfigError


def test_the_caret_stands_under_the_place_whatever_stands_before_it() -> None:
    source = 'desktops: {漢字: "\x1b[1m", e\u0301: 5}'
    problem = Problem(Path("f.yaml"), "is wrong", 1, source.index("5") + 1, ("a", "b c", 2), source)

    head, line, caret = problem.render().splitlines()

    assert head == f"f.yaml:1:{source.index('5') + 1}: a.b c[2]: is wrong"
    assert "\x1b" not in line
    # Two ideographs take two columns each, an accent none.
    assert caret.index("^") == line.index("5") + 2 - 1


def test_of_a_long_line_the_part_around_the_caret_is_shown() -> None:
    problem = Problem(Path("f.yaml"), "is wrong", 1, 501, (), "x" * 500 + "HERE" + "y" * 500)

    _, line, caret = problem.render().splitlines()

    assert len(line) < 130
    assert line[caret.index("^") :].startswith("HERE")


def test_names_of_files_and_keys_can_not_act_on_the_screen() -> None:
    problem = Problem(Path("a\nb\x1b.yaml"), "is wrong", where=("\u202ekey",))

    assert problem.render() == "a\\nb\\x1b.yaml: \\u202ekey: is wrong"


def test_problems_are_told_by_file_and_line_and_once() -> None:
    second = Problem(Path("b.yaml"), "second", 2, 1)
    first = Problem(Path("b.yaml"), "first", 1, 9)
    other = Problem(Path("a.yaml"), "other", 5, 1)

    with pytest.raises(ConfigError) as caught:
        raise_all([second, first, other, second])

    assert str(caught.value) == "a.yaml:5:1: other\nb.yaml:1:9: first\nb.yaml:2:1: second"


def test_no_problems_raise_nothing() -> None:
    raise_all([])
