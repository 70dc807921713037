"""Ask, before any data moves, whether a pull can work: the rsync of both ends, and each source."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from backupjump.errors import DesktopUnfit, SourceMissing
from backupjump.escape import shown, shown_lines
from backupjump.gate.folder import check_allowed
from backupjump.gate.refusal import Refused
from backupjump.operations.gate import talkative
from backupjump.process import run
from backupjump.rsync.refusal import not_a_folder, outside
from backupjump.rsync.version import RsyncVersion, advice, check_desktop, check_local, read_version
from backupjump.run import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.config.models import Job
    from backupjump.operations.gate import Gate
    from backupjump.ssh.control import Control

log = logging.getLogger(__name__)

# One login shell, one answer. A link is not followed: whoever can swap it chooses what is read.
_QUESTION = """echo backupjump
for source do
  if [ -L "$source" ]; then echo link; elif [ -d "$source" ]; then echo folder
  elif [ -e "$source" ]; then echo other; else echo absent; fi
done
exec rsync --version"""
_SECONDS = 30.0
_CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Rsyncs:
    """The rsync of this Server and the one of the Desktop; both are fit to pull with."""

    here: RsyncVersion
    there: RsyncVersion


def probe(desktop: Control, job: Job, gate: Gate | None) -> Rsyncs:
    """Return both rsyncs; raise when `job` can't be pulled: DesktopUnfit, SourceMissing, GateRefused, ProgramMissing.

    What a gate has answered is all that is asked of its Desktop; without one, a login shell there looks.
    """
    here = check_local(read_version(run(["rsync", "--version"], timeout=_SECONDS).stdout.decode("utf-8", "replace")))
    if told := advice(here):
        log.debug("%s: on this Server: %s", job.name, told)
    if gate is not None:
        _note_clock(gate, job)
        return Rsyncs(here=here, there=check_gate(gate, job))
    log.info("%s: desktop %s has no gate: our key may do there what its account may", job.name, job.desktop)
    done = desktop.run(["sh", "-c", _QUESTION, "sh", *job.sources], timeout=_SECONDS)
    return Rsyncs(here=here, there=read_answer(done.status, done.stdout, done.stderr, job))


def check_gate(gate: Gate, job: Job) -> RsyncVersion:
    """Return the Desktop's rsync if the gate lets every source of `job` be read; raise as `probe` does.

    Of a source that lies below a root only the root is known to be there; rsync finds out the rest.
    """
    host = f"desktop {job.desktop}"
    for source in job.sources:
        covering = [root for root in gate.roots if _covers(root, source)]
        if not covering:
            raise outside(source, host=host)
        if (state := gate.roots[max(covering, key=len)]) != "folder":
            raise not_a_folder(state, source, host=host)
    return check_desktop(read_version(gate.rsync_said), desktop=host)


def _covers(root: str, source: str) -> bool:
    try:
        check_allowed(f"{source.rstrip('/')}/", [root])
    except Refused:
        return False
    return True


def _note_clock(gate: Gate, job: Job) -> None:
    skew = gate.clock - utc_now()
    if abs(skew) > _CLOCK_TOLERANCE:
        log.info(
            "%s: the clock of desktop %s is %d min %s this Server's",
            job.name, job.desktop, abs(skew) / timedelta(minutes=1), "ahead of" if skew > timedelta(0) else "behind",
        )  # fmt: skip


def read_answer(status: int, stdout: bytes, stderr: bytes, job: Job) -> RsyncVersion:
    """Return the Desktop's rsync from its answer to the probe; raise as `probe` does."""
    text = stdout.decode("utf-8", "replace")
    chatter, begun, answer = text.partition("backupjump\n")
    if not begun:
        raise DesktopUnfit(
            f"desktop {job.desktop}: its shell did not answer (exit {status}): "
            f"{shown_lines(stderr or stdout, lines=3)}",
            hint="can the account there run commands? it needs a login shell such as /bin/sh",
        )
    if chatter.strip():
        raise talkative(chatter.encode(), host=f"desktop {job.desktop}")
    *states, version = answer.split("\n", len(job.sources))
    _check_sources(job, states)
    if status == 127 or not version.strip():
        raise DesktopUnfit(
            f"desktop {job.desktop}: there is no rsync: {shown_lines(stderr, lines=2)}",
            hint="on the Desktop: sudo apt-get install rsync",
        )
    return check_desktop(read_version(version), desktop=f"desktop {job.desktop}")


_WRONG = {
    "absent": ("does not exist, or its account may not see it", "is a disk not mounted there?"),
    "link": ("is a symbolic link", "name the folder that it points to"),
    "other": ("is not a folder", "name the folder that it lies in"),
}


def _check_sources(job: Job, states: Sequence[str]) -> None:
    for source, state in zip(job.sources, states, strict=False):
        if state in _WRONG:
            what, advice = _WRONG[state]
            raise SourceMissing(
                f"source {shown(source)} {what} on desktop {job.desktop}; nothing was published",
                hint=f"{advice} (sources of jobs/{job.name}.yaml)",
            )
