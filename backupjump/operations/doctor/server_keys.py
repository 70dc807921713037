"""doctor on the Server: does any authorized_keys here let a Desktop's tunnel key in?

The Desktop holds no key to the Server: that is the promise. Route local gives it one, which must be able to open its
port and nothing else.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.errors import ProgramMissing
from backupjump.escape import shown
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, Finding
from backupjump.operations.doctor.key_lines import mend_key, read_lines
from backupjump.operations.doctor.server_words import here_as_root, quoted
from backupjump.operations.enroll.authorized_keys import TUNNEL, Mark, tunnel_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from backupjump.config.models import Desktop
    from backupjump.operations.doctor.key_lines import KeyLine

_CHECK = "server.authorized-keys"
_MOST_BYTES = 1 << 20
_SECONDS = 10.0
# sshd_config(5), AuthorizedKeysFile.
_USUAL = (".ssh/authorized_keys", ".ssh/authorized_keys2")
_WIDENING = frozenset({"pty", "agent-forwarding", "x11-forwarding", "user-rc"})


def look_at_authorized_keys(desktops: Sequence[Desktop]) -> Iterator[Finding]:
    """Yield which lines of this machine let in the tunnel key of one of `desktops`; of files that can be read."""
    known = {desktop.tunnel_key.split()[1]: desktop for desktop in desktops if desktop.tunnel_key is not None}
    unknown = [desktop.name for desktop in desktops if desktop.tunnel_key is None]
    if unknown:
        told = f"the config has no tunnel_key of {', '.join(unknown)}, as it has after `enroll`, so none was looked for"
        yield Finding(_CHECK, SKIP, told)
    if not known:
        return
    files, closed = readable(keys_files(pwd.getpwall(), patterns()))
    findings = [finding for path, content in files.items() for finding in line_findings(path, content, known)]
    yield from findings
    if not any(finding.verdict == FAIL for finding in findings):
        more = f"; {closed} can't be read by this account" if closed else ""
        names = ", ".join(desktop.name for desktop in known.values())
        yield Finding(
            _CHECK, OK, f"none of {len(files)} files lets the tunnel key of {names} do more than it may{more}"
        )


def patterns() -> tuple[str, ...]:
    """Return where this machine's sshd looks for keys: as it says itself, which takes root, else the usual places."""
    sshd = shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if sshd is None or os.geteuid() != 0:
        return _USUAL
    with suppress(ProgramMissing, process.TimedOut):
        return read_patterns(process.run([sshd, "-T"], timeout=_SECONDS).stdout.decode("utf-8", "replace"))
    return _USUAL


def read_patterns(said: str) -> tuple[str, ...]:
    """Return the patterns of AuthorizedKeysFile from what `sshd -T` says, beside the usual ones."""
    found = re.search(r"^authorizedkeysfile (.+)$", said, re.M)
    named = tuple(found[1].split()) if found else ()
    return tuple(dict.fromkeys((*(each for each in named if each != "none"), *_USUAL)))


def keys_files(accounts: Iterable[pwd.struct_passwd], places: Sequence[str]) -> tuple[Path, ...]:
    """Return where the keys of each account may lie.  Source: sshd_config(5), TOKENS."""
    return tuple(dict.fromkeys(_place(account, place) for account in accounts for place in places))


def _place(account: pwd.struct_passwd, pattern: str) -> Path:
    tokens = {"%h": account.pw_dir, "%u": account.pw_name, "%U": str(account.pw_uid), "%%": "%"}
    return Path(account.pw_dir) / re.sub(r"%[huU%]", lambda found: tokens[found[0]], pattern)


def readable(paths: Iterable[Path]) -> tuple[dict[Path, bytes], int]:
    """Return the files that are there and can be read, with the first MiB of each, and how many can't be read."""
    files: dict[Path, bytes] = {}
    closed = 0
    for path in paths:
        try:
            with path.open("rb") as file:
                files[path] = file.read(_MOST_BYTES)
        except PermissionError:
            closed += 1
        except OSError:
            continue
    return files, closed


def line_findings(path: Path, content: bytes, known: Mapping[str, Desktop]) -> Iterator[Finding]:
    """Yield a finding for each line of a file that lets in one of the keys `known`, by their base64 text."""
    for line in read_lines(content):
        if (desktop := known.get(line.blob)) is None:
            continue
        where = f"line {line.number} of {quoted(path)} lets the tunnel key of desktop {desktop.name} in to this Server"
        local = next(iter(desktop.tunnels_on(None)), None)
        if local is None:
            fix = here_as_root(f"sed -i '\\|{line.blob}|d' {quoted(path)}")
            yield Finding(_CHECK, FAIL, where, fix)
        elif amiss := local_amiss(line, local.end_port):
            told = f"{where}, as route local needs, but {'; '.join(amiss)}"
            yield Finding(_CHECK, FAIL, told, here_as_root(_narrow(line, desktop, local.end_port, path)))
        else:
            yield Finding(_CHECK, OK, f"{where}, as route local needs, for port {local.end_port} alone")


def local_amiss(line: KeyLine, port: int) -> tuple[str, ...]:
    """Return what a line of route local gives away; a command is refused by sshd_config or by a forced one here."""
    names = {name for name, _value in line.options}
    listens = {value for name, value in line.options if name == "permitlisten"}
    opens = {value for name, value in line.options if name == "permitopen"}
    return (
        *([] if "restrict" in names else ["`restrict` is missing"]),
        *([f"it gives back {', '.join(sorted(names & _WIDENING))}"] if names & _WIDENING else []),
        *([] if listens and listens <= _ends(port) else [f"permitlisten is not {port} of loopback alone"]),
        *([] if opens and opens <= _ends(1) else ["it may connect to other ports: permitopen is missing"]),
    )


def _ends(port: int) -> set[str]:
    return {f"127.0.0.1:{port}", f"localhost:{port}"}


def _narrow(line: KeyLine, desktop: Desktop, port: int, path: Path) -> str:
    mark = Mark(TUNNEL, desktop.name, "0" * 8)
    options = tunnel_line(mark, line.public_key, port=port, expires=desktop.expires)
    return mend_key(line.public_key, options.partition(f" {line.public_key}")[0], file=shown(str(path)))
