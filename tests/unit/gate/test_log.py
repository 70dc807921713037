import os
import socket
from pathlib import Path

from backupjump.gate.log import log_line, send_to_syslog


def test_a_refusal_is_one_bounded_line_in_the_log(tmp_path: Path) -> None:
    address = str(tmp_path / "log")
    line = log_line("refused: not-understood: a control byte", b"ls\n<0>forged\x1b[2J" + b"x" * 100_000)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(address)

        assert send_to_syslog(line, address=address)

        datagram = log.recv(65536).decode()
    assert datagram.startswith("<36>")
    assert (
        f" backupjump-gate[{os.getpid()}]: refused: not-understood: a control byte: ls\\n<0>forged\\x1b[2J" in datagram
    )
    assert datagram.isprintable()
    assert len(datagram) < 700


def test_without_a_syslog_nothing_fails(tmp_path: Path) -> None:
    assert not send_to_syslog("line", address=str(tmp_path / "log"))
