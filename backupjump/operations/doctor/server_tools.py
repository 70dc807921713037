"""doctor on the Server: the ssh and the rsync of this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.config.models import RouteKind
from backupjump.errors import BackupjumpError, ProgramMissing
from backupjump.escape import shown_lines
from backupjump.operations.doctor.finding import FAIL, OK, WARN, Finding
from backupjump.operations.doctor.server_words import evidence_of, here_as_root
from backupjump.rsync.version import advice, check_local, read_version
from backupjump.ssh.route import openssh_too_old

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.config.models import Server

_SECONDS = 10.0
_INSTALL = "apt-get update && {root}apt-get install {package}"
# Packages of rsync 3.5.0 that have 3.5.1's fix of the alt-dest basis.  Source: changelog of Debian's rsync.
_MENDED = re.compile(r"3\.5\.0\+ds1-0\+deb12u[1-9]\d*")


def look_at_tools(server: Server) -> Iterator[Finding]:
    """Yield what can be said of ssh and rsync here."""
    try:
        said = process.run(["ssh", "-V"], timeout=_SECONDS).stderr.decode("ascii", "replace")
        yield ssh_finding(said, wanted=[way.route for desktop in server.desktops.values() for way in desktop.ways])
    except (ProgramMissing, process.TimedOut) as error:
        yield Finding("tools.ssh", FAIL, evidence_of(error), _install("openssh-client"))
    try:
        text = process.run(["rsync", "--version"], timeout=_SECONDS).stdout.decode("utf-8", "replace")
        yield rsync_finding(text, package=_package("rsync"))
    except (ProgramMissing, process.TimedOut) as error:
        yield Finding("tools.rsync", FAIL, evidence_of(error), _install("rsync"))


def ssh_finding(version_text: str, *, wanted: list[RouteKind]) -> Finding:
    """Return what can be said of the ssh that printed `version_text` at -V."""
    name = shown_lines(version_text.partition(",")[0], lines=1, limit=80) or "no version"
    for kind in wanted:
        if (problem := openssh_too_old(version_text, kind)) is not None:
            return Finding("tools.ssh", FAIL, problem, _install("openssh-client"))
    return Finding("tools.ssh", OK, name)


def rsync_finding(version_text: str, *, package: str) -> Finding:
    """Return what can be said of the rsync that printed `version_text`; `package` is its version in dpkg, if any."""
    try:
        version = check_local(read_version(version_text))
    except BackupjumpError as error:
        return Finding("tools.rsync", FAIL, evidence_of(error), _install("rsync"))
    told = f"rsync {version.text}, protocol {version.protocol}"
    if (advised := advice(version)) is None:
        return Finding("tools.rsync", OK, told)
    if _MENDED.fullmatch(package):
        return Finding("tools.rsync", OK, f"{told}; Debian's {package} has the fixes of 3.5.1")
    return Finding("tools.rsync", WARN, advised, _install("rsync"))


def _package(name: str) -> str:
    try:
        done = process.run(["dpkg-query", "-W", "-f", "${Version}", name], timeout=_SECONDS)
    except (ProgramMissing, process.TimedOut):
        return ""
    return done.stdout.decode("ascii", "replace") if done.status == 0 else ""


def _install(package: str) -> str:
    root = here_as_root("")
    return here_as_root(_INSTALL.format(root=root, package=package))
