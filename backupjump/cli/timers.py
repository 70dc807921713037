"""`backupjump timers`: let systemd, cron or launchd start the jobs when they are due."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backupjump.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.cli.options import Options
    from backupjump.operations.site import Site
    from backupjump.operations.timers.change import Change
    from backupjump.operations.timers.plan import Planned

_KINDS = ("systemd", "cron", "launchd")


@click.command(short_help="Let systemd, cron or launchd start each job when it is due.")
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--install", is_flag=True, help="Set them up for this account, after showing what changes.")
@click.option("--remove", is_flag=True, help="Take out what --install has set up.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def timers(options: Options, kind: str, *, install: bool, remove: bool, yes: bool) -> None:
    """Print what starts each job of the config that has a schedule, or set it up with --install.

    A timer starts `run JOB --if-due` at the schedule's clock times and each hour besides, more often for
    one that counts from its last snapshot, such as `every: 6 hours`; the run itself knows whether it is
    due. So a night that was slept through, a reboot and both ends of summer time are made up for.

    As root systemd's units are the system's, else this account's. --install is typed again after each
    change of a schedule; it also takes out the timers of jobs that are gone. What backupjump did not
    write is never touched. For launchd there is only text, which nobody has tried on a Mac yet.

    \b
    Examples:
      backupjump timers systemd
      sudo backupjump timers systemd --install
      backupjump timers cron --install --yes
      backupjump timers systemd --remove

    \b
    Exit codes: 0 done, or nothing to do, or not agreed to; 1 failed, 2 usage or config.
    """
    from backupjump.operations.site import open_site
    from backupjump.operations.timers.plan import plan_timers

    if install and remove:
        raise UsageError("--install and --remove contradict each other", hint="leave one of them out")
    site = open_site(options.config)
    if remove:
        return _change(site, kind, remove=True, yes=yes)
    planned = plan_timers(site, environ=os.environ)
    _note(planned, kind)
    if install:
        return _change(site, kind, remove=False, yes=yes)
    return _print(site, planned, kind)


def _note(planned: Planned, kind: str) -> None:
    from backupjump.operations.timers.plan import foreign_zones, unknown_zones

    zones = unknown_zones(planned) if kind == "systemd" else foreign_zones(planned, environ=os.environ)
    notes = [*planned.notes, *zones]
    if kind == "launchd":
        notes.append("this text has not been tried on a Mac")
    for note in notes:
        click.echo(f"note: {note}", err=True)


def _print(site: Site, planned: Planned, kind: str) -> None:
    from backupjump.operations.timers import cron, launchd, systemd

    if kind == "cron":
        return click.echo(cron.crontab_text(site, planned.timers, environ=os.environ), nl=False)
    files = (
        systemd.unit_files(site, planned.timers, systemd.manager_here(os.environ))
        if kind == "systemd"
        else launchd.plist_files(site, planned.timers, environ=os.environ)
    )
    return click.echo("\n".join(f"# {path}\n{text}" for path, text in files.items()), nl=False)


def _change(site: Site, kind: str, *, remove: bool, yes: bool) -> None:
    from backupjump.operations.timers import cron

    if kind == "launchd":
        raise UsageError(
            "launchd's files have to be put in place by hand",
            hint="backupjump timers launchd    # then each file into its folder, and: launchctl bootstrap",
        )
    if kind == "systemd":
        return _change_systemd(site, remove=remove, yes=yes)
    changes = cron.plan_remove(site) if remove else cron.plan_install(site, environ=os.environ)
    if _agreed(changes, yes=yes):
        cron.carry_out(changes)
    return None


def _change_systemd(site: Site, *, remove: bool, yes: bool) -> None:
    from backupjump.operations.timers import systemd
    from backupjump.operations.timers.plan import plan_timers

    manager = systemd.manager_here(os.environ)
    changes = systemd.plan_remove(site, manager) if remove else systemd.plan_install(site, manager, environ=os.environ)
    if not _agreed(changes, yes=yes):
        return
    systemd.carry_out(changes, manager)
    if not remove:
        files = systemd.unit_files(site, plan_timers(site, environ=os.environ).timers, manager)
        if (to_type := systemd.start([Path(path) for path in files], manager)) != "":
            click.echo(f"next: {to_type}")


def _agreed(changes: Sequence[Change], *, yes: bool) -> bool:
    """Show `changes` and return whether to go on: with none of them nobody is asked."""
    from backupjump.operations.enroll.consent import agreed

    if not changes:
        click.echo("nothing to change")
        return True
    for change in changes:
        click.echo("\n".join(change.lines()))
    return agreed("Change this?", yes=yes)
