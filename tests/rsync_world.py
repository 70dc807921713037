"""Real rsync pulls without ssh: a small remote shell that parses the command line as sshd's shell would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backupjump.config.models import Ownership
from backupjump.rsync.plan import Plan, Transfer

# What sshd does with a command: the words joined by spaces, parsed by the account's shell.
PLAIN_SHELL = 'exec sh -c "$*"'

ODD_NAMES = (
    b"new\nline",
    b"carriage\rreturn",
    b"esc\x1b[31m",
    b"\xff\xfe",
    "bidi\u202eexe".encode(),
    "ä ö".encode(),
    b"lit\\#012",
    b"\\#134#",
    b"back\\slash",
    b"\\",
    b"tab\there",
    b" lead and trail ",
    b"-rf",
    b"x" * 255,
    b"del\x7f",
    b'"quoted"',
    b"m1 >f+++++++++ 1 00000000000000000000000000000000 x",
    b"x is over max-size",
    b"latest",
)

# Root may read everything; without these two capabilities the modes of files count for it too.
OBEYING_MODES = f"""if [ "$(id -u)" = 0 ]; then
  exec setpriv --bounding-set=-dac_override,-dac_read_search sh -c "$*"
fi
{PLAIN_SHELL}"""


def remote_shell(folder: Path, script: str = PLAIN_SHELL) -> tuple[str, ...]:
    """Return the argv of a remote shell that runs `script`, the command being in its arguments."""
    program = folder / "remote shell's"
    program.write_text(f"#!/bin/sh\nshift\n{script}\n")
    program.chmod(0o755)
    return (str(program),)


def plan_of(source: Path | str, target: Path, shell: tuple[str, ...], *bases: Path, **changes: Any) -> Plan:
    """Return the plan of a pull of one source; `changes` are fields of Plan."""
    fields: dict[str, Any] = {
        "remote_shell": shell,
        "host": "bj-desktop",
        "transfers": (Transfer(source=str(source), target=target, link_dests=bases),),
        "ownership": Ownership.NATIVE,
        "nanoseconds": True,
        "acls": True,
        "xattrs": True,
    }
    return Plan(**{**fields, **changes})
