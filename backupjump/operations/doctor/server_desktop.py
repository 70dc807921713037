"""doctor on the Server: a Desktop through its tunnel: the gate, the rsync, the folders and hooks that its jobs name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from backupjump.config.models import RouteKind
from backupjump.errors import BackupjumpError, ConfigError, Stopped
from backupjump.escape import shown
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from backupjump.operations.doctor.key_lines import mend_key
from backupjump.operations.doctor.server_mends import public_half
from backupjump.operations.doctor.server_nodelay import look_at_delay
from backupjump.operations.doctor.server_tunnel import not_reached
from backupjump.operations.doctor.server_words import edit, evidence_of, listed, on, quoted
from backupjump.operations.enroll.expiry import expiry_warning, renewal
from backupjump.operations.gate import ask_gate
from backupjump.operations.openings import late_opening
from backupjump.operations.probe import check_gate, probe
from backupjump.rsync.version import check_desktop, read_version
from backupjump.run import utc_now
from backupjump.ssh.control import open_control
from backupjump.ssh.route import prepare
from backupjump.timing.cadence import next_due

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from backupjump.config.models import Desktop, Job, Server, Way
    from backupjump.operations.gate import Gate
    from backupjump.ssh.control import Control
    from backupjump.ssh.route import Route

_CLOCK_TOLERANCE = timedelta(minutes=5)
_TRUE_SECONDS = 15.0
_CONFIG = "~/.config/backupjump/backupjump.yaml"
_EDIT = f"${{EDITOR:-vi}} {_CONFIG}"
_INSTALL_RSYNC = "on the Desktop, as root: apt-get update && apt-get install rsync"


@dataclass(frozen=True)
class WayTo:
    """One way to a Desktop, as the config has it and as ssh goes it."""

    desktop: Desktop
    way: Way
    route: Route


def look_at_desktop(there: WayTo, jobs: Sequence[Job], server: Server, *, open_at: str) -> Iterator[Finding]:
    """Yield what can be said of a Desktop at the far end of a way whose hops before it are in order.

    `open_at` is where its tunnel was found to stand by an earlier way, empty if it was not.
    """
    desktop, way, route = there.desktop, there.way, there.route
    try:
        prepare(route)
    except ConfigError as error:
        yield Finding("desktop.login", SKIP, f"desktop {desktop.name}: {evidence_of(error)}")
        return
    try:
        with open_control(route) as control:
            if way.by_tunnel:
                at = f" at {way.place}" if desktop.routes else ""
                yield Finding("tunnel.open", OK, f"desktop {desktop.name}: the tunnel is open{at}")
            else:
                told = f"desktop {desktop.name}: its sshd answers at {way.host} port {way.end_port}"
                yield Finding("direct.reach", OK, told)
            if way.route is not RouteKind.NESTED:
                yield Finding("desktop.host-key", OK, f"desktop {desktop.name} shows a pinned key")
            yield Finding("desktop.login", OK, f"desktop {desktop.name} lets our key in")
            yield from _behind_login(there, jobs, control)
    except Stopped:
        raise
    except BackupjumpError as error:
        yield from not_reached(desktop, way, server, error, open_at=open_at)


def _behind_login(there: WayTo, jobs: Sequence[Job], control: Control) -> Iterator[Finding]:
    desktop, host = there.desktop, f"desktop {there.desktop.name}"
    try:
        gate = ask_gate(control, host=host)
    except Stopped:
        raise
    except BackupjumpError as error:
        yield Finding("desktop.gate", FAIL, evidence_of(error), on("Desktop", "backupjump doctor"))
        return
    if not there.way.by_tunnel:
        yield veto_finding(desktop, gate)
    else:
        yield look_at_delay(desktop, there.way, control, gate)
    if gate is None:
        yield from _without_gate(desktop, jobs, control)
        return
    yield from gate_findings(desktop, gate, now=utc_now())
    for job in jobs:
        yield from job_findings(job, gate)
        yield from opening_findings(job, gate, now=utc_now())


def gate_findings(desktop: Desktop, gate: Gate, *, now: datetime) -> Iterator[Finding]:
    """Yield what the gate's own answer tells: that there is one, its rsync, its clock."""
    host = f"desktop {desktop.name}"
    yield Finding("desktop.gate", OK, f"{host}: a gate of version {gate.version} stands before its account")
    try:
        rsync = check_desktop(read_version(gate.rsync_said), desktop=host)
        yield Finding("desktop.rsync", OK, f"{host}: rsync {rsync.text}, protocol {rsync.protocol}")
    except BackupjumpError as error:
        yield Finding("desktop.rsync", FAIL, evidence_of(error), _INSTALL_RSYNC)
    if gate.confines:
        yield Finding("desktop.confines", OK, f"{host}: its rsync stays inside the folder that it reads")
    else:
        told = f"{host}: its rsync can't be confined (3.5.0 can); a hostile Server could learn of files elsewhere"
        yield Finding("desktop.confines", WARN, told, _INSTALL_RSYNC)
    yield clock_finding(host, gate.clock - now)


def clock_finding(host: str, skew: timedelta) -> Finding:
    """Return what can be said of a Desktop whose clock is `skew` ahead of ours."""
    seconds, side = abs(skew).total_seconds(), "ahead of" if skew > timedelta(0) else "behind"
    told = f"{host}: its clock is {seconds:.0f} s {side} ours"
    if abs(skew) <= _CLOCK_TOLERANCE:
        return Finding("desktop.clock", OK, told)
    return Finding("desktop.clock", WARN, told, "on the Desktop, as root: timedatectl set-ntp true")


def job_findings(job: Job, gate: Gate) -> Iterator[Finding]:
    """Yield whether the gate lets the sources of `job` be read, and offers its hooks."""
    try:
        check_gate(gate, job)
        yield Finding("desktop.roots", OK, f"job {job.name}: its gate lets {listed(map(shown, job.sources))} be read")
    except BackupjumpError as error:
        yield Finding("desktop.roots", FAIL, f"job {job.name}: {evidence_of(error)}", on("Desktop", _EDIT))
    named = [*job.hooks.before, *job.hooks.after, *job.hooks.on_failure, *job.hooks.always]
    missing = [name for name in dict.fromkeys(named) if name not in gate.hooks]
    if missing:
        offered = listed(map(shown, gate.hooks)) or "none"
        told = f"job {job.name}: its gate offers no hook {listed(map(shown, missing))}; it offers: {offered}"
        yield Finding("desktop.hooks", FAIL, told, on("Desktop", _EDIT))
    elif named:
        yield Finding(
            "desktop.hooks", OK, f"job {job.name}: its gate offers {listed(map(shown, dict.fromkeys(named)))}"
        )


def opening_findings(job: Job, gate: Gate, *, now: datetime) -> Iterator[Finding]:
    """Yield whether the Desktop's tunnel opens soon enough when `job` is due next after a backup that is made now."""
    zone = ZoneInfo("UTC")
    due_at = next_due(job.schedule, last_at=now, zone=zone, now=now)
    if due_at is None or gate.tunnel is None:
        return
    late = late_opening(gate.tunnel, due_at=due_at, last_published_at=now, zone=zone)
    if late:
        yield Finding("desktop.opens", FAIL, f"job {job.name}: {late}", on("Desktop", _EDIT))
    else:
        yield Finding("desktop.opens", OK, f"job {job.name}: its Desktop's tunnel opens within 7 days of its being due")


def _without_gate(desktop: Desktop, jobs: Sequence[Job], control: Control) -> Iterator[Finding]:
    host = f"desktop {desktop.name}"
    status = control.run(["true"], timeout=_TRUE_SECONDS).status
    if status != 0:
        told = f"{host}: no gate answers, and `true` ends with {status}: its account's shell lets nobody work there"
        yield Finding("desktop.gate", FAIL, told, on("Desktop", "backupjump doctor"))
        return
    what = "our key runs any command there as its account"
    fix = on("Desktop", gate_line(desktop)) if desktop.identity_file else on("Desktop", "backupjump doctor")
    yield Finding("desktop.gate", WARN, f"{host}: no gate: {what}, and reads all that it may read", fix)
    for job in jobs:
        named = [*job.hooks.before, *job.hooks.after, *job.hooks.on_failure, *job.hooks.always]
        if named:
            told = f"job {job.name}: without a gate there are no hooks: {listed(map(shown, named))}"
            yield Finding("desktop.hooks", FAIL, told, fix)
        try:
            there = probe(control, job, None).there
            yield Finding("desktop.roots", OK, f"job {job.name}: its sources are there; rsync {there.text}")
        except Stopped:
            raise
        except BackupjumpError as error:
            yield Finding(
                "desktop.roots",
                FAIL,
                f"job {job.name}: {evidence_of(error)}",
                on("Desktop", f"ls -ld {quoted(*job.sources)}"),
            )


def gate_line(desktop: Desktop) -> str:
    """Return the command that puts the gate before our key, with the `gate:` of the config that is there."""
    assert desktop.identity_file is not None
    # The words that only the Desktop knows stand outside of the quotes of mend_key.
    gate, home = "GATE_PROGRAM", "HOME_FOLDER"
    options = f'restrict,from="127.0.0.1,::1",command="{gate} --config {home}/.config/backupjump/backupjump.yaml"'
    command = mend_key(public_half(desktop.identity_file), options, file="AUTHORIZED_KEYS")
    command = command.replace(gate, "'\"$(command -v backupjump-gate)\"'").replace(home, "'\"$HOME\"'")
    return command.replace("AUTHORIZED_KEYS", "~/.ssh/authorized_keys")


def veto_finding(desktop: Desktop, gate: Gate | None) -> Finding:
    """Return whether the Desktop can say past its tunnel that its owner wants no backup now."""
    host = f"desktop {desktop.name}"
    if gate is not None and gate.tunnel is not None and gate.tunnel.veto is not None:
        return Finding(
            "direct.veto", OK, f"{host}: past its tunnel its gate tells whether its owner has put backups off"
        )
    told = f"{host}: past its tunnel nothing tells that its owner has put backups off"
    lacks = "a gate" if gate is None else "`tunnel:` in the config that its gate reads, or a gate of this version"
    return Finding("direct.veto", WARN, f"{told}: it has not {lacks}", on("Desktop", _EDIT))


def promise_finding(desktop: Desktop, way: Way, file: Path) -> Finding:
    """Return what one of the Desktop's ways gives up, as its config in `file` allows."""
    host = f"desktop {desktop.name}"
    if way.route is RouteKind.DIRECT:
        told = (
            f"{host}: route direct: its sshd takes our key from the LAN too, so a stolen key is good there without a "
            "tunnel, and its owner's veto is its gate's to tell; by tunnels alone neither is so"
        )
        return Finding("desktop.route", WARN, told, edit(file))
    if way.route is RouteKind.NESTED:
        told = f"{host}: route nested: the JumpNode reads and could alter what is backed up; on proxyjump it can't"
        return Finding("desktop.route", WARN, told, edit(file))
    if way.route is RouteKind.LOCAL:
        told = f"{host}: route local: its tunnel key is a key to this Server; with a JumpNode it has none"
        return Finding("desktop.route", WARN, told, edit(file))
    return Finding("desktop.route", OK, f"{host}: route {way.route.value}: the JumpNode sees ciphertext only")


def expiry_finding(desktop: Desktop, *, today: date) -> Finding:
    """Return whether its keys end soon."""
    if warning := expiry_warning(desktop, today=today):
        verdict = FAIL if desktop.expires is not None and desktop.expires <= today else WARN
        return Finding("desktop.expires", verdict, warning, renewal(desktop.name))
    told = f"its keys end on {desktop.expires}" if desktop.expires else "its keys have no end"
    return Finding("desktop.expires", OK, f"desktop {desktop.name}: {told}")
