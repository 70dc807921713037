"""Somebody who holds a stolen key and tries what ssh can ask for: each try tells what it got.

`SECRET` is what a service on the attacked machine says to whoever reaches it, by port or by socket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.machines import Machine
from program import until

SECRET_PORT, SECRET_SOCKET = 8080, "/run/secret.sock"
_LOCAL_PORT = 8181
_LISTENS = "0A"
_ANSWER = re.compile(r"remote forward (?:success|failure) for")

_SERVICE = f"""
import os, socket, threading
tcp = socket.create_server(("127.0.0.1", {SECRET_PORT}))
unix = socket.socket(socket.AF_UNIX)
unix.bind("{SECRET_SOCKET}")
unix.listen()
os.chmod("{SECRET_SOCKET}", 0o777)
def serve(server):
    while True:
        server.accept()[0].sendall(b"SECRET.")
threading.Thread(target=serve, args=(tcp,)).start()
print("up", flush=True)
serve(unix)
"""


@contextmanager
def secret_service(machine: Machine) -> Iterator[None]:
    """Have the service run on `machine`."""
    machine.file("/tmp/service.py").write_text(_SERVICE)
    with machine.running("exec python3 /tmp/service.py") as service:
        assert service.stdout is not None
        assert service.stdout.readline() == "up\n"
        yield


def listening(machine: Machine) -> set[str]:
    """Return the addresses and ports that are listened on there: `127.0.0.1:22`, `[::]:22`."""
    found = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/{machine.pid}/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == _LISTENS:
                found.add(_address(local))
    return found


@dataclass(frozen=True)
class Attacker:
    """Who sits on `machine` as `user`; the Host `there` of the ssh_config `config` leads to `target`, with the key."""

    machine: Machine
    user: str
    config: str
    target: Machine

    def prints(self, line: str) -> str:
        """Return all that `line` prints; `-F` and the config belong in the place of `{as}`."""
        said = self.machine.run(f"timeout 20 {line}".replace("{as}", f"-F {self.config}"), user=self.user)
        return said.out + said.err

    def gets_listeners(self, far_ends: Sequence[str]) -> set[str]:
        """Ask for `-R` with all these ends by one login; return what the target listens on more, sockets by path."""
        before = listening(self.target)
        asked = " ".join(f"-R {end}:127.0.0.1:22" for end in far_ends)
        line = f"exec ssh -v -N -F {self.config} {asked} there"
        with self.machine.running(line, user=self.user) as asking:
            assert asking.stdout is not None
            said = ""
            while len(_ANSWER.findall(said)) < len(far_ends) and (more := asking.stdout.readline()):
                said += more
            assert len(_ANSWER.findall(said)) == len(far_ends), said
            sockets = {end for end in far_ends if end.startswith("/") and self.target.file(end).exists()}
            got = (listening(self.target) - before) | sockets
        until(lambda: listening(self.target) == before, what="an end of what was listened on")
        return got

    def reads_through(self, far_ends: Sequence[str]) -> dict[str, str]:
        """Ask for `-L` to all these ends by one login; connect, and return what first comes from each."""
        near_ends = [f"127.0.0.1:{_LOCAL_PORT + number}" for number in range(len(far_ends))]
        asked = " ".join(f"-L {near}:{far}" for near, far in zip(near_ends, far_ends, strict=True))
        line = f"exec ssh -v -N -F {self.config} {asked} there"
        with self.machine.running(line, user=self.user) as asking:
            until(lambda: set(near_ends) <= listening(self.machine) or asking.poll() is not None, what="-L")
            lines = (
                f"(exec 3<>/dev/tcp/{end.replace(':', '/')} && timeout 5 head -c 7 <&3); echo" for end in near_ends
            )
            said = self.machine.run("bash -s", user=self.user, paste="\n".join(lines))
            return dict(zip(far_ends, said.out.splitlines(), strict=True))


def _address(hexadecimal: str) -> str:
    host, port = hexadecimal.split(":")
    octets = bytes.fromhex(host)
    if len(octets) == 4:
        return f"{'.'.join(str(octet) for octet in reversed(octets))}:{int(port, 16)}"
    # Four words in this machine's byte order; of the addresses that matter here, only the last can be other than 0.
    return f"[::{octets[12] or ''}{octets[15] or ''}]:{int(port, 16)}"
