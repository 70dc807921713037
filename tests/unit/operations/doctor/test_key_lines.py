"""Lines of authorized_keys as sshd reads them, and what is amiss with those of the Server's key."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest

from backupjump.operations.doctor.key_lines import (
    KeyLine,
    data_lines,
    lan_sources,
    mend_key,
    mend_line,
    read_lines,
    right_options,
    too_much,
)
from backupjump.operations.doctor.on_desktop import keys_end
from backupjump.operations.enroll.authorized_keys import DATA, Mark, data_line

BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIKuNLFqluA2BL5C/kUU5vwpExeaOsYSI19FeROzUpawc"
KEY = f"ssh-ed25519 {BLOB}"
OTHER = KEY.replace("KuNL", "KuNM")
GATE = ("/usr/bin/python3", "-I", "/home/me/backupjump-desktop.pyz", "gate", "--config", "/home/me/bj.yaml")
MARK = Mark(DATA, "laptop", "0a1b2c3d")
MANAGED = data_line(MARK, KEY, gate_argv=GATE, expires=None)
TODAY = date(2026, 11, 22)


def only(text: str) -> KeyLine:
    (line,) = read_lines(text.encode())
    return line


def test_the_line_that_enrolment_writes_is_read_back_and_gives_nothing_away() -> None:
    line = only(MANAGED)

    assert (line.public_key, line.comment, line.gate_argv) == (KEY, str(MARK), GATE)
    assert too_much(line, today=TODAY) == ()


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        ("", []),
        (f"# {KEY} once\n\n{KEY} a b\n", ["a b"]),
        (f'command="echo \\"{KEY}\\", or",no-pty {KEY} quoted\n{OTHER}\n', ["quoted", ""]),
        (f"\t {KEY} indented\r\n", ["indented"]),
        ("ssh-ed25519\nnonsense\nrestrict\n", []),
        (f'command="open {KEY} x\n', []),
    ],
)
def test_lines_are_read_as_sshd_reads_them(text: str, comments: list[str]) -> None:
    assert [line.comment for line in read_lines(text.encode())] == comments


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (f"{KEY} {MARK}", "opens a shell"),
        (MANAGED.replace("restrict,", ""), "`restrict` is missing"),
        (MANAGED.replace("restrict,", "restrict,pty,agent-forwarding,"), "gives back agent-forwarding, pty"),
        (MANAGED.replace("127.0.0.1,::1", "127.0.0.1,10.*"), "good from the network too"),
        (MANAGED.replace('from="127.0.0.1,::1",', ""), "good from the network too"),
        (MANAGED.replace('command="', 'command="true; '), "opens a shell"),
        (MANAGED.replace("/home/me/backupjump", "~/backupjump"), "opens a shell"),
        (MANAGED.replace(" gate ", " serve "), "opens a shell"),
        (MANAGED.replace("restrict,", 'restrict,expiry-time="20261122",'), "takes it no more"),
        (MANAGED.replace("restrict,", 'restrict,expiry-time="20261123",'), ""),
    ],
)
def test_what_a_line_gives_away_is_said(line: str, word: str) -> None:
    said = "; ".join(too_much(only(line), today=TODAY))

    assert word in said
    assert bool(said) == bool(word)


@pytest.mark.parametrize(
    ("sources", "lan"),
    [
        ("127.0.0.1,::1", ""),
        ("127.0.0.1,::1,192.168.1.7", "192.168.1.7"),
        ("127.0.0.1,::1,203.0.113.9,fd00:1::/64", "203.0.113.9,fd00:1::/64"),
        ("127.0.0.1,192.168.1.0/24", "192.168.1.0/24"),
        ("127.0.0.1,203.0.113.0/24", ""),
        ("127.0.0.1,0.0.0.0/0", ""),
        ("127.0.0.1,::/0", ""),
        ("127.0.0.1,192.168.*", ""),
        ("127.0.0.1,server.lan", ""),
        ("127.0.0.1,!192.168.1.7", ""),
    ],
)
def test_the_addresses_that_route_direct_needs_are_told_from_wider_ones(sources: str, lan: str) -> None:
    line = only(MANAGED.replace("127.0.0.1,::1", sources))

    assert ",".join(lan_sources(line)) == lan
    assert bool(too_much(line, today=TODAY)) == (not lan and sources != "127.0.0.1,::1")
    mended = right_options(line, gate_argv=GATE, sources=lan_sources(line))
    assert mended.startswith(f'restrict,from="127.0.0.1,::1{"," if lan else ""}{lan}",command=')


def test_another_line_of_the_same_key_is_the_server_s_too() -> None:
    lines = read_lines(f"{OTHER} person\n{MANAGED}\n{KEY} forgotten\n".encode())

    assert [line.comment for line in data_lines(lines)] == [str(MARK), "forgotten"]


def test_without_a_mark_the_gate_tells_whose_line_it_is() -> None:
    text = f'command="/usr/bin/backupjump-gate --config /etc/bj.yaml" {KEY} server\n{OTHER} person\n'

    assert [line.comment for line in data_lines(read_lines(text.encode()))] == ["server"]


@pytest.mark.parametrize("before", ["", "no-pty ", 'command="a & b|c",from="10.*" '])
def test_the_command_that_mends_a_line_leaves_all_others_alone(tmp_path: Path, before: str) -> None:
    file = tmp_path / "its keys"
    file.write_text(f"# {KEY} off\n{OTHER} person\n{before}{KEY} {MARK}\n")
    line = data_lines(read_lines(file.read_bytes()))[0]

    subprocess.run(["sh", "-c", mend_line(line, right_options(line, gate_argv=GATE), file=str(file))], check=True)

    assert file.read_text() == f"# {KEY} off\n{OTHER} person\n{MANAGED}\n"


def test_options_with_what_sed_or_a_shell_would_act_on_arrive_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{KEY} x\n")
    options = "command=\"a 'b' & c | d \\1 $(id)\""

    subprocess.run(["sh", "-c", mend_key(KEY, options, file=str(file))], check=True)

    assert file.read_text() == f"{options} {KEY} x\n"


@pytest.mark.parametrize(
    ("by_config", "by_lines", "ends"),
    [
        (None, (), None),
        (None, ("",), None),
        (None, ("20271231",), date(2027, 12, 31)),
        (None, ("20271231", "202803010000Z"), date(2028, 3, 1)),
        (None, ("20271231", ""), None),
        (date(2026, 1, 1), ("20271231",), date(2026, 1, 1)),
        (date(2029, 1, 1), ("20271231",), date(2027, 12, 31)),
        (date(2029, 1, 1), ("never",), date(2029, 1, 1)),
    ],
)
def test_keys_end_with_the_tunnel_s_or_with_the_last_line_of_the_server_s(
    by_config: date | None, by_lines: tuple[str, ...], ends: date | None
) -> None:
    options = [f'expiry-time="{day}" ' if day else "" for day in by_lines]
    lines = [line for each in options for line in read_lines(f"{each}{KEY} server".encode())]

    assert keys_end(by_config, lines) == ends
