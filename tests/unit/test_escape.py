import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupjump.escape import defused, shown, shown_lines, typable
from backupjump.process import run


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"photo.jpg", "photo.jpg"),
        ("Grüße ☃.txt".encode(), "Grüße ☃.txt"),
        (b"two\nlines", "two\\nlines"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\u202egpj.exe".encode(), "\\u202egpj.exe"),
        ("a\u200bb".encode(), "a\\u200bb"),
        ("\u2028".encode(), "\\u2028"),
        (b"back\\slash", "back\\\\slash"),
        (b"\x7f", "\\x7f"),
        ("\x9b".encode(), "\\x9b"),
        (b"", ""),
    ],
)
def test_a_name_is_shown_with_all_that_could_act_on_a_screen_escaped(name: bytes, expected: str) -> None:
    assert shown(name) == expected


@given(st.binary(max_size=300))
def test_whatever_the_bytes_what_is_shown_is_one_harmless_line(name: bytes) -> None:
    text = shown(name)

    assert all(unicodedata.category(character)[0] != "C" for character in text)
    assert "\u2028" not in text
    assert "\u2029" not in text


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_two_names_that_differ_are_shown_differently(one: bytes, other: bytes) -> None:
    assert (shown(one) == shown(other)) == (one == other)


def test_a_long_name_is_cut_to_the_limit() -> None:
    assert shown("x" * 50, limit=10) == "x" * 9 + "…"


def test_of_a_flood_only_the_first_lines_are_shown_and_the_rest_is_counted() -> None:
    text = shown_lines(b"one\n\n\x1btwo\nthree\nfour\n", lines=2)

    assert text == "one\n\\x1btwo\n(2 more lines)"


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        (b"/home/me/notes.txt", "/home/me/notes.txt"),
        (b"/home/me/my notes", "'/home/me/my notes'"),
        ("/home/me/Grüße".encode(), "'/home/me/Grüße'"),
        (b"/a\\b", "'/a\\b'"),
        (b"/it's\n\xff0", "$'/it\\x27s\\x0a\\xff0'"),
    ],
)
def test_a_path_to_type_is_one_word(name: bytes, typed: str) -> None:
    assert typable(name) == typed


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda name: 0 not in name), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_what_is_to_be_typed_is_harmless_to_see_and_means_the_very_bytes_to_a_shell(names: list[bytes]) -> None:
    typed = [typable(name) for name in names]

    assert all(unicodedata.category(character)[0] != "C" for each in typed for character in each)
    done = run(["bash", "-c", f"printf '%s\\0' {' '.join(typed)}"], timeout=30)
    assert done.stdout.split(b"\0")[:-1] == names


@given(st.text() | st.binary().map(lambda name: name.decode("utf-8", "surrogateescape")))
def test_what_was_shown_stays_as_it_is_when_it_is_defused(name: str) -> None:
    assert defused(shown(name)) == shown(name)


@given(st.text() | st.binary().map(lambda name: name.decode("utf-8", "surrogateescape")))
def test_what_was_not_shown_can_do_nothing_once_it_is_defused(name: str) -> None:
    rendered = defused(name, limit=50)

    assert {unicodedata.category(each) for each in rendered} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} == set()
    assert len(rendered) <= 50
