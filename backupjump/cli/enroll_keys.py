"""`backupjump enroll repin`, `revoke` and `rotate`: what becomes of keys after the enrolment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backupjump import desktop_help

if TYPE_CHECKING:
    from backupjump.cli.options import Options


@click.command(help=desktop_help.ENROLL_REPIN)
@click.argument("name", required=False)
@click.option("--jump-node", metavar="NAME", help="A JumpNode, where a desktop has that name too.")
@click.option("--fingerprint", metavar="SHA256:…", help=desktop_help.ENROLL_REPIN_FINGERPRINT)
@click.option("--yes", is_flag=True, help=desktop_help.ENROLL_REPIN_YES)
@click.pass_obj
def repin(options: Options, name: str | None, jump_node: str | None, fingerprint: str | None, *, yes: bool) -> None:
    from backupjump.config.find import find_config
    from backupjump.operations.enroll.repin import Consent

    config, consent = find_config(options.config), Consent(yes=yes, fingerprint=fingerprint)
    if _is_desktop(config):
        from backupjump.operations.enroll.repin_on_desktop import repin_jump_node

        _tell(repin_jump_node(config, name, consent), options)
        return
    from backupjump.operations.enroll.repin_on_server import repin_machine

    if (name is None) == (jump_node is None):
        raise click.UsageError("which machine? name a desktop or a JumpNode of the config")
    named = name or jump_node or ""
    repinned = repin_machine(config, named, consent, jump_node=jump_node is not None)
    _tell(repinned.lines, options)
    if repinned.script is not None:
        from backupjump.operations.enroll.jump_node import to_paste

        _say("Was it installed anew? Then its accounts and key lines are gone too; for a root shell there:", "")
        click.echo(to_paste(repinned.script), nl=False)


@click.command(short_help="New keys, while the old ones go on.")
@click.argument("name", required=False)
@click.option("--jump-node", metavar="NAME", help="Our own key for this JumpNode, instead of a desktop's keys.")
@click.option("--apply", metavar="USER@HOST[:PORT]", help="With --jump-node: change it there by your own ssh.")
@click.option("--expires", metavar="DAY", help="The day on which the new keys end, such as 2028-12-31.")
@click.option("--yes", is_flag=True, help="With --jump-node: don't ask.")
@click.pass_obj
def rotate(
    options: Options,
    name: str | None,
    jump_node: str | None,
    apply: str | None,
    expires: str | None,
    *,
    yes: bool,
) -> None:
    """Print an invitation to new keys for the desktop NAME, to be pasted there at `enroll accept`.

    Its reply belongs here, at `enroll finish`: then the JumpNode lets the new tunnel key in, the Desktop opens its
    tunnel with it, this Server logs in with its new data key, and only then the old keys go. Broken off anywhere,
    backups go on; the same invitation and reply once more go on from there. Without --expires new keys end never, or,
    where the old ones ended on a day, in a year.

    \b
    Examples:
      backupjump enroll rotate laptop
      backupjump enroll rotate laptop --expires 2028-12-31 > invitation.txt
      backupjump enroll rotate --jump-node jumpnode --apply root@jumpnode.domain.ext

    \b
    Exit codes: 0 printed (--jump-node: renewed), 1 refused or nobody said yes, 2 usage or config, 75 the JumpNode
    can't be reached.
    """
    from backupjump.config.find import find_config

    if (name is None) == (jump_node is None):
        raise click.UsageError("name a desktop, or --jump-node NAME")
    if _is_desktop(find_config(options.config)):
        raise click.UsageError("keys are renewed from the Server, and this is a Desktop's config")
    if jump_node is not None:
        _rotate_hop(options, jump_node, apply, yes=yes)
        return
    if apply is not None:
        raise click.UsageError("--apply belongs to `enroll finish`, once the reply is here")
    from backupjump.cli.enroll import hand_over, read_day
    from backupjump.operations.enroll.rotate import RotateWishes, propose_rotation
    from backupjump.run import utc_now

    assert name is not None
    today = utc_now().astimezone().date()
    wishes = RotateWishes(name=name, today=today, config=options.config, expires=read_day(expires))
    invitation = propose_rotation(wishes, say=_say)
    hand_over(invitation)


@click.command(help=desktop_help.ENROLL_REVOKE)
@click.argument("name", required=False)
@click.option("--apply", metavar="USER@HOST[:PORT]", help="Change the JumpNode by your own ssh, as root or by sudo -n.")
@click.option(
    "--authorized-keys", type=click.Path(path_type=Path), metavar="FILE", help=desktop_help.ENROLL_ACCEPT_KEYS
)
@click.option("--yes", is_flag=True, help=desktop_help.ENROLL_REVOKE_YES)
@click.pass_obj
def revoke(options: Options, name: str | None, apply: str | None, authorized_keys: Path | None, *, yes: bool) -> None:
    from backupjump.config.find import find_config

    config = find_config(options.config)
    if _is_desktop(config):
        from backupjump.operations.enroll.revoke_on_desktop import withdraw

        if name is not None or apply is not None:
            raise click.UsageError("on a Desktop it stands alone: backupjump enroll revoke")
        withdraw(config, authorized_keys=authorized_keys, yes=yes, say=_say)
        return
    from backupjump.errors import BackupjumpError
    from backupjump.operations.enroll.revoke import revoke as revoke_desktop

    if name is None:
        raise click.UsageError("which desktop? backupjump enroll revoke NAME")
    if not revoke_desktop(config, name, apply=apply, yes=yes, say=_say) and apply is not None:
        raise BackupjumpError(
            f"the JumpNode still lets desktop {name} in", hint="paste there what is printed, or the same again"
        )


def _rotate_hop(options: Options, name: str, apply: str | None, *, yes: bool) -> None:
    from backupjump.operations.enroll.apply import read_target
    from backupjump.operations.enroll.rotate_hop import hop_renewal_steps, renewal_of
    from backupjump.operations.site import open_site

    target = read_target(apply) if apply else None
    for _step in hop_renewal_steps(renewal_of(open_site(options.config), name, target=target, yes=yes), say=_say):
        pass


def _is_desktop(config: Path) -> bool:
    from backupjump.config.desktop import is_desktop_file
    from backupjump.config.yaml_file import read_document

    return is_desktop_file(read_document(config))


def _tell(lines: tuple[str, ...], options: Options) -> None:
    if not options.quiet:
        _say(*lines)


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)
