"""`backupjump enroll repin`, `revoke` and `rotate`: what becomes of keys after the enrolment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.cli.options import Options


@click.command(short_help="Pin the new host key of a reinstalled machine.")
@click.argument("name", required=False)
@click.option("--jump-node", is_flag=True, help="NAME is a JumpNode, where a desktop has that name too.")
@click.option("--fingerprint", metavar="SHA256:…", help="The key that the machine has; another one is refused.")
@click.option("--yes", is_flag=True, help="Don't ask; needs --fingerprint.")
@click.pass_obj
def repin(options: Options, name: str | None, fingerprint: str | None, *, jump_node: bool, yes: bool) -> None:
    """Put the host key that NAME offers now in place of the pinned one, once you have compared it.

    On the Server NAME is a desktop or a JumpNode of the config; on a Desktop it is its JumpNode's host,
    and may be left out where there is one. Nothing is sent to the machine but what asks for its key, and
    the machines before it on the way are held to their pinned keys. Only the one value in the file changes.

    \b
    Examples:
      backupjump enroll repin laptop
      backupjump enroll repin jumpnode --yes --fingerprint SHA256:…

    \b
    Exit codes: 0 pinned, or it was already; 1 nobody said yes, or it is not the key that was said; 75 the machine can't
    be reached.
    """
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
