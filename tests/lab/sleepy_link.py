"""A laptop's link to the JumpNode on loopback: it can be cut, and it dies without a word when the laptop sleeps."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

_LOOPBACK = "127.0.0.1"


class SleepyLink:
    """Listens at `port` for what is meant for `to_port`; `with` ends it. It is up at first."""

    def __init__(self, port: int, to_port: int) -> None:
        self.port = port
        self._to_port = to_port
        self._listening: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self.come_up()

    def come_up(self) -> None:
        """Let connections through again; those of before stay dead."""
        self._listening = socket.create_server((_LOOPBACK, self.port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        """End every connection at both ends; nobody is let through until it comes up again."""
        self._stop_listening()
        for pair in self._taken():
            _close(*pair)

    def fall_silent(self) -> None:
        """Let nothing through any more. The JumpNode's sshd has given the laptop up; the laptop hears nothing of it."""
        self._stop_listening()
        with self._lock:
            for _near, far in self._pairs:
                _close(far)

    def __enter__(self) -> SleepyLink:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.cut()

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            _close(listening)

    def _taken(self) -> list[tuple[socket.socket, socket.socket]]:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        return pairs

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                try:
                    far = socket.create_connection((_LOOPBACK, self._to_port))
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._pairs.append((near, far))
                threading.Thread(target=self._carry_out, args=(near, far), daemon=True).start()
                threading.Thread(target=self._carry_back, args=(far, near), daemon=True).start()

    def _carry_out(self, near: socket.socket, far: socket.socket) -> None:
        _carry(near, far)
        _close(far)

    def _carry_back(self, far: socket.socket, near: socket.socket) -> None:
        _carry(far, near)
        if self._listening is not None:  # else nobody is there to tell it
            _close(near)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)  # a thread that waits at it would keep it open
        each.close()
