"""Ask, before any data moves, whether a pull can work: the rsync of both ends, and each source."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.errors import DesktopUnfit, SourceMissing
from backupjump.escape import shown, shown_lines
from backupjump.process import run
from backupjump.rsync.version import RsyncVersion, advice, check_desktop, check_local, read_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.config.models import Job
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


@dataclass(frozen=True, kw_only=True)
class Rsyncs:
    """The rsync of this Server and the one of the Desktop; both are fit to pull with."""

    here: RsyncVersion
    there: RsyncVersion


def probe(desktop: Control, job: Job) -> Rsyncs:
    """Return both rsyncs; raise DesktopUnfit, SourceMissing or ProgramMissing when `job` can't be pulled."""
    here = check_local(read_version(run(["rsync", "--version"], timeout=_SECONDS).stdout.decode("utf-8", "replace")))
    if told := advice(here):
        log.debug("%s: on this Server: %s", job.name, told)
    done = desktop.run(["sh", "-c", _QUESTION, "sh", *job.sources], timeout=_SECONDS)
    return Rsyncs(here=here, there=read_answer(done.status, done.stdout, done.stderr, job))


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
        raise DesktopUnfit(
            f"desktop {job.desktop}: its login shell prints text before every command: "
            f"{shown(chatter.strip(), limit=80)}",
            hint="keep ~/.bashrc and the like silent there when they are not interactive; rsync can't work otherwise",
        )
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
