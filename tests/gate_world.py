"""The gate as sshd starts it, without sshd: a folder to read, a secret beside it, and the words of the Server."""

from __future__ import annotations

import json
import os
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_program import desktop_argv

CLUSTER = "-logDtpre.iLsfxCIvu"
SECRET = "what nobody may read"


@dataclass(frozen=True)
class GateWorld:
    """`home` is what the gate allows; `secret` lies outside of it, `link` inside leads to its folder."""

    folder: Path
    config: Path
    home: Path
    secret: Path
    program: tuple[str, ...] = ()

    @property
    def argv(self) -> list[str]:
        """The forced command: by default from the Desktop's one file, by the system's own Python."""
        return [*(self.program or desktop_argv("gate")), "--config", str(self.config)]

    def ask(
        self, command: bytes | str | None, *, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Start the gate with `command` as what the Server asked for, None for nothing at all."""
        asked = {} if command is None else {b"SSH_ORIGINAL_COMMAND": os.fsencode(command)}
        plain = {os.fsencode(name): os.fsencode(value) for name, value in {**os.environ, **(env or {})}.items()}
        return subprocess.run(
            self.argv,
            env={**plain, **asked},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def told(self, command: str) -> Any:
        """Return the JSON that the gate answers with."""
        return json.loads(self.ask(command).stdout)

    def listed(self, *words: str, around: tuple[str, ...] = ()) -> list[str]:
        """Return the lines that `bj1 list` answers with; `around` are words to start the gate by."""
        environment = {**os.environ, "SSH_ORIGINAL_COMMAND": " ".join(["bj1 list", *words])}
        done = subprocess.run(
            [*around, *self.argv],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        return zlib.decompress(done.stdout).decode("ascii").removesuffix("\n").split("\n")

    def remote_shell(self) -> Path:
        """Return a program for `rsync -e` that hands the command to the gate, as sshd would."""
        program = self.folder / "through-the-gate"
        gate = " ".join(f"'{word}'" for word in self.argv)
        program.write_text(f'#!/bin/sh\nshift\nSSH_ORIGINAL_COMMAND="$*" exec {gate}\n')
        program.chmod(0o755)
        return program

    def rsync(self, *words: str | Path, source: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Pull `source`, by default `home`, into the folder `got`, through the gate."""
        from_there = f"desktop:{source or self.home}/"
        return self.rsync_of(*words, "-e", self.remote_shell(), from_there, f"{self.got}/")

    def rsync_of(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run rsync with these very words."""
        return subprocess.run(
            ["rsync", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )

    @property
    def got(self) -> Path:
        """Where pulls of a test go."""
        return self.folder / "got"

    def names(self) -> set[str]:
        """Return the names of all files that came in."""
        return {str(path.relative_to(self.got)) for path in self.got.rglob("*") if path.is_file()}

    def secrets_got(self) -> list[Path]:
        """Return every file that came in and holds the secret."""
        files = (path for path in self.got.rglob("*") if path.is_file() and not path.is_symlink())
        return [path for path in files if SECRET in path.read_text(errors="replace")]


def gate_world(folder: Path, *, policy: dict[str, Any] | None = None, program: tuple[str, ...] = ()) -> GateWorld:
    """Make the world below `folder`; `policy` are further keys of `gate:`, `program` is another gate to start."""
    world = GateWorld(folder, folder / "desktop.yaml", folder / "home/me", folder / "outside/secret", program)
    for each in (world.home / "sub", world.secret.parent, folder / "home2", folder / "home/me2"):
        each.mkdir(parents=True)
    world.secret.write_text(SECRET)
    (folder / "home/me2/secret").write_text(SECRET)
    (world.home / "notes").write_text("notes")
    (world.home / "sub/secret").write_text("a file that only has the name")
    (world.home / "link").symlink_to("../../outside")
    gate = {"read": [str(world.home)], **(policy or {})}
    world.config.write_text(json.dumps({"gate": gate, "state_dir": str(folder / "state")}))
    world.config.chmod(0o600)
    return world


def pull_command(path: Path | str, *options: str, cluster: str = CLUSTER) -> str:
    """Return what rsync on the Server asks for to read the folder `path`."""
    return " ".join(["rsync", "--server", "--sender", cluster, *options, ".", f"{str(path).rstrip('/')}/"])


def rsync_that_does_not_confine(folder: Path) -> Path:
    """Return an rsync as it was before 3.5.0: it knows no --confine-root."""
    program = folder / "old-rsync"
    refusal = "echo 'rsync: --confine-root: unknown option' >&2; exit 1"
    program.write_text(
        f'#!/bin/sh\nfor word do case $word in --confine-root*) {refusal} ;; esac; done\nexec rsync "$@"\n'
    )
    program.chmod(0o755)
    return program


def open_files() -> set[str]:
    """Return the numbers of the descriptors that this process has open."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@contextmanager
def swapped_all_the_time(path: Path, target: Path) -> Iterator[None]:
    """Put a link to `target` in the place of the folder `path`, and the folder back, over and over for a while."""
    told, stop = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(stop)
        os.set_blocking(told, False)
        _swap_until_told(told, path, target)
    os.close(told)
    try:
        yield
    finally:
        os.close(stop)
        os.waitpid(pid, 0)


def _swap_until_told(told: int, path: Path, target: Path) -> None:
    aside = Path(f"{path}.aside")
    while True:
        try:
            os.read(told, 1)
            os._exit(0)
        except BlockingIOError:
            path.rename(aside)
            path.symlink_to(target)
            path.unlink()
            aside.rename(path)
