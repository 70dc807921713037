"""A network of this machine's own: another namespace behind a pair of interfaces, whose counters tell what went over.

The far end answers each connection with a shell for the command that comes first, as an sshd would.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.filesystems import command
from program import until

# Four addresses for each process: of two with the same ones, one would count what the other sends.
_FIRST = (os.getpid() % 16384) * 4
HERE, THERE = (f"10.255.{(_FIRST + host) // 256}.{(_FIRST + host) % 256}" for host in (1, 2))
PORT = 7777

_SERVER = f"""
import os, socket
listening = socket.create_server(("{THERE}", {PORT}))
while True:
    connection, _ = listening.accept()
    if os.fork() == 0:
        listening.close()
        line = b""
        while not line.endswith(b"\\n"):
            line += connection.recv(1)
        for fd in (0, 1):
            os.dup2(connection.fileno(), fd)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.execv("/bin/sh", ["sh", "-c", bytes.fromhex(line.decode()).decode()])
    connection.close()
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
"""
# argv: how many bytes from there to let through (-1: all), then `drop` or `kill`, the host, the command.
_CLIENT = f"""#!{sys.executable}
import os, select, signal, socket, sys
left, how, command = int(sys.argv[1]), sys.argv[2], " ".join(sys.argv[4:])
connection = socket.create_connection(("{THERE}", {PORT}))
connection.sendall(command.encode().hex().encode() + b"\\n")
sources = [0, connection.fileno()]
for fd in (0, 1):
    os.set_blocking(fd, True)
while connection.fileno() in sources:
    for fd in select.select(sources, [], [])[0]:
        chunk = os.read(fd, 65536 if fd == 0 or left < 0 else min(65536, left))
        if fd == 0:
            connection.sendall(chunk)
        if not chunk:
            sources.remove(fd)
            if fd == 0:
                connection.shutdown(socket.SHUT_WR)
        elif fd != 0:
            while chunk:
                done = os.write(1, chunk)
                chunk, left = chunk[done:], left - done if left >= 0 else left
            if left == 0 and how == "kill":
                os.killpg(0, signal.SIGKILL)
            elif left == 0:
                os._exit(1)
"""


@dataclass(frozen=True)
class Network:
    """The link to the far end; `interface` is ours."""

    interface: str
    client: Path

    def shell(self, *, cut_after: int = -1, how: str = "drop") -> tuple[str, ...]:
        """Return the argv of a remote shell over the link, which ends or kills its whole group after some bytes."""
        return (str(self.client), str(cut_after), how)

    @property
    def received_bytes(self) -> int:
        """What has come in over the interface so far, headers included."""
        return int(Path(f"/sys/class/net/{self.interface}/statistics/rx_bytes").read_text())


@contextmanager
def network(folder: Path) -> Iterator[Network]:
    """Make the namespace, the interfaces and the far end, and take all of it away at the end."""
    name = f"bj{os.getpid()}"
    client = folder / "client"
    client.write_text(_CLIENT)
    client.chmod(0o755)
    command("ip", "netns", "add", name)
    try:
        command("ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        command("ip", "addr", "add", f"{HERE}/30", "dev", f"{name}a")
        command("ip", "link", "set", f"{name}a", "up")
        command("ip", "-n", name, "addr", "add", f"{THERE}/30", "dev", f"{name}b")
        command("ip", "-n", name, "link", "set", f"{name}b", "up")
        with subprocess.Popen(["ip", "netns", "exec", name, sys.executable, "-c", _SERVER]) as server:
            try:
                until(lambda: _answers(client), what="the far end")
                yield Network(f"{name}a", client)
            finally:
                server.kill()
    finally:
        command("ip", "netns", "del", name)
        with suppress(AssertionError):
            command("ip", "link", "del", f"{name}a")


def _answers(client: Path) -> bool:
    done = subprocess.run(
        [client, "-1", "drop", "far", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20
    )
    return done.returncode == 0
