"""A socket that ends when it has brought too much."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from backupjump.ssh.metered import Metered


@pytest.fixture
def far() -> Iterator[tuple[Metered, socket.socket]]:
    """A metered socket that allows ten bytes, and its far end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Metered(ours, 10), theirs


def test_what_is_allowed_arrives(far: tuple[Metered, socket.socket]) -> None:
    metered, theirs = far
    theirs.sendall(b"0123456789")

    assert metered.recv(100) == b"0123456789"
    assert not metered.used_up


def test_one_byte_more_is_the_end_for_good(far: tuple[Metered, socket.socket]) -> None:
    metered, theirs = far
    theirs.sendall(b"0123456789x")

    assert metered.recv(100) == b""
    metered.allow(1000)
    theirs.sendall(b"more")
    assert metered.recv(100) == b""
    assert metered.used_up


def test_more_can_be_allowed_before_it_is_used_up(far: tuple[Metered, socket.socket]) -> None:
    metered, theirs = far
    theirs.sendall(b"0123456789")
    metered.recv(100)
    metered.allow(5)
    theirs.sendall(b"01234")

    assert metered.recv(100) == b"01234"


def test_all_else_is_the_socket_s_own(far: tuple[Metered, socket.socket]) -> None:
    metered, theirs = far
    metered.sendall(b"hello")

    assert theirs.recv(100) == b"hello"
    assert metered.fileno() >= 0
