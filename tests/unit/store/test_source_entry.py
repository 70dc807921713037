from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backupjump.store.manifest import Entry, to_line
from backupjump.store.source_entry import SourceEntry, parse_line, plain_source

FILE = (
    '{"path":"home/me/a","type":"file","mode":"0644","uid":1000,"gid":1000,"size":12,"mtime_ns":123,"source":[7,8,1]}\n'
)
LINK = (
    '{"path":"l","type":"symlink","mode":"0777","uid":0,"gid":0,"size":2,"mtime_ns":0,"target":"ab","source":[7,8,1]}'
)
NULL = '{"path":"n","type":"char","mode":"0666","uid":0,"gid":0,"size":0,"mtime_ns":0,"rdev":[1,3],"source":[7,8,1]}'
CLOSED = '{"path":"d","type":"dir","mode":"0700","uid":0,"gid":0,"size":0,"mtime_ns":0,"unreadable":1,"source":[7,8,2]}'
UNSEEN = (
    '{"path":"u","type":"file","mode":"0000","uid":0,"gid":0,"size":0,"mtime_ns":0,"unreadable":1,"source":[0,0,0]}'
)


def test_a_line_is_an_entry() -> None:
    assert parse_line(FILE) == SourceEntry(
        path=b"home/me/a",
        type="file",
        mode=0o644,
        uid=1000,
        gid=1000,
        size=12,
        mtime_ns=123,
        ino=7,
        ctime_ns=8,
        nlink=1,
    )


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        (LINK, "target", b"ab"),
        (NULL, "rdev", (1, 3)),
        (CLOSED, "unreadable", True),
        (UNSEEN, "unreadable", True),
        (LINK.replace(',"target":"ab"', ',"unreadable":1').replace('"size":2', '"size":0'), "target", None),
        (FILE.replace("[7,8,1]", "[7,8,1,2049]"), "dev", 2049),
        (FILE.replace("[7,8,1]", f"[{2**64 - 1},-8,1]"), "ino", 2**64 - 1),
        (FILE.replace('"mtime_ns":123', '"mtime_ns":-1500000001'), "mtime_ns", -1_500_000_001),
        (FILE.replace("0644", "4755"), "mode", 0o4755),
        (FILE.replace("home/me/a", ""), "path", b""),
        (FILE.replace("home/me/a", r"a\udcff\n\"\\\u00e9"), "path", b'a\xff\n"\\\xc3\xa9'),
    ],
)
def test_what_a_line_may_say(line: str, field: str, value: object) -> None:
    assert getattr(parse_line(line), field) == value


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (FILE, (7, 8, 1)),
        (LINK, (7, 8, 1)),
        (FILE.replace("[7,8,1]", f"[{2**64 - 1},-8,1]"), (2**64 - 1, -8, 1)),
        (FILE.replace("home/me/a", r",\"source\":[1,2,3]}"), (7, 8, 1)),
        (FILE.replace("home/me/a", r",\"unreadable\":1"), (7, 8, 1)),
        (CLOSED, None),
        (UNSEEN, None),
        (FILE.replace("[7,8,1]", "[7,8,1,2049]"), None),
        (FILE.replace("[7,8,1]", f"[{2**64},8,1]"), None),
        (FILE.replace("[7,8,1]", "[7,8]"), None),
        (FILE.replace("[7,8,1]", "[7,8,1]]"), None),
        (FILE[:-1] + " \n", None),
        ("", None),
    ],
)
def test_what_is_kept_of_a_line_is_had_without_reading_the_rest(line: str, kept: object) -> None:
    assert plain_source(line) == kept


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "null",
        "[]",
        "{}",
        FILE + "\n",
        FILE[:-1] + " \n",
        FILE[:-1] + "\r\n",
        " " + FILE,
        FILE.replace(",", ", "),
        FILE.replace('"path"', '"Path"'),
        FILE.replace('"uid":1000,', ""),
        FILE.replace('"uid":1000,', '"uid":1000,"uid":1000,'),
        FILE.replace('"uid":1000,"gid":1000', '"gid":1000,"uid":1000'),
        FILE.replace('"source"', '"more":1,"source"'),
        FILE.replace('"file"', '"door"'),
        FILE.replace('"0644"', '"644"'),
        FILE.replace('"0644"', '"00644"'),
        FILE.replace('"0644"', '"0648"'),
        FILE.replace('"0644"', "420"),
        FILE.replace(":1000,", ":-1,", 1),
        FILE.replace(":1000,", ":01000,", 1),
        FILE.replace(":1000,", ":1e3,", 1),
        FILE.replace(":1000,", ':"1000",', 1),
        FILE.replace(":1000,", ":true,", 1),
        FILE.replace(":1000,", ":\u0661,", 1),
        FILE.replace(":1000,", f":{2**32},", 1),
        FILE.replace(":12,", f":{2**64},"),
        FILE.replace(":12,", f":{'9' * 5000},"),
        FILE.replace(":123,", ":-0,"),
        FILE.replace(":123,", ":1.5,"),
        FILE.replace(":123,", f":{'1' * 29},"),
        FILE.replace("[7,8,1]", "[7,8]"),
        FILE.replace("[7,8,1]", "[7,8,1,2,3]"),
        FILE.replace("[7,8,1]", "[-7,8,1]"),
        FILE.replace("[7,8,1]", "[7,8,-1]"),
        FILE.replace("[7,8,1]", f"[{2**64},8,1]"),
        FILE.replace("[7,8,1]", "{}"),
        *(FILE.replace("home/me/a", path) for path in ("/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "/")),
        FILE.replace("home/me/a", r"a\u0000b"),
        FILE.replace("home/me/a", "a\nb"),
        FILE.replace("home/me/a", "a\x7fb"),
        FILE.replace("home/me/a", "é"),
        FILE.replace("home/me/a", r"a\u002fb"),  # a slash that hides
        FILE.replace("home/me/a", r"\/a"),
        FILE.replace("home/me/a", r"\u00E9"),
        FILE.replace("home/me/a", r"\u000a"),  # json writes \n
        FILE.replace("home/me/a", r"\ud800"),
        FILE.replace("home/me/a", r"\udcc3\udca9"),  # two bytes that together are a character
        FILE.replace("home/me/a", r"\x"),
        FILE.replace("home/me/a", '"'),
        LINK.replace(',"target":"ab"', ""),
        LINK.replace('"size":2', '"size":3'),
        LINK.replace('"ab"', r'"a\u0000"'),
        LINK.replace('"source"', '"unreadable":1,"source"'),
        FILE.replace('"source"', '"target":"ab","source"'),
        FILE.replace('"source"', '"rdev":[1,3],"source"'),
        FILE.replace('"source"', '"unreadable":1,"source"'),
        FILE.replace('"file"', '"dir"'),  # with a size
        NULL.replace(',"rdev":[1,3]', ""),
        NULL.replace("[1,3]", "[1]"),
        NULL.replace("[1,3]", f"[1,{2**32}]"),
        NULL.replace(',"rdev":[1,3]', ',"rdev":[1,3],"rdev":[1,3]'),
        CLOSED.replace('"unreadable":1', '"unreadable":0'),
        CLOSED.replace('"unreadable":1', '"unreadable":true'),
    ],
)
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        parse_line(line)


@given(st.text())
@example(FILE[:-2])
@example("[" * 5000)
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(ValueError):
        parse_line(text)


NAMES = (
    st.binary(min_size=1, max_size=12).map(lambda name: name.replace(b"\0", b"0")).filter(lambda n: n != b"/" * len(n))
)
PATHS = st.lists(NAMES.map(lambda name: name.replace(b"/", b"_")), min_size=1, max_size=4).map(b"/".join)
NUMBERS = st.integers(0, 2**32 - 1)


@given(st.data())
def test_what_a_manifest_would_write_is_read_back(data: st.DataObject) -> None:
    path = data.draw(PATHS.filter(lambda each: not {b".", b".."} & set(each.split(b"/"))))
    kind = data.draw(st.sampled_from(["file", "dir", "symlink", "fifo", "socket", "char", "block"]))
    target = data.draw(NAMES) if kind == "symlink" else None
    size = len(target) if target is not None else data.draw(st.integers(0, 2**63)) if kind == "file" else 0
    shared: dict[str, Any] = {
        "path": path,
        "type": kind,
        "mode": data.draw(st.integers(0, 0o7777)),
        "uid": data.draw(NUMBERS),
        "gid": data.draw(NUMBERS),
        "size": size,
        "mtime_ns": data.draw(st.integers(-(2**70), 2**70)),
        "target": target,
        "rdev": data.draw(st.tuples(NUMBERS, NUMBERS)) if kind in ("char", "block") else None,
    }
    ino, ctime_ns, nlink, dev = (data.draw(NUMBERS) for _ in range(4))
    line = re.sub(r',"ino":\d+', "", to_line(Entry(**shared, ino=0)))

    read = parse_line(f'{line[:-2]},"source":[{ino},{ctime_ns},{nlink},{dev}]}}\n')

    assert read == SourceEntry(**shared, ino=ino, ctime_ns=ctime_ns, nlink=nlink, dev=dev)


@given(st.data())
def test_a_line_with_a_byte_changed_is_refused_or_the_one_way_to_write_what_was_read(data: st.DataObject) -> None:
    line = data.draw(st.sampled_from([FILE, LINK, NULL, CLOSED, UNSEEN]))
    at = data.draw(st.integers(0, len(line)))
    changed = line[:at] + data.draw(st.text(max_size=3)) + line[at + data.draw(st.integers(0, 3)) :]
    try:
        read = parse_line(changed)
    except ValueError:
        return

    values = json.loads(changed)
    assert json.dumps(values, separators=(",", ":")) == changed.removesuffix("\n")
    assert os.fsencode(values["path"]) == read.path
    assert values["source"][:3] == [read.ino, read.ctime_ns, read.nlink]
