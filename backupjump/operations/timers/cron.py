"""Timers of cron: a block of lines in the crontab of the account that types this. Every other line stays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.errors import BackupjumpError, ProgramMissing
from backupjump.escape import shown_lines
from backupjump.operations.timers.change import Change
from backupjump.operations.timers.plan import in_local_time, owner_of, plan_timers
from backupjump.timing.cron import block, cron_lines, with_block

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backupjump.operations.site import Site
    from backupjump.timing.slots import Timer

_SECONDS = 60.0


def crontab_text(site: Site, timers: Sequence[Timer], *, environ: Mapping[str, str]) -> str:
    """Return the block of the config's lines, "" for none."""
    lines = [line for each in timers for line in cron_lines(each, in_local_time=in_local_time(each, environ=environ))]
    return block(lines, owner=owner_of(site)) if lines else ""


def plan_install(site: Site, *, environ: Mapping[str, str]) -> tuple[Change, ...]:
    """Return what has to change in the crontab. UsageError for marks that don't pair, ProgramMissing without a cron."""
    return _plan(site, crontab_text(site, plan_timers(site, environ=environ).timers, environ=environ))


def plan_remove(site: Site) -> tuple[Change, ...]:
    """Return what has to change so that the crontab has no line of this config's."""
    return _plan(site, "")


def carry_out(changes: Sequence[Change]) -> None:
    """Write the crontab anew. BackupjumpError, with nothing changed, when it is no longer what was shown."""
    for change in changes:
        if _crontab().decode("utf-8", "surrogateescape") != change.before:
            raise BackupjumpError("the crontab has changed meanwhile; nothing is written", hint="the same again")
        after = (change.after or "").encode("utf-8", "surrogateescape")
        done = process.run(["crontab", "-"], stdin=after, timeout=_SECONDS)
        if done.status != 0:
            raise BackupjumpError(f"crontab refused the lines: {shown_lines(done.stderr, lines=3)}")


def _plan(site: Site, text: str) -> tuple[Change, ...]:
    now = _crontab()
    then = with_block(now, text, owner=owner_of(site))
    if now == then:
        return ()
    before, after = (each.decode("utf-8", "surrogateescape") for each in (now, then))
    return (Change(where=f"crontab of uid {os.geteuid()}", before=before, after=after),)


def _crontab() -> bytes:
    try:
        done = process.run(["crontab", "-l"], timeout=_SECONDS)
    except ProgramMissing as error:
        hint = "on Debian or Ubuntu: sudo apt-get install cron    # or: backupjump timers systemd"
        raise ProgramMissing("there is no cron on this machine", hint=hint) from error
    if done.status == 0:
        return done.stdout
    # Source: Debian's crontab.c; other crons say the same.
    if b"no crontab for" in done.stderr:
        return b""
    raise BackupjumpError(f"crontab -l failed: {shown_lines(done.stderr, lines=3)}")
