"""Tell a story on the terminal: numbered steps, the commands that are run, what they print."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from backupjump.errors import BackupjumpError
from backupjump.escape import shown
from backupjump.process import Completed, run, shown_argv

# More than enough for a few megabytes on loopback; a demo that hangs says where.
_SECONDS = 300.0
_WIDTH = 112


class Narrator:
    """Says each step with its number, and runs the very commands that it shows."""

    def __init__(self) -> None:
        self.steps = 0

    def step(self, title: str) -> None:
        """Open a new numbered step."""
        self.steps += 1
        self._print(f"\n{self.steps:2}. {title}")

    def say(self, text: str) -> None:
        """Say what happened; every line is indented under its step."""
        for line in text.splitlines():
            self._print(f"    {line}")

    def show(self, argv: Sequence[str], *, into: Path | None = None) -> None:
        """Show a command that is run some other way than by `run`; its output may go `into` a file."""
        self._print(f"    $ {shown(shown_argv(argv))}" + (f" > {shown(shown_argv([str(into)]))}" if into else ""))

    def run(
        self,
        config: Path,
        *words: str,
        quiet: bool = False,
        accepted: Sequence[int] = (0,),
        into: Path | None = None,
    ) -> Completed:
        """Show and run `backupjump --config CONFIG WORDS`; tell what it prints unless `quiet`.

        With `into` its standard output goes to that file, and what it said beside is told, long lines cut. Raises
        BackupjumpError with what it said when it ends with a code that is not `accepted`.
        """
        argv = ("--config", str(config), *words)
        self.show(("backupjump", *argv), into=into)
        done = run((sys.executable, "-m", "backupjump", *argv), timeout=_SECONDS)
        if done.status not in accepted:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise BackupjumpError(f"the demo's command ended with {done.status}: {said}")
        if into is not None:
            into.write_bytes(done.stdout)
            lines = done.stderr.decode("utf-8", "replace").splitlines()
            self.say("\n".join(shown(line, limit=_WIDTH) for line in lines if line.strip()))
        elif not quiet:
            self.say(done.stdout.decode("utf-8", "replace").rstrip())
        return done

    def _print(self, line: str) -> None:
        # By line, also into a pipe: whoever watches shall see each step when it happens.
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
