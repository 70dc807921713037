"""`enroll finish`, on the Server: take a Desktop's reply, write its files, set the JumpNode up, prove the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.config.checks import read_name
from backupjump.errors import BackupjumpError, NoStore, Stopped, StoreError, UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.apply import read_target
from backupjump.operations.enroll.consent import agreed
from backupjump.operations.enroll.fresh_file import let_nobody_else_write
from backupjump.operations.enroll.here import run_or_print_here, script_for_here
from backupjump.operations.enroll.invitation import ROTATE
from backupjump.operations.enroll.on_jump_node import by_hand_lines, jump_node_script, run_or_print
from backupjump.operations.enroll.paste import read_paste
from backupjump.operations.enroll.pending import Pending, ended_with, pending_of, write_pending
from backupjump.operations.enroll.proof import WAITS_SECONDS, prove_way
from backupjump.operations.enroll.reply import Reply, read_reply, short_code
from backupjump.operations.enroll.rotate_finish import Renewal, renewal_steps
from backupjump.operations.enroll.server_files import desktop_text, job_text, write_and_load
from backupjump.operations.site import Site, open_site
from backupjump.ssh.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backupjump.config.models import Desktop

    Say = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class FinishWishes:
    """What was said on the command line of `enroll finish`."""

    text: Path | None = None
    config: Path | None = None
    apply: str | None = None
    lines_only: bool = False
    job: str | None = None
    wait: bool = True
    yes: bool = False


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What came of it: the Desktop, its job, whether the JumpNode's part was run from here, and the way proven."""

    desktop: str
    job: str
    applied: bool
    proven: bool


def finish(wishes: FinishWishes, *, say: Say) -> Finished:
    """Do all of it. Repeated with the same reply it does what is still to do, and says of the rest that it is there."""
    let_nobody_else_write()
    target = read_target(wishes.apply) if wishes.apply else None
    site = open_site(wishes.config)
    reply = read_reply(read_paste(wishes.text, prompt="Paste the reply that `enroll accept` printed:"))
    pending = pending_of(site.state, reply)
    say(*reply_lines(pending, reply))
    if pending.invitation.kind == ROTATE:
        return _renew(
            Renewal(site=site, pending=pending, reply=reply, target=target, wait=wishes.wait, yes=wishes.yes), say
        )
    site, job = _take(site, pending, reply, wishes, say)
    desktop = site.server.desktops[reply.desktop]
    if pending.jump_node is None:
        script = script_for_here(site.server, pending, reply, lines_only=wishes.lines_only)
        applied = run_or_print_here(script, asked=target is not None, say=say)
    else:
        script = jump_node_script(site.server, pending, reply, lines_only=wishes.lines_only)
        say(*by_hand_lines(site.server, site.config_file, pending))
        applied = run_or_print(script, target, site.server.jump_nodes[pending.jump_node], say=say)
    if wishes.wait:
        _prove(site, desktop, say)
    elif not applied:
        say("First the script above, in a root shell over there; until then nobody comes in.")
    say(*next_lines(site, job))
    return Finished(desktop=desktop.name, job=job, applied=applied, proven=wishes.wait)


def _renew(renewal: Renewal, say: Say) -> Finished:
    for _step in renewal_steps(renewal, say=say):
        pass
    name = renewal.reply.desktop
    job = next((job.name for job in renewal.site.server.jobs.values() if job.desktop == name), name)
    return Finished(desktop=name, job=job, applied=renewal.target is not None, proven=renewal.wait)


def reply_lines(pending: Pending, reply: Reply) -> list[str]:
    """Return what a person must see of a reply before it is taken."""
    asked = pending.invitation.read
    more = [folder for folder in reply.read if folder not in asked]
    return [
        f"Desktop {reply.desktop} answers. It must show this code too: {short_code(pending.invitation, reply)}",
        f"  account     {shown(reply.user)}",
        f"  host key    {' or '.join(fingerprint(key) for key in reply.host_keys)}",
        f"  tunnel key  {fingerprint(reply.tunnel_key)}",
        f"  lets read   {', '.join(shown(folder) for folder in reply.read)}",
        *([f"              (not asked for: {', '.join(shown(folder) for folder in more)})"] if asked and more else []),
        f"  hooks       {', '.join(reply.hooks) or 'none'}",
        *(f"  {key:<11} {shown(value)}" for key, value in sorted(reply.versions.items())),
    ]


def _take(site: Site, pending: Pending, reply: Reply, wishes: FinishWishes, say: Say) -> tuple[Site, str]:
    """Write the Desktop's file and a job for it, where there are none; return the Server as it is then, and the job."""
    invitation, folder = pending.invitation, site.config_file.parent
    known = site.server.desktops.get(reply.desktop)
    if known is None and pending.reply not in (None, reply.digest):
        raise UsageError(
            f"the enrolment of {reply.desktop} ended with another reply than this one; nothing was changed",
            hint=f"begin anew: backupjump enroll new {reply.desktop}",
        )
    if known is not None and known.revoked:
        raise UsageError(f"desktop {reply.desktop} is revoked; nothing was changed", hint="enroll it by another name")
    if known is not None and known.tunnel_key != reply.tunnel_key:
        raise UsageError(
            f"desktop {reply.desktop} is in the config with other keys than this reply has; nothing was changed",
            hint=f"new keys for it: backupjump enroll rotate {reply.desktop}",
        )
    texts: dict[Path, str] = {}
    if known is None:
        texts[folder / "desktops" / f"{reply.desktop}.yaml"] = desktop_text(
            invitation, reply, jump_node=pending.jump_node, identity_file=pending.identity_file
        )
    job = _job_for(site, reply, wishes.job)
    if job not in site.server.jobs:
        texts[folder / "jobs" / f"{job}.yaml"] = job_text(reply)
    if not texts:
        say(f"Desktop {reply.desktop} and its job {job} are in the config; nothing was changed there.")
        return site, job
    say("This will be written:", *(f"  {shown(str(path))}" for path in texts))
    if not agreed("Does the Desktop show that code, and shall it be so?", yes=wishes.yes):
        raise BackupjumpError("nothing was changed")
    write_and_load(site.config_file, texts)
    write_pending(site.state, ended_with(pending, reply))
    return open_site(site.config_file), job


def _job_for(site: Site, reply: Reply, wished: str | None) -> str:
    """Return the name of the Desktop's job, which may have to be written; UsageError for a name that can't be one."""
    jobs = sorted(job.name for job in site.server.jobs.values() if job.desktop == reply.desktop)
    name = wished or (jobs[0] if jobs else reply.desktop)
    try:
        read_name(name)
    except ValueError as error:
        raise UsageError(f"--job {shown(name)} {error}") from error
    other = site.server.jobs.get(name)
    if other is not None and other.desktop != reply.desktop:
        raise UsageError(
            f"job {name} backs up desktop {other.desktop}; nothing was changed", hint="another name: --job NAME"
        )
    return name


def _prove(site: Site, desktop: Desktop, say: Say) -> None:
    by_tunnel = next(route for route in site.routes_to(desktop) if not route.is_direct)
    try:
        gate = prove_way(by_tunnel, seconds=WAITS_SECONDS, say=say)
    except Stopped:
        say("What is done stays; to go on: backupjump enroll finish, with the same reply.")
        raise
    roots = ", ".join(f"{shown(root)} ({shown(state)})" for root, state in gate.roots.items())
    say(f"Proven: logged in to desktop {desktop.name} through its tunnel.", f"Its gate lets be read: {roots}.")


def next_lines(site: Site, job: str) -> list[str]:
    """Return what to type next: the store, if there is none yet, and the first run."""
    try:
        site.marker()
    except NoStore:
        return ["Next: backupjump store init", f"then: backupjump run {job}"]
    except StoreError as error:
        return [f"The store: {error}", f"then: backupjump run {job}"]
    return [f"Next: backupjump run {job}"]
