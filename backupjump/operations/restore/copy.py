"""The one rsync of a restore: its argv, the run, and what it says would differ.

It gets an explicit list of paths and no recursion, so it touches what was decided on and nothing else:
with --ignore-existing rsync would still change the attributes of folders that are there.
"""

from __future__ import annotations

import os
import re
import tempfile
from typing import TYPE_CHECKING, NoReturn

from backupjump.config.models import Ownership
from backupjump.errors import TransferFailed
from backupjump.escape import shown_lines
from backupjump.process import running
from backupjump.rsync.output import Lines, decode_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from backupjump.store.marker import Marker

# rsync(1), --itemize-changes: eleven columns, then the name.
_ITEM = re.compile(rb"[<>ch.][fdLDS].{9} ", re.DOTALL)
_CHUNK_BYTES = 1 << 16


def copy_argv(tree: Path, target: Path, *, marker: Marker, more: Iterable[str] = ()) -> tuple[str | bytes, ...]:
    """Return the argv that copies the paths of a NUL-separated list on stdin from `tree` to `target`."""
    return (
        "rsync",
        *_keeping(marker),
        # --files-from turns recursion off and relative names on; a folder in the list is made, not entered.
        "--dirs",
        "--files-from=-",
        "--from0",
        "--no-implied-dirs",
        *(["--modify-window=-1"] if marker.nanoseconds else []),
        *more,
        "--",
        _source(tree, marker) + b"/",
        os.fsencode(target) + b"/",
    )


def _keeping(marker: Marker) -> list[str]:
    """Return the options for what is kept of each file; root gets owners and devices back, a plain user what he can.

    In a local copy --fake-super holds on both ends, and rsync 3.2.7 takes a wrong target when -M says
    otherwise for one of them (measured; 3.5.0 does not). So the reading end is made a remote one: `env`
    in the place of ssh starts it right here, and -s keeps the path from being read as shell words.
    Source: rsync(1), --fake-super, --remote-option, --secluded-args.
    """
    if marker.ownership is Ownership.PLAIN:
        return ["-aHS", "--no-owner", "--no-group"]
    kept = ["-aHS", "--numeric-ids", *(["-A"] if marker.acls else []), *(["-X"] if marker.xattrs else [])]
    if marker.ownership is Ownership.FAKE_SUPER:
        kept += ["-s", "-M--fake-super", "--rsh=env"]
    return kept


def _source(tree: Path, marker: Marker) -> bytes:
    if marker.ownership is not Ownership.FAKE_SUPER:
        return os.fsencode(tree)
    # What stands where a host would is a word for env; a remote end takes * ? [ for patterns.
    return b"LC_ALL=C:" + re.sub(rb"([*?[\\])", rb"\\\1", os.fsencode(tree))


def copy(argv: tuple[str | bytes, ...], paths: Iterable[bytes], *, on_line: Callable[[bytes], None]) -> None:
    """Run `argv` with `paths` as its list and hand on each line it prints; raise TransferFailed with rsync's words."""
    lines = Lines()
    with tempfile.TemporaryFile() as listed, tempfile.TemporaryFile() as complaints:
        # A file, not a pipe: rsync may print before it has read the whole list.
        listed.writelines(path + b"\0" for path in paths)
        listed.seek(0)
        with running(argv, stdin=listed, stderr=complaints) as child:
            while chunk := os.read(child.stdout.fileno(), _CHUNK_BYTES):
                for line in lines.feed(chunk):
                    on_line(line)
            status = child.wait()
        complaints.seek(0)
        if status != 0:
            _fail(status, complaints.read(_CHUNK_BYTES))


def differing(lines: Iterable[bytes]) -> frozenset[bytes]:
    """Return the paths that `rsync --dry-run --checksum --out-format='%i %n'` would change in any way."""
    return frozenset(decode_name(line[match.end() :]) for line in lines if (match := _ITEM.match(line)))


def _fail(status: int, complaints: bytes) -> NoReturn:
    raise TransferFailed(
        f"the restore is not complete: rsync ended with status {status}\n{shown_lines(complaints)}",
        hint="mend what it names, then type the same again: what is there already stays",
    )
