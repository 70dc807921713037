"""`backupjump config`: is the config right, what does it come to, and what may stand in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from backupjump import desktop_help

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.config.yaml_file import Document


@click.group(short_help="Check or show the config; print its schema.")
def config() -> None:
    """Check or show the config; print its schema.

    The config is looked for in this order: --config FILE, $BACKUPJUMP_CONFIG, ./backupjump.yaml,
    ~/.config/backupjump/backupjump.yaml, /etc/backupjump/backupjump.yaml; jobs in jobs/*.yaml beside it,
    machines with a file of their own in jump_nodes/*.yaml and desktops/*.yaml.
    """


@config.command(help=desktop_help.CONFIG_CHECK, short_help="Tell every mistake of the config at its line.")
@click.pass_obj
def check(options: Options) -> None:
    from backupjump.config.desktop import is_desktop_file
    from backupjump.operations.config_check import check_desktop

    document = _document(options)
    lines = check_desktop(document) if is_desktop_file(document) else _check_server(document)
    click.echo("\n".join(lines))


@config.command(short_help="Print the config with every default filled in.")
@click.pass_obj
def show(options: Options) -> None:
    """Print the config with every default filled in, as YAML that can be read again.

    \b
    Examples:
      backupjump config show
    """
    from backupjump.config.desktop import is_desktop_file, load_desktop
    from backupjump.config.load import build_server, read_files
    from backupjump.config.show import desktop_as_yaml, server_as_yaml

    document = _document(options)
    if is_desktop_file(document):
        click.echo(desktop_as_yaml(load_desktop(document.path)), nl=False)
    else:
        files = read_files(document.path)
        own = {f"{file.path.parent.name}/{file.path.name}" for file in files.machines}
        click.echo(server_as_yaml(build_server(files), own_files=own), nl=False)


@config.command(short_help="Print the JSON Schema of a kind of file.")
@click.argument("kind", type=click.Choice(["server", "job", "desktop"]), default="server")
def schema(kind: str) -> None:
    """Print the JSON Schema of a kind of file, for an editor: server, job or desktop.

    \b
    Examples:
      backupjump config schema > backupjump.schema.json
      backupjump config schema job > job.schema.json
    """
    from backupjump.config.schema import schemas

    click.echo(json.dumps(schemas()[kind], indent=2))


def _document(options: Options) -> Document:
    from backupjump.config.find import find_config
    from backupjump.config.yaml_file import read_document

    return read_document(find_config(options.config))


def _check_server(document: Document) -> list[str]:
    from backupjump.config.load import build_server, read_files
    from backupjump.config.notes import JOB_LATER, notes
    from backupjump.escape import shown
    from backupjump.operations.config_check import counted

    files = read_files(document.path)
    server = build_server(files, check_keys=True)
    lines: list[str] = []
    for job in files.jobs:
        lines += notes(job, JOB_LATER)
    counts = (
        counted(len(server.jump_nodes), "JumpNode"),
        counted(len(server.desktops), "Desktop"),
        counted(len(server.jobs), "job"),
    )
    return [*lines, f"{shown(str(document.path))}: good: {', '.join(counts)}"]
