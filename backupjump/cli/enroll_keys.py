"""`backupjump enroll repin`, `revoke` and `rotate`: what becomes of keys after the enrolment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backupjump import desktop_help

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.cli.options import Options


@click.command(help=desktop_help.ENROLL_REPIN)
@click.argument("name", required=False)
@click.option("--jump-node", is_flag=True, help="NAME is a JumpNode, where a desktop has that name too.")
@click.option("--fingerprint", metavar="SHA256:…", help=desktop_help.ENROLL_REPIN_FINGERPRINT)
@click.option("--yes", is_flag=True, help=desktop_help.ENROLL_REPIN_YES)
@click.pass_obj
def repin(options: Options, name: str | None, fingerprint: str | None, *, jump_node: bool, yes: bool) -> None:
    from backupjump.config.find import find_config
    from backupjump.operations.enroll.repin import Consent

    config, consent = find_config(options.config), Consent(yes=yes, fingerprint=fingerprint)
    if _is_desktop(config):
        from backupjump.operations.enroll.repin_on_desktop import repin_jump_node

        _tell(repin_jump_node(config, name, consent), options)
        return
    from backupjump.operations.enroll.repin_on_server import repin_machine

    if name is None:
        raise click.UsageError("which machine? name a desktop or a JumpNode of the config")
    _tell(repin_machine(config, name, consent, jump_node=jump_node), options)


def _is_desktop(config: Path) -> bool:
    from backupjump.config.desktop import is_desktop_file
    from backupjump.config.yaml_file import read_document

    return is_desktop_file(read_document(config))


def _tell(lines: tuple[str, ...], options: Options) -> None:
    if not options.quiet:
        click.echo("\n".join(lines))
