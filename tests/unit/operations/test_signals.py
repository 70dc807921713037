"""A signal ends what is under way: nobody takes it for a failure of what was being tried."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backupjump.errors import Stopped
from backupjump.operations.doctor.desktop_tunnel import check_own_port
from backupjump.operations.doctor.tunnel_key import TunnelKey
from backupjump.operations.tunnel import open_tunnel
from backupjump.process import signals_as_exceptions
from backupjump.ssh.client_config import Hop
from backupjump.ssh.tunnel import write_config
from backupjump.ssh.tunnel_verdicts import Forward


@contextmanager
def silent_jump_node(folder: Path) -> Iterator[tuple[Forward, list[socket.socket]]]:
    """Yield a way to a JumpNode that never speaks, and the connections to it; each brings this process a signal."""
    came: list[socket.socket] = []

    def listen() -> None:
        while True:
            try:
                came.append(listener.accept()[0])
            except OSError:
                return
            os.kill(os.getpid(), signal.SIGUSR1)

    with socket.create_server(("127.0.0.1", 0)) as listener, signals_as_exceptions(Stopped, signal.SIGUSR1):
        thread = threading.Thread(target=listen)
        thread.start()
        hop = Hop("bj-jump", "127.0.0.1", listener.getsockname()[1], "tunnel", folder / "none", ())
        try:
            yield Forward(jump=hop, port=2020, to_host="localhost", to_port=22), came
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in came:
                each.close()


def test_a_tunnel_that_is_being_opened_is_not_tried_at_the_next_jump_node(tmp_path: Path) -> None:
    with silent_jump_node(tmp_path) as (forward, came):
        with pytest.raises(Stopped):
            open_tunnel([forward, forward], folder=tmp_path, within_seconds=20)

        assert len(came) == 1


def test_doctor_does_not_call_a_port_shut_because_somebody_typed_ctrl_c(tmp_path: Path) -> None:
    with silent_jump_node(tmp_path) as (forward, _came):
        config = write_config([forward.jump], tmp_path)

        with pytest.raises(Stopped):
            list(check_own_port(config, TunnelKey(forward)))
