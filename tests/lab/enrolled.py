"""An enrolment in the lab: a bare Server and a bare Desktop beside its sshds, and each command as it is typed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backupjump.demo.lab import Lab
from program import Said

FOREIGN = "# not ours\nssh-ed25519 AAAAsomebody else\n"


@dataclass(frozen=True)
class Enrolment:
    """The lab, with nothing enrolled at first. Server and Desktop have a folder each; the JumpNode's keys are one file,
    since the lab's roles share an account.
    """

    lab: Lab
    server: Path
    desktop: Path

    @property
    def desktop_keys(self) -> Path:
        """The authorized_keys of the Desktop."""
        return self.lab.desktop.authorized_keys

    @property
    def jump_keys(self) -> Path:
        """The authorized_keys of the JumpNode."""
        return self.lab.jump.authorized_keys

    def new(self, *words: str, name: str = "laptop", port: int | None = None) -> Said:
        """Type `enroll new` on the Server."""
        lab = self.lab
        return self.on(
            self.server,
            *("enroll", "new", name, "--jump", f"127.0.0.1:{lab.jump.port}", "--port", str(port or lab.tunnel_port)),
            *("--jump-host-key", lab.jump.host_key_public, "--user", lab.user, "--tunnel-user", lab.user),
            *("--jump-keys", str(self.jump_keys), "--read", str(lab.home), "--yes", *words),
        )

    def accept(self, invitation: str, *words: str, folder: Path | None = None) -> Said:
        """Paste `invitation` at `enroll accept` on the Desktop."""
        to = ("--to", f"127.0.0.1:{self.lab.desktop.port}", "--authorized-keys", str(self.desktop_keys))
        return self.on(folder or self.desktop, "enroll", "accept", *to, "--yes", *words, paste=invitation)

    def finish(self, reply: str, *words: str) -> Said:
        """Paste `reply` at `enroll finish` on the Server."""
        return self.on(self.server, "enroll", "finish", "--yes", *words, paste=reply)

    def on_jump_node(self, script: str) -> str:
        """Paste `script` into a shell on the JumpNode, and return what it told."""
        done = subprocess.run(["sh"], input=script, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout

    def enrolled(self) -> str:
        """Enrol the Desktop without waiting for its tunnel, and return its reply."""
        reply = good(self.accept(good(self.new()).out)).out
        self.on_jump_node(good(self.finish(reply, "--lines-only", "--no-wait")).out)
        return reply

    def on(self, folder: Path, *words: str, paste: str = "", seconds: float = 60) -> Said:
        """Run the program with the config in `folder`."""
        argv = [sys.executable, "-m", "backupjump", "--config", str(folder / "backupjump.yaml"), *words]
        done = subprocess.run(argv, input=paste, capture_output=True, text=True, timeout=seconds, check=False)
        return Said(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def tunnel(self) -> Iterator[None]:
        """Have the Desktop's tunnel open, as its config says."""
        argv = [sys.executable, "-m", "backupjump", "--config", str(self.desktop / "backupjump.yaml"), "tunnel", "open"]
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as running:
            try:
                assert running.stdout is not None
                assert "The tunnel stands" in running.stdout.readline()
                yield
            finally:
                running.terminate()
                running.communicate(timeout=30)

    def state(self) -> dict[str, bytes]:
        """Return every file of both folders and both authorized_keys with its content, to be compared."""
        files = [path for folder in (self.server, self.desktop) for path in folder.rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in (*files, self.desktop_keys, self.jump_keys)}


def enrolment(lab: Lab) -> Enrolment:
    """Take from the lab what it has set up by itself, and return what can be enrolled."""
    made = Enrolment(lab, lab.folder / "bare-server", lab.folder / "bare-desktop")
    for folder in (made.server, made.desktop):
        folder.mkdir(mode=0o700)
    for keys in (made.jump_keys, made.desktop_keys):
        keys.write_text(FOREIGN)
    config = made.server / "backupjump.yaml"
    config.write_text(f"store: {{path: {lab.store}}}\nstate_dir: {made.server}/state\n")
    # As root the Desktop would remember in /var/lib/backupjump.
    (made.desktop / "backupjump.yaml").write_text(f"state_dir: {made.desktop}/state\n")
    (lab.home / "notes").write_text("what matters")
    return made


def good(said: Said) -> Said:
    """Return what was said, which must have been a success."""
    assert said.code == 0, said.err
    return said
