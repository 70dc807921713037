"""`backupjump enroll`: new on the Server, accept on the Desktop, finish on the Server; and what becomes of the keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backupjump import desktop_help
from backupjump.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from datetime import date

    from backupjump.cli.options import Options
    from backupjump.operations.enroll.invitation import Invitation

_COMMANDS = {
    "new": ("backupjump.cli.enroll", "new", "On the Server: print an invitation for a Desktop."),
    "accept": ("backupjump.cli.enroll", "accept", "On the Desktop: take the invitation, print a reply."),
    "finish": ("backupjump.cli.enroll", "finish", "On the Server: take the reply, set the JumpNode up, prove the way."),
    "repin": ("backupjump.cli.enroll_keys", "repin", "Pin the new host key of a reinstalled machine."),
    "rotate": ("backupjump.cli.enroll_keys", "rotate", "On the Server: new keys, while the old ones go on."),
    "revoke": ("backupjump.cli.enroll_keys", "revoke", "Take keys back for good; what was backed up stays."),
}
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=LazyGroup, table=_COMMANDS)
def enroll() -> None:
    """Set a Desktop up: each key is made where it lives, and only public halves travel.

    \b
    Examples:
      server$  backupjump enroll new laptop --jump jumpnode.domain.ext --store /srv/backups --read /home/me --bundle
      desktop$ python3 backupjump-desktop.pyz enroll accept
      server$  backupjump enroll finish --apply root@jumpnode.domain.ext
    """


@click.command()
@click.argument("name")
@click.option("--jump", metavar="HOST[:PORT]", help="The JumpNode; left out where the config has one alone.")
@click.option("--jump-node", metavar="NAME", help="The JumpNode by its name in the config, or the name for a new one.")
@click.option("--jump-host-key", metavar="KEY", help="Its host key, a line or SHA256:…; any other one is refused.")
@click.option("--store", type=click.Path(path_type=Path), metavar="DIR", help="A bare Server: where backups are kept.")
@click.option("--read", multiple=True, metavar="DIR", help="A folder to ask for; may be given several times.")
@click.option("--user", metavar="NAME", help="This Server's account on a new JumpNode.  [default: bjserver]")
@click.option("--tunnel-user", metavar="NAME", help="The Desktops' account there.  [default: tunnel]")
@click.option("--jump-keys", metavar="FILE", help="Where its sshd looks for keys, %u the account; else in ~/.ssh.")
@click.option("--port", type=int, metavar="N", help="The tunnel's end there.  [default: the lowest free one from 2020]")
@click.option("--route", default="proxyjump", show_default=True, help="proxyjump, proxycommand or local.")
@click.option("--here", metavar="HOST[:PORT]", help="Route local: how the Desktop reaches this Server's own sshd.")
@click.option("--expires", metavar="DAY", help="A day such as 2027-12-31 on which the keys end; by default never.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    is_flag=False,
    flag_value=Path("backupjump-desktop.pyz"),
    metavar="[FILE]",
    help="Write the one-file program for the Desktop, too.",
)
@click.option("--yes", is_flag=True, help="Don't ask; for a new JumpNode it needs --jump-host-key.")
@click.pass_obj
def new(
    options: Options, /, name: str, read: tuple[str, ...], expires: str | None, bundle: Path | None, **words: Any
) -> None:
    """Print an invitation for the Desktop NAME, to be pasted there at `enroll accept`.

    On a bare Server it writes the config, makes the key for the JumpNode and pins the JumpNode's host key, once you
    have compared it. The invitation goes to stdout, all else to stderr. Until its reply is back, the same words give
    the same invitation again.

    \b
    Examples:
      backupjump enroll new laptop --jump jumpnode.domain.ext --store /srv/backups --read /home/me --bundle
      backupjump enroll new second --read /home/you
      backupjump enroll new third --expires 2027-12-31 > invitation.txt

    \b
    Exit codes: 0 printed, 1 nobody said yes or another host key, 2 usage or config, 75 the JumpNode can't be reached.
    """
    from backupjump.operations.enroll.new import propose
    from backupjump.operations.enroll.new_wishes import NewWishes

    accounts = {key: words.pop(key) for key in ("user", "tunnel_user")}
    chosen = {key: value for key, value in accounts.items() if value is not None}
    wishes = NewWishes(name=name, config=options.config, read=read, expires=read_day(expires), **chosen, **words)
    invitation = propose(wishes, say=_say)
    if bundle is not None:
        _write_bundle(bundle)
    hand_over(invitation)


@click.command(help=desktop_help.ENROLL_ACCEPT)
@click.argument("file", type=_FILE, required=False)
@click.option("--user-config", type=_FILE, metavar="FILE", help=desktop_help.ENROLL_ACCEPT_CONFIG)
@click.option("--read", multiple=True, metavar="DIR", help=desktop_help.ENROLL_ACCEPT_READ)
@click.option("--hooks", type=click.Choice(["none"]), help=desktop_help.ENROLL_ACCEPT_HOOKS)
@click.option(
    "--to", default="localhost:22", show_default=True, metavar="HOST:PORT", help=desktop_help.ENROLL_ACCEPT_TO
)
@click.option("--authorized-keys", type=_FILE, metavar="FILE", help=desktop_help.ENROLL_ACCEPT_KEYS)
@click.option("--no-wait", is_flag=True, help=desktop_help.ENROLL_ACCEPT_NO_WAIT)
@click.option("--yes", is_flag=True, help=desktop_help.ENROLL_ACCEPT_YES)
@click.pass_obj
def accept(options: Options, /, file: Path | None, user_config: Path | None, **words: Any) -> None:
    from backupjump.operations.enroll.accept import accept as accept_invitation
    from backupjump.operations.enroll.accept_plan import Wishes

    wishes = Wishes(
        text=file,
        config=user_config or options.config,
        read=words["read"],
        hooks=words["hooks"] is None,
        to=words["to"],
        authorized_keys=words["authorized_keys"],
        wait=not words["no_wait"],
        yes=words["yes"],
    )
    raise click.exceptions.Exit(accept_invitation(wishes))


@click.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--apply", metavar="USER@HOST[:PORT]", help="Set the JumpNode up by your own ssh, as root or by sudo -n.")
@click.option("--lines-only", is_flag=True, help="On the JumpNode only the key lines; the rest is there already.")
@click.option(
    "--job", metavar="NAME", help="The job that is written where there is none yet.  [default: the Desktop's]"
)
@click.option("--run", "then_run", is_flag=True, help="Make the first backup at once.")
@click.option("--no-wait", is_flag=True, help="Don't wait for the tunnel, nothing is proven then.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def finish(context: click.Context, /, file: Path | None, *, then_run: bool, no_wait: bool, **words: Any) -> None:
    """Take the reply of a Desktop: write its files, set the JumpNode up, and prove the way to its gate.

    Without --apply, or where nobody gets in, one script for a root shell on the JumpNode is printed on stdout; it can
    be repeated. The first Desktop of a JumpNode needs root there; each further one is a line for the account
    `tunnel`. Then it waits for the Desktop's tunnel and logs in through it. Repeating it with the same reply does
    what is still to do.

    \b
    Examples:
      backupjump enroll finish --apply root@jumpnode.domain.ext
      backupjump enroll finish reply.txt > on-the-jumpnode.sh

    \b
    Exit codes: 0 proven (--no-wait: written), 1 refused or nobody said yes, 2 not a reply, usage or config, 75 the
    tunnel did not come.
    """
    from backupjump.operations.enroll.finish import FinishWishes
    from backupjump.operations.enroll.finish import finish as finish_enrolment

    options: Options = context.obj
    finished = finish_enrolment(FinishWishes(text=file, config=options.config, wait=not no_wait, **words), say=_say)
    if then_run:
        from backupjump.cli.run import run

        raise click.exceptions.Exit(context.invoke(run, jobs=(finished.job,)) or 0)


def hand_over(invitation: Invitation) -> None:
    """Print an invitation on stdout, and beside it what to do with it and the code to compare."""
    from backupjump.operations.enroll.invitation import write_invitation

    _say(f"For desktop {invitation.desktop}, to be pasted there at: backupjump enroll accept", "")
    click.echo(write_invitation(invitation), nl=False)
    jump = invitation.jump
    host = f"[{jump.host}]" if ":" in jump.host else jump.host
    login = f"root@{host}" + (f":{jump.port}" if jump.port != 22 else "")
    apply = "" if invitation.route == "local" else f" --apply {login}"
    _say("", f"It has the code {invitation.code}; the Desktop shows it before it asks: compare them.")
    _say(f"The reply that it prints belongs here: backupjump enroll finish{apply}")


def _write_bundle(path: Path) -> None:
    from backupjump.operations.bundle import write_bundle

    written = write_bundle(path)
    _say(
        f"Wrote {written.path} ({written.size_bytes // 1000} kB, SHA256 {written.sha256}).",
        "Copy it to the Desktop; there: python3 backupjump-desktop.pyz enroll accept",
    )


def read_day(text: str | None) -> date | None:
    """Return the day that --expires names, None without one."""
    from backupjump.config.checks import read_date
    from backupjump.errors import UsageError

    try:
        return None if text is None else read_date(text)
    except ValueError as error:
        raise UsageError(f"--expires {text!r} {error}") from error


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)
