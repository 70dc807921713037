"""`backupjump store init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.operations.store_init import NewStore

_KIND = {
    "hardlink": "snapshots share whole files by hard links",
    "btrfs": "each snapshot is a subvolume, and shares also the unchanged parts of files",
}
_OWNERSHIP = {
    "native": "as they are (this is root)",
    "fake-super": "in extended attributes (this is not root)",
    "plain": "not kept (this is not root, and there are no extended attributes)",
}


@click.group()
def store() -> None:
    """Make the store that the config names.

    \b
    Examples:
      backupjump store init           an existing folder, empty but for lost+found
      backupjump store init --yes     a folder that has other files in it
    """


@store.command()
@click.option("--yes", is_flag=True, help="Also in a folder that is not empty.")
@click.pass_obj
def init(options: Options, *, yes: bool) -> None:
    """Make the folder `store.path` of the config a store, and print its uuid.

    The folder must exist; it is never made, since a disk that is not mounted is an empty place. What its
    filesystem can do is tried out. How owners are kept, and whether snapshots share by hard links or as
    subvolumes of btrfs (`store.kind`), is fixed for good.

    \b
    Examples:
      backupjump store init
      backupjump --config ./backupjump.yaml store init --yes

    \b
    Exit codes: 0 made, 1 not fit for a store, 2 usage or config.
    """
    from backupjump.config.find import find_config
    from backupjump.config.load import load_server
    from backupjump.operations.store_init import init_store

    server = load_server(find_config(options.config))
    made = init_store(server.store.path, kind=server.store.kind, even_with_files=yes)
    if options.quiet:
        click.echo(made.marker.uuid)
    else:
        _tell(made)


def _tell(made: NewStore) -> None:
    marker = made.marker
    can = {"hard links": marker.hard_links, "xattrs": marker.xattrs, "ACLs": marker.acls, "ns": marker.nanoseconds}
    click.echo(f"{made.path} is a store now.")
    click.echo(f"  uuid        {marker.uuid}")
    click.echo(f"  kind        {marker.kind.value}: {_KIND[marker.kind.value]} ({made.kind_why})")
    click.echo(f"  owners      {marker.ownership.value}: {_OWNERSHIP[marker.ownership.value]}")
    click.echo("  filesystem  " + ", ".join(f"{name}: {'yes' if has else 'no'}" for name, has in can.items()))
    click.echo(f"  time zone   {marker.timezone}")
    if made.others_can_look:
        click.echo(f"  mode        left as it was; others may look into it: chmod 700 {made.path} if nobody should")
    else:
        click.echo("  mode        0700, since files keep the modes that they have on the Desktop")
    click.echo(f"To refuse any other disk that is mounted there, add to the config:  store: {{uuid: {marker.uuid}}}")
