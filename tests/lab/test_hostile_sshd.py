"""What answers at the tunnel's end is no sshd, and wants this Server's memory: before it has shown any host key."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backupjump.demo.lab import Lab
from lab.fault_world import Place
from measured import measured_run

pytestmark = pytest.mark.lab

MEBIBYTE = 1 << 20
# What the program takes anyway, with room: Python, fabric and pydantic alone are 60 MiB.
MOST_MEMORY = 150 * MEBIBYTE
BANNER = b"SSH-2.0-OpenSSH_9.2\r\n"
LARGEST_PACKET = b"\xff\xff\xff\xfc"
# An SSH_MSG_IGNORE (RFC 4253, 11.2): length, padding, type 2, an empty text, padding.
IGNORED = b"\x00\x00\x00\x0c\x06\x02\x00\x00\x00\x00" + b"\0" * 6


@contextmanager
def answering(port: int, first: bytes, then: bytes) -> Iterator[None]:
    """Let each connection to `port` get `first`, and then `then` over and over, as fast as it is read."""
    with socket.create_server(("127.0.0.1", port)) as server:
        threading.Thread(target=_answer, args=(server, first, then), daemon=True).start()
        yield
        server.shutdown(socket.SHUT_RDWR)


def _answer(server: socket.socket, first: bytes, then: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _address = server.accept()
            threading.Thread(target=_flood, args=(client, first, then * 4096), daemon=True).start()


def _flood(client: socket.socket, first: bytes, then: bytes) -> None:
    with client, contextlib.suppress(OSError):
        client.sendall(first)
        while True:
            client.sendall(then)


LONG_LINE_OR_PACKET = ((b"", b"x" * 16), (BANNER + LARGEST_PACKET, b"x" * 16))
NO_END_OF_SMALL_ONES = ((b"", b"hello\r\n"), (BANNER, IGNORED))


@pytest.mark.parametrize("floods", [LONG_LINE_OR_PACKET, pytest.param(NO_END_OF_SMALL_ONES, marks=pytest.mark.long)])
def test_a_flood_in_the_place_of_a_login_ends_soon_and_fills_no_memory(
    lab: Lab, floods: tuple[tuple[bytes, bytes], ...]
) -> None:
    place = Place(lab)
    lab.desktop.stop()

    for first, then in floods:
        with answering(lab.desktop.port, first, then):
            said = measured_run(place.config, "nightly")

        assert said.code in (1, 75), said
        assert said.run["attempts"] == 0
        assert "desktop desktop" in said.run["error"]["message"]
        assert said.seconds < 30
        assert said.memory_bytes < MOST_MEMORY
        assert not (place.folder / "work").exists() or list((place.folder / "work").iterdir()) == []
