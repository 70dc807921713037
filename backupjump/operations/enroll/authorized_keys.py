"""The lines of authorized_keys that enrolment writes, and how they get into a file without touching another's.

A managed line ends in a mark of ours, `backupjump:KIND:NAME:ID`; every other line stays byte for byte. Python 3.9.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from backupjump.config.checks import read_name
from backupjump.errors import BackupjumpError
from backupjump.escape import shown
from backupjump.operations.enroll.strict_json import read_bare_key, read_id
from backupjump.whole_files import replacing

DATA = "data"
TUNNEL = "tunnel"
HOP = "hop"

FIRST_PORT = 2020
RESERVED_PORTS = tuple(range(FIRST_PORT, FIRST_PORT + 16))
"""What the Server's account on a JumpNode may reach from the start, so that a further Desktop is one line elsewhere."""

BY_TUNNEL = "127.0.0.1,::1"
"""The `from=` of a data key: what comes out of the tunnel comes from loopback."""

_SOURCES = re.compile(rb'(?:^|,)from="([0-9A-Za-z.:/*?!,_-]+)"')
_MARK = re.compile(rb"backupjump:(data|tunnel|hop):([A-Za-z0-9][A-Za-z0-9._-]{0,62}):([0-9a-f]{8})")
# A command="…" of authorized_keys ends at the next quote that has no backslash before it, and a shell reads it.
_SAFE_WORD = re.compile(r"[A-Za-z0-9/_.,:@+=-]+")
_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Mark:
    """Whose line it is: its kind, the Desktop (of a hop line: the JumpNode), and which enrolment made it."""

    kind: str
    name: str
    id: str

    def __str__(self) -> str:
        return f"backupjump:{self.kind}:{self.name}:{self.id}"


def hop_mark(jump_node: str, key: str) -> Mark:
    """Return the mark of the Server's line on a JumpNode, by its public hop key: it serves many enrolments.

    The JumpNode's name is this Server's own word; another Server may use the same one, so never go by the name alone.
    """
    return Mark(HOP, jump_node, hashlib.sha256(key.encode("ascii")).hexdigest()[:8])


def data_line(mark: Mark, key: str, *, gate_argv: Sequence[str], expires: date | None, sources: str = BY_TUNNEL) -> str:
    """Return the Desktop's line for the Server's data key: through the tunnel only, and there the gate alone.

    `sources` is for a Server that comes by route direct too. BackupjumpError for a path that a shell would read
    otherwise.
    """
    for word in gate_argv:
        if not _SAFE_WORD.fullmatch(word):
            raise BackupjumpError(
                f"the gate's command line would hold {shown(word)}, which the login shell could misread",
                hint="use a folder whose path has letters, digits and / _ . , : @ + = - only",
            )
    command = " ".join(gate_argv)
    return _line(f'restrict,from="{sources}",command="{command}"', expires, key, mark)


def sources_of(content: bytes, mark: Mark) -> str:
    """Return from where the newest managed line of this kind and name lets its key in; without one by the tunnel."""
    found = BY_TUNNEL
    for line in content.splitlines():
        its = mark_of(line)
        if its is not None and (its.kind, its.name) == (mark.kind, mark.name) and (said := _SOURCES.search(line)):
            found = said[1].decode("ascii")
    return found


def tunnel_line(mark: Mark, key: str, *, port: int, expires: date | None) -> str:
    """Return the JumpNode's line for a Desktop's tunnel key: that one port, on loopback, and nothing else."""
    listen = f'permitlisten="127.0.0.1:{port}",permitlisten="localhost:{port}"'
    return _line(f'restrict,port-forwarding,{listen},permitopen="127.0.0.1:1"', expires, key, mark)


def hop_line(mark: Mark, key: str, *, ports: Iterable[int] = RESERVED_PORTS) -> str:
    """Return the JumpNode's line for the Server's hop key: to connect to those ports on loopback, and nothing else."""
    opens = ",".join(f'permitopen="{host}:{port}"' for port in sorted(ports) for host in ("127.0.0.1", "localhost"))
    return _line(f'restrict,port-forwarding,{opens},permitlisten="127.0.0.1:1"', None, key, mark)


def _line(options: str, expires: date | None, key: str, mark: Mark) -> str:
    # What a config or a text gave is checked where it came in; a line that opens a machine is checked once more.
    read_bare_key(key), read_name(mark.name), read_id(mark.id)
    # Without the suffix Z, which sshd before 9.1 takes for a mistake: then it is the machine's own midnight.
    until = f',expiry-time="{expires:%Y%m%d}"' if expires else ""
    return f"{options}{until} {key} {mark}"


def mark_of(line: bytes) -> Mark | None:
    """Return the mark of a managed line, None of any other."""
    found = _MARK.fullmatch(line.rpartition(b" ")[2].rstrip(b"\r\n"))
    if found is None or line.lstrip().startswith(b"#"):
        return None
    return Mark(*(part.decode("ascii") for part in found.groups()))


def marks_in(content: bytes) -> tuple[Mark, ...]:
    """Return the marks of all managed lines."""
    return tuple(mark for line in content.splitlines() if (mark := mark_of(line)) is not None)


def marks_of_key(content: bytes, key: str) -> tuple[Mark, ...]:
    """Return the marks of the managed lines that admit `key`."""
    blob = key.split()[1].encode("ascii")
    return tuple(mark for line in content.splitlines() if (mark := mark_of(line)) is not None and blob in line.split())


def with_line(content: bytes, line: str) -> bytes:
    """Return `content` with the managed `line` in it: where a line of its mark stood, else at the end.

    A file that has the very line already comes back as it is.
    """
    new = line.encode("ascii")
    mark = mark_of(new)
    assert mark is not None
    lines = content.split(b"\n")
    places = [number for number, each in enumerate(lines) if mark_of(each) == mark]
    if places:
        lines[places[0]] = new
        return b"\n".join(each for number, each in enumerate(lines) if number not in places[1:])
    end = b"" if not content or content.endswith(b"\n") else b"\n"
    return content + end + new + b"\n"


def without_lines(content: bytes, marks: Iterable[Mark]) -> bytes:
    """Return `content` without the managed lines of these `marks`."""
    gone = set(marks)
    return b"".join(line for line in content.splitlines(keepends=True) if mark_of(line) not in gone)


def foreign_line_with(content: bytes, key: str) -> int | None:
    """Return the number of a line, counted from 1, that admits `key` and is not ours; sshd takes the first it meets."""
    blob = key.split()[1].encode("ascii")
    for number, line in enumerate(content.split(b"\n"), start=1):
        if blob in line.split() and mark_of(line) is None and not line.lstrip().startswith(b"#"):
            return number
    return None


def read_keys_file(path: Path) -> bytes:
    """Return what stands in an authorized_keys, nothing if there is none; refuses as `write_keys_file`."""
    _refuse_foreign(path.parent, directory=True)
    if not _refuse_foreign(path, directory=False):
        return b""
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise BackupjumpError(f"{shown(str(path))} is larger than {_MOST_BYTES // 1024} KiB; it is left alone")
    return content


def write_keys_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of an authorized_keys, whole: the old one or the new one; 0600 if there was none.

    Its folder is made (0700) if there is none. BackupjumpError for a link, or what another account owns: this
    account could be made to write elsewhere.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        read_keys_file(path)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
        with replacing(path, mode=mode) as file:
            file.write(content)
    except OSError as error:
        raise BackupjumpError(f"{shown(str(path))} can't be written: {error.strerror}") from error


def _refuse_foreign(path: Path, *, directory: bool) -> bool:
    """Return whether `path` is there; BackupjumpError if it is not plainly ours."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BackupjumpError(f"{shown(str(path))} can't be looked at: {error.strerror}") from error
    right = stat.S_ISDIR(found.st_mode) if directory else stat.S_ISREG(found.st_mode)
    if not right or found.st_uid != os.geteuid():
        what = "a link, or not what it should be" if not right else "another account's"
        name = shown(str(path))
        raise BackupjumpError(f"{name} is {what}; it is left alone", hint=f"look at it: ls -ld {shlex.quote(name)}")
    return True
