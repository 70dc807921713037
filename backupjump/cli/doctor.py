"""`backupjump doctor`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from backupjump import desktop_help
from backupjump.cli.render import json_array
from backupjump.errors import UsageError
from backupjump.escape import shown
from backupjump.operations.doctor.finding import FAIL, Finding
from backupjump.operations.doctor.told import exit_code, summed_up, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.status import Status

    from backupjump.cli.options import Options


@click.command(help=desktop_help.DOCTOR)
@click.argument("desktop", required=False, metavar="[DESKTOP]")
@click.option("--json", "as_json", is_flag=True, help=desktop_help.DOCTOR_JSON)
@click.pass_obj
def doctor(options: Options, desktop: str | None, *, as_json: bool) -> None:
    from backupjump.config.find import find_config

    seen: list[Finding] = []
    waiting = _Waiting(shown=not options.quiet and sys.stderr.isatty())
    findings = _noted(_look(find_config(options.config), desktop, waiting.tell), seen, waiting)
    if as_json:
        json_array(asdict(finding) for finding in findings)
    else:
        _print(findings, quiet=options.quiet)
    if not as_json and not options.quiet:
        click.echo(summed_up(seen))
    raise click.exceptions.Exit(exit_code(seen))


def _look(config: Path, desktop: str | None, telling: Callable[[str], None]) -> Iterator[Finding]:
    from backupjump.config.desktop import is_desktop_file
    from backupjump.config.yaml_file import read_document

    if not is_desktop_file(read_document(config)):
        from backupjump.operations.doctor import on_server

        return on_server.look(config, desktop, telling=telling)
    if desktop is not None:
        raise UsageError(f"{shown(str(config))} is a Desktop's config: it knows no other", hint="backupjump doctor")
    from backupjump.operations.doctor import on_desktop

    return on_desktop.look(config)


def _noted(findings: Iterator[Finding], seen: list[Finding], waiting: _Waiting) -> Iterator[Finding]:
    """Yield the `findings` as they come, note them in `seen`, and show on a terminal what is tried in between."""
    with waiting:
        for finding in findings:
            waiting.end()
            seen.append(finding)
            yield finding
            waiting.begin()


def _print(findings: Iterator[Finding], *, quiet: bool) -> None:
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for finding in findings:
        if not quiet or finding.verdict == FAIL:
            click.echo(told(finding, colour=colour))


class _Waiting:
    """A line on stderr that says what is being tried; gone whenever a finding is printed, and at the end."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._text = "reading the config"
        self._status: Status | None = None

    def tell(self, text: str) -> None:
        """Say what is being tried from now on."""
        self._text = text
        if self._status is not None:
            self._status.update(text)

    def begin(self) -> None:
        """Show it."""
        if self._shown:
            from rich.console import Console
            from rich.text import Text

            self._status = Console(stderr=True).status(Text(self._text))
            self._status.start()

    def end(self) -> None:
        """Take it away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def __enter__(self) -> _Waiting:
        self.begin()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.end()
