"""`backupjump ssh-config`: the way to a Desktop, for ssh, scp and rsync by hand."""

from __future__ import annotations

import click

from backupjump.cli.options import Options


@click.command()
@click.argument("desktop", required=False)
@click.pass_obj
def ssh_config(options: Options, desktop: str | None) -> None:
    """Print the ssh_config of the way to DESKTOP, or to all Desktops.

    It is the very config that a run uses: the same route, keys and pinned host keys. A Desktop is
    called bj-NAME there, by its further ways bj-NAME+2 and so on; a JumpNode is called bj-jump-NAME.

    \b
    Examples:
      backupjump ssh-config desktop > f
      ssh -F f bj-desktop
      scp -F f bj-desktop:notes.txt .
      rsync -av -e "ssh -F f" bj-desktop:Documents .
    """
    from backupjump.config.load import desktop_named
    from backupjump.operations.site import open_site
    from backupjump.ssh import route

    site = open_site(options.config)
    # The keys of a revoked one may be gone.
    all_of_them = [each for each in site.server.desktops.values() if not each.revoked]
    wanted = [desktop_named(site.server, desktop)] if desktop is not None else all_of_them
    routes = [way for each in wanted for way in site.routes_to(each)]
    for each in routes:
        route.prepare(each)
    click.echo(route.ssh_config(*routes, aes=route.hops_for_aes(*routes)), nl=False)
