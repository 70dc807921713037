from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.problem import raise_all
from backupjump.config.yaml_file import Document, parse, read_document
from backupjump.errors import ConfigError


def parsed(text: str | bytes, **environment: str) -> Document:
    raw = text.encode() if isinstance(text, str) else text
    return parse(Path("f.yaml"), raw, environment=environment)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("22:30", "22:30"),
        ("01:30", "01:30"),
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("0755", "0755"),
        ("2026-11-20", "2026-11-20"),
        ("1_000", "1_000"),
        ("<<", "<<"),
        ("=", "="),
        (".nan", ".nan"),
        ("9" * 5000, "9" * 5000),
        ("0", 0),
        ("-7", -7),
        ("2020", 2020),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('"2020"', "2020"),
        ("'true'", "true"),
        ('""', ""),
        ("!!str 2020", "2020"),
        ("[a, {b: 1}]", ["a", {"b": 1}]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, value: object) -> None:
    document = parsed(f"key: {written}\n")

    assert document.problems == ()
    assert document.value == {"key": value}
    assert type(document.value["key"]) is type(value)


def test_keys_are_text_whatever_they_look_like() -> None:
    assert parsed("{2020: a, true: b, on: c, ~: d, <<: {e: f}}").value == {
        "2020": "a",
        "true": "b",
        "on": "c",
        "~": "d",
        "<<": {"e": "f"},
    }


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    document = parsed(b"\xef\xbb\xbfa: 1\r\nb: 2\r\na: 3\r\n")

    assert document.value == {"a": 1, "b": 2}
    assert [(problem.line, problem.column) for problem in document.problems] == [(3, 1)]


def test_an_alias_brings_its_value() -> None:
    assert parsed("a: &x [1, 2]\nb: *x\n").value == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${HOME}/keys", "/home/ann/keys"),
        ("'${HOME}${HOME}'", "/home/ann/home/ann"),
        ("$${HOME}", "${HOME}"),
        ("$HOME", "$HOME"),
        ("[x, '${HOME}']", ["x", "/home/ann"]),
    ],
)
def test_variables_are_filled_into_text(written: str, value: object) -> None:
    assert parsed(f"key: {written}", HOME="/home/ann").value == {"key": value}


def test_what_a_variable_brings_is_not_read_as_yaml_or_as_a_variable() -> None:
    assert parsed("key: ${A}", A="[1, ${B}]", B="b").value == {"key": "[1, ${B}]"}


@pytest.mark.parametrize("written", ["${NOT_SET}", "${}", "${A-b}", "${A", "'a ${1}'"])
def test_a_variable_that_is_not_there_is_a_mistake_at_its_place(written: str) -> None:
    (problem,) = parsed(f"a: 1\nkey: {written}\n").problems

    assert (problem.line, problem.column, problem.where) == (2, 6, ("key",))


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("a: !x 1\na: 2\n? [b]\n: 3\nc: ${NOT_SET_EITHER}\n")

    with pytest.raises(ConfigError) as caught:
        raise_all(read_document(tmp_path / "f.yaml").problems)

    assert [line.split(": ")[0][-3:] for line in str(caught.value).splitlines() if "f.yaml" in line] == [
        "1:4",
        "2:1",
        "3:3",
        "5:4",
    ]


def test_a_file_that_can_not_be_read_is_a_mistake(tmp_path: Path) -> None:
    missing = read_document(tmp_path / "missing.yaml")
    folder = read_document(tmp_path)

    assert [problem.render() for problem in missing.problems] == [
        f"{tmp_path}/missing.yaml: can't be read: No such file or directory"
    ]
    assert [problem.render() for problem in folder.problems] == [f"{tmp_path}: can't be read: Is a directory"]


def test_a_very_large_file_is_not_read() -> None:
    (problem,) = parsed(b"a: 1\n" * 100_000).problems

    assert problem.message == "is larger than 256 KiB: not a config file"


@pytest.mark.parametrize(
    "text", ["[" * 5000, "a: " + "[" * 60 + "]" * 60, "a:\n" + "".join(f"{' ' * n}- \n" for n in range(200))]
)
def test_a_file_that_nests_without_end_is_refused(text: str) -> None:
    assert [problem.message for problem in parsed(text).problems] == ["nests too deeply"]


def test_the_place_of_a_path_that_is_not_there_is_its_nearest_parent() -> None:
    document = parsed("a:\n  b: [1, 2]\n")

    problem = document.problem(("a", "tag of a union", "b", 1, "c"), "is wrong")

    assert problem.render() == "f.yaml:2:10: a.b[1]: is wrong\n      b: [1, 2]\n             ^"
    assert document.problem(("a", "b"), "", at_key=True).place == "f.yaml:2:3"


@given(st.binary(max_size=200))
def test_bytes_never_raise(raw: bytes) -> None:
    document = parsed(raw)

    assert all(problem.render() for problem in document.problems)
    assert document.whole or document.problems


@given(st.text(alphabet=" \t\n-:?,[]{}#&*!|>'\"%@`ab01~.<=\\Ux$\u00e9\u2028", max_size=60))
def test_texts_made_of_what_yaml_gives_a_meaning_never_raise(text: str) -> None:
    document = parsed(text)

    assert all(problem.render() for problem in document.problems)
