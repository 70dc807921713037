"""The lab's reverse tunnel."""

from __future__ import annotations

import time
from pathlib import Path

from backupjump import process
from backupjump.demo.roles import Login
from backupjump.demo.sshd import write_private


class DemoTunnel:
    """A reverse tunnel that stands."""

    def __init__(self, folder: Path, login: Login, port: int, to_port: int) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(folder / "known_hosts", f"bj-jump {login.host_key}\n")
        options = ["HostKeyAlias=bj-jump", f'UserKnownHostsFile="{folder}/known_hosts"', "ExitOnForwardFailure=yes"]
        options += ["IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=yes"]
        argv = ["ssh", "-v", "-N", "-T", "-F", "none", "-R", f"127.0.0.1:{port}:127.0.0.1:{to_port}"]
        argv += [word for option in options for word in ("-o", option)]
        argv += ["-i", str(login.identity_file), "-p", str(login.port), f"{login.user}@127.0.0.1"]
        with (folder / "log").open("wb") as log:
            self._ssh = process.spawn(argv, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while b"remote forward success" not in (folder / "log").read_bytes():
            if self._ssh.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.01)

    def close(self) -> None:
        self._ssh.stop(grace=2)
