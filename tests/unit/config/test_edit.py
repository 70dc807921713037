from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupjump.config.edit import Value, changed, set_values
from backupjump.config.problem import Where
from backupjump.config.yaml_file import parse
from backupjump.errors import ConfigError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHHV/k+HmWciJVSzMUnHLALuITwNHWr4foBTMZqXEjS/"
BLOCK = """\
# my own words
tunnel:   # here
  jump_node:
    - host: a.example
      host_key:      # current and spare
        - OLD   # 2024
        - SPARE
      # before the port
      port: 22
  port: 2020
"""

# what: the file, the change, the file then
TABLE: dict[str, tuple[str, dict[Where, Value], str]] = {
    "a scalar keeps its comment": ("a: 1\nb: old  # why\nc: 3\n", {("b",): "new"}, "a: 1\nb: new  # why\nc: 3\n"),
    "a quoted one": ("b: 'o: ld' # why\n", {("b",): "n: ew"}, 'b: "n: ew" # why\n'),
    "in a flow mapping": (
        "d: {x: {k: old, p: 1}}  # z\n",
        {("d", "x", "k"): KEY},
        f"d: {{x: {{k: {KEY}, p: 1}}}}  # z\n",
    ),
    "a list in the place of a scalar": ("k: old # c\n", {("k",): ["a", "b b"]}, "k: [a, b b] # c\n"),
    "a flow list over lines": ("k: [a,\n  b] # c\nl: 1\n", {("k",): "x"}, "k: x # c\nl: 1\n"),
    "a block list moves up": (
        BLOCK,
        {("tunnel", "jump_node", 0, "host_key"): ["NEW", "OLD"]},
        BLOCK.replace("host_key:      #", "host_key: [NEW, OLD]      #").replace(
            "        - OLD   # 2024\n        - SPARE\n", ""
        ),
    ),
    "a block list at the column of its key": ("k:\n- a\n- b\nl: 1\n", {("k",): ["c"]}, "k: [c]\nl: 1\n"),
    "a block text": ("k: |\n  a\n  b\nl: 1\n", {("k",): "c"}, "k: c\nl: 1\n"),
    "no value yet": ("k:\nl: 1\n", {("k",): "c"}, "k: c\nl: 1\n"),
    "a key is added at the end of its block": (
        BLOCK,
        {("tunnel", "expires"): "2027-12-31"},
        BLOCK + "  expires: 2027-12-31\n",
    ),
    "a key is added in an entry of a list": (
        BLOCK,
        {("tunnel", "jump_node", 0, "user"): "t"},
        BLOCK.replace("      port: 22\n", "      port: 22\n      user: t\n"),
    ),
    "a key is added to the file": ("a: 1", {("revoked",): True}, "a: 1\nrevoked: true\n"),
    "a key is added to a flow mapping": ("d: {a: 1}\n", {("d", "b"): 2}, "d: {a: 1, b: 2}\n"),
    "a key is added to an empty one": ("d: {}\n", {("d", "b"): 2}, "d: {b: 2}\n"),
    "the line ends of Windows stay": ("a: 1\r\nb: 2\r\n", {("c",): "x", ("a",): 3}, "a: 3\r\nb: 2\r\nc: x\r\n"),
    "what looks like something else is quoted": ("a: x\n", {("a",): "true"}, 'a: "true"\n'),
    "a text with a dollar stays a text": ("a: x\n", {("a",): "${HOME}"}, 'a: "$${HOME}"\n'),
    "several at once": ("a: 1 # x\nb: 2\n", {("b",): 3, ("a",): "y"}, "a: y # x\nb: 3\n"),
}


@pytest.mark.parametrize("case", TABLE)
def test_one_value_changes_and_all_the_rest_stays_byte_for_byte(case: str) -> None:
    before, changes, after = TABLE[case]

    assert changed(Path("f.yaml"), before.encode(), changes).decode() == after


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: &x 1\nb: *x\n", ("b",)),
        ("a: &x 1\nb: *x\n", ("a",)),
        ("a: 1\n", ("b", "c")),
        ("a: {b: [1]}\n", ("a", "b", 0)),
        ("a: [", ("a",)),
    ],
)
def test_what_can_not_be_changed_alone_is_not_changed(text: str, where: Where) -> None:
    with pytest.raises(ConfigError):
        changed(Path("f.yaml"), text.encode(), {where: "new"})


@given(st.sampled_from([BLOCK, "tunnel: {port: 1}\n"]), st.text() | st.lists(st.text()) | st.integers(0, 10**9))
def test_any_text_that_is_written_is_read_back_or_refused(text: str, value: Value) -> None:
    try:
        fresh = changed(Path("f.yaml"), text.encode(), {("tunnel", "port"): value})
    except ConfigError:
        return

    assert parse(Path("f.yaml"), fresh, environment={}).value["tunnel"]["port"] == value


def test_the_file_keeps_its_mode_its_link_and_its_byte_order_mark(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_bytes(b"\xef\xbb\xbfa: 1 # \xc3\xa9\n")
    real.chmod(0o640)
    link = tmp_path / "backupjump.yaml"
    link.symlink_to(real)

    set_values(link, {("a",): "two"})

    assert link.is_symlink()
    assert real.read_bytes() == b"\xef\xbb\xbfa: two # \xc3\xa9\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backupjump.yaml", "real.yaml"]


def test_a_file_that_can_not_be_read_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be changed: No such file"):
        set_values(tmp_path / "none.yaml", {("a",): 1})


PARTS = st.sampled_from(
    ["a: ", "b: ", "c", "- ", "{a: b, c: d}", "[a, b]", "{", "}", "[", "]", ", ", "\n", "\n  ", "\n    ", "# x", " # y"]
    + ["|\n", ">-\n", "'q'", '"q"', "&x ", "*x", "? ", "~", "1", "\r\n", "---\n", "é", "!!str ", "a:\n  b: 1\n"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PARTS, max_size=12).map("".join), st.booleans())
def test_whatever_a_file_looks_like_a_change_is_made_alone_or_refused(text: str, deep: bool) -> None:
    where: Where = ("a", "b") if deep else ("a",)
    before = parse(Path("f.yaml"), text.encode(), environment={})
    try:
        fresh = changed(Path("f.yaml"), text.encode(), {where: "new"})
    except ConfigError:
        return

    after = parse(Path("f.yaml"), fresh, environment={})
    expected = {**before.value, "a": {**before.value["a"], "b": "new"} if deep else "new"}
    assert after.value == expected
