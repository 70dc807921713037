"""Lines of authorized_keys: ours by their mark, all others byte for byte."""

import os
import stat
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.errors import BackupjumpError
from backupjump.operations.enroll.authorized_keys import (
    DATA,
    HOP,
    TUNNEL,
    Mark,
    data_line,
    foreign_line_with,
    hop_line,
    hop_mark,
    mark_of,
    marks_in,
    read_keys_file,
    sources_of,
    tunnel_line,
    with_line,
    without_lines,
    write_keys_file,
)
from enroll_world import DATA_KEY, HOP_KEY, TUNNEL_KEY

MARK = Mark(TUNNEL, "laptop", "0123abcd")
LINE = tunnel_line(MARK, TUNNEL_KEY, port=2020, expires=None)
FOREIGN = b"# mine\n\nssh-ed25519 AAAA somebody\r\nrestrict ssh-rsa BBBB backupjump:not:ours\n\xff\xfe odd"


def test_each_line_holds_its_key_to_one_thing() -> None:
    data = data_line(
        Mark(DATA, "laptop", "0123abcd"),
        DATA_KEY,
        gate_argv=("/usr/bin/python3", "-I", "/x/b.pyz", "gate", "--config", "/c.yaml"),
        expires=date(2027, 12, 31),
    )

    assert data == (
        'restrict,from="127.0.0.1,::1",command="/usr/bin/python3 -I /x/b.pyz gate --config /c.yaml",'
        f'expiry-time="20271231" {DATA_KEY} backupjump:data:laptop:0123abcd'
    )
    assert (
        'restrict,port-forwarding,permitlisten="127.0.0.1:2020",permitlisten="localhost:2020",'
        f'permitopen="127.0.0.1:1" {TUNNEL_KEY} backupjump:tunnel:laptop:0123abcd'
    ) == LINE
    hop = hop_line(hop_mark("jumpnode", HOP_KEY), HOP_KEY)
    assert hop.startswith('restrict,port-forwarding,permitopen="127.0.0.1:2020",permitopen="localhost:2020",')
    assert hop.count("permitopen=") == 32
    assert ':2035",permitlisten="127.0.0.1:1" ssh-ed25519 ' in hop
    assert mark_of(hop.encode()) == hop_mark("jumpnode", HOP_KEY)
    assert hop_mark("jumpnode", HOP_KEY) != hop_mark("jumpnode", DATA_KEY)


@pytest.mark.parametrize("word", ['/a"b', "/a b", "/a$b", "/a\\b", "/a;b", "/a`b", "/a\nb", ""])
def test_no_path_gets_into_the_forced_command_that_a_shell_could_take_for_code(word: str) -> None:
    with pytest.raises(BackupjumpError, match="shell could misread"):
        data_line(Mark(DATA, "laptop", "0123abcd"), DATA_KEY, gate_argv=("/gate", "--config", word), expires=None)


@pytest.mark.parametrize("key", [TUNNEL_KEY + "\nssh-ed25519 AAAA", TUNNEL_KEY + " x", "AAAA", ""])
def test_no_second_line_gets_in_with_a_key(key: str) -> None:
    with pytest.raises(ValueError, match=r"key|empty"):
        tunnel_line(MARK, key, port=2020, expires=None)


@pytest.mark.parametrize(
    "mark", [Mark(TUNNEL, "a\nb", "0123abcd"), Mark(TUNNEL, "a b", "0123abcd"), Mark(TUNNEL, "a", "x")]
)
def test_no_second_line_gets_in_with_a_name(mark: Mark) -> None:
    with pytest.raises(ValueError, match=r"may hold|hexadecimal"):
        tunnel_line(mark, TUNNEL_KEY, port=2020, expires=None)


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        (LINE.encode(), MARK),
        (LINE.encode() + b"\r", MARK),
        (b"# " + LINE.encode(), None),
        (LINE.encode() + b" more", None),
        (LINE.encode() + b"0", None),
        (b"backupjump:tunnel:laptop:0123abcd", MARK),
        (b"ssh-ed25519 AAAA backupjump:shell:laptop:0123abcd", None),
        (b"", None),
    ],
)
def test_a_line_is_ours_by_its_mark_alone(line: bytes, mark: Mark | None) -> None:
    assert mark_of(line) == mark


@pytest.mark.parametrize("before", [b"", b"\n", FOREIGN, FOREIGN + b"\n", b"one"])
def test_a_line_is_added_and_taken_out_again_and_every_other_byte_stays(before: bytes) -> None:
    with_it = with_line(before, LINE)

    assert with_it.startswith(before)
    assert with_it.endswith(LINE.encode() + b"\n")
    assert with_line(with_it, LINE) == with_it
    assert without_lines(with_it, [MARK]) in (before, before + b"\n")


def test_a_line_of_the_same_enrolment_is_replaced_where_it_stands_and_one_of_another_stays() -> None:
    older = with_line(FOREIGN + b"\n", tunnel_line(MARK, TUNNEL_KEY, port=2021, expires=None))
    other = tunnel_line(Mark(TUNNEL, "laptop", "99999999"), DATA_KEY, port=2022, expires=None)

    both = with_line(with_line(older, other), LINE)

    assert marks_in(both) == (MARK, Mark(TUNNEL, "laptop", "99999999"))
    assert both == FOREIGN + b"\n" + LINE.encode() + b"\n" + other.encode() + b"\n"
    assert with_line(both + LINE.encode() + b"\n", LINE) == both


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"backupjump:" not in line), max_size=6))
def test_no_content_of_another_s_lines_is_changed(lines: list[bytes]) -> None:
    before = b"\n".join(lines) + b"\n"

    assert without_lines(with_line(before, LINE), [MARK]) == before


def test_a_line_of_somebody_else_for_the_same_key_is_found() -> None:
    free = f"# x\nssh-ed25519 {DATA_KEY.split()[1]} me\n".encode()

    assert foreign_line_with(free, DATA_KEY) == 2
    assert foreign_line_with(b"# " + free.split(b"\n")[1], DATA_KEY) is None
    assert foreign_line_with(LINE.encode(), TUNNEL_KEY) is None


def test_the_file_is_made_private_and_keeps_the_mode_that_it_had(tmp_path: Path) -> None:
    file = tmp_path / ".ssh/authorized_keys"

    write_keys_file(file, b"one\n")
    made = stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)
    file.chmod(0o640)
    write_keys_file(file, b"two\n")

    assert made == (0o600, 0o700)
    assert (read_keys_file(file), stat.S_IMODE(file.stat().st_mode)) == (b"two\n", 0o640)
    assert [path.name for path in file.parent.iterdir()] == ["authorized_keys"]


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    link = tmp_path / "authorized_keys"
    link.symlink_to(elsewhere)
    folder = tmp_path / "linked"
    folder.symlink_to(tmp_path)

    for path in (link, folder / "new"):
        with pytest.raises(BackupjumpError, match="a link"):
            write_keys_file(path, b"x")

    assert elsewhere.read_text() == "theirs"
    assert not (tmp_path / "new").exists()


@pytest.mark.needs_root
def test_a_file_of_another_account_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "authorized_keys"
    file.write_text("theirs")
    os.chown(file, 65534, 65534)

    with pytest.raises(BackupjumpError, match="another account's"):
        write_keys_file(file, b"x")

    assert file.read_text() == "theirs"


def test_a_hop_line_reaches_further_ports_where_a_desktop_has_one() -> None:
    line = hop_line(Mark(HOP, "jumpnode", "0123abcd"), HOP_KEY, ports={2020, 30000})

    assert line.count("permitopen=") == 4
    assert 'permitopen="localhost:30000"' in line


def test_new_keys_are_good_from_where_the_old_ones_were() -> None:
    lan = "127.0.0.1,::1,192.168.1.7"
    old, new = Mark(DATA, "laptop", "0123abcd"), Mark(DATA, "laptop", "89abcdef")
    line = data_line(old, DATA_KEY, gate_argv=("/g",), expires=None, sources=lan)

    assert sources_of(f"{line}\n".encode() + FOREIGN, new) == lan
    assert sources_of(FOREIGN, new) == "127.0.0.1,::1"
    assert sources_of(line.encode().replace(b"192.168.1.7", b"$(touch x)"), new) == "127.0.0.1,::1"
