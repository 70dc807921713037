"""Who listens on a port, from /proc."""

from __future__ import annotations

import os
import socket

import pytest

from backupjump.operations.doctor.listeners import argv_of, command_lines, listeners, read_table

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("0: 0100007F:07E4 00000000:0000 0A 0:0 0:0 0 0 0 4171553 1", [("127.0.0.1", True)]),
        ("0: 00000000:07E4 00000000:0000 0A 0:0 0:0 0 0 0 1 1", [(".".join("0000"), False)]),
        ("0: 0100007F:07E4 0100007F:9999 01 0:0 0:0 0 0 0 1 1", []),
        ("0: 0100007F:07E5 00000000:0000 0A 0:0 0:0 0 0 0 1 1", []),
        ("0: 00000000000000000000000001000000:07E4 0:0 0A 0:0 0:0 0 0 0 1 1", [("::1", True)]),
        ("0: 00000000000000000000000000000000:07E4 0:0 0A 0:0 0:0 0 0 0 1 1", [("::", False)]),
    ],
)
def test_rows_of_a_little_endian_kernel(row: str, found: list[tuple[str, bool]]) -> None:
    seen = read_table(HEAD + row + "\n", 2020)

    assert [(each.address, each.is_loopback) for each in seen] == found


def test_this_very_process_is_found_by_its_port_and_by_its_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = listeners(port)
        words = argv_of(found)

    assert found.is_loopback
    assert words == dict(command_lines())[os.getpid()]
    assert listeners(port) == ()
