"""doctor on the Server: does the store still do what it was made for: keep xattrs, share what did not change?

Tried out in a folder of the store that is gone afterwards; a filesystem, a mount or an rsync may have changed since.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.models import Ownership, StoreKind
from backupjump.errors import ProgramMissing
from backupjump.escape import shown_lines
from backupjump.operations.doctor.finding import FAIL, OK, Finding
from backupjump.operations.doctor.server_words import quoted
from backupjump.process import TimedOut, run
from backupjump.store.probe import probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.store.marker import Marker
    from backupjump.store.probe import Capabilities

_SECONDS = 30.0


def try_store(path: Path, marker: Marker) -> Iterator[Finding]:
    """Yield what came of trying the store at `path` out, which has room and can be written."""
    try:
        yield filesystem_finding(path, marker, probe(path))
        if marker.kind is StoreKind.HARDLINK:
            yield link_finding(path, marker)
    except OSError as error:
        fix = f"ls -ld {quoted(path)}"
        yield Finding("store.filesystem", FAIL, f"nothing can be written to {quoted(path)}: {error.strerror}", fix)


def filesystem_finding(path: Path, marker: Marker, found: Capabilities) -> Finding:
    """Return whether the filesystem still does what it did when the store was made."""
    lost = [
        *(["hard links"] if marker.hard_links and not found.hard_links else []),
        *(["extended attributes"] if marker.xattrs and not found.xattrs else []),
        *(["ACLs"] if marker.acls and not found.acls else []),
        *(["nanoseconds"] if marker.nanoseconds and not found.nanoseconds else []),
        *([] if found.locks else ["locks"]),
    ]
    if marker.kind is StoreKind.BTRFS and found.no_subvolumes_why:
        lost.append(f"subvolumes ({found.no_subvolumes_why})")
    if lost:
        told = (
            f"the filesystem of {quoted(path)} has no {', '.join(lost)} any more: mounted otherwise, or another disk?"
        )
        return Finding("store.filesystem", FAIL, told, f"findmnt --target {quoted(path)}")
    named = {"hard links": found.hard_links, "xattrs": found.xattrs, "ACLs": found.acls, "ns": found.nanoseconds}
    kept = ", ".join(name for name, is_there in named.items() if is_there)
    more = ", subvolumes" if marker.kind is StoreKind.BTRFS else ""
    return Finding("store.filesystem", OK, f"tried: {kept}, locks{more}")


def link_argv(marker: Marker, *, source: Path, base: Path, target: Path) -> tuple[str, ...]:
    """Return an rsync of this machine alone that keeps and compares what a pull into this store does."""
    letters = "-aH" + ("A" if marker.acls else "") + ("X" if marker.xattrs else "")
    kept = ["--fake-super"] if marker.ownership is Ownership.FAKE_SUPER else []
    kept += ["--no-owner", "--no-group"] if marker.ownership is Ownership.PLAIN else []
    kept += ["--modify-window=-1"] if marker.nanoseconds else []
    return ("rsync", letters, "--numeric-ids", *kept, f"--link-dest={base}", "--", f"{source}/", f"{target}/")


def link_finding(path: Path, marker: Marker) -> Finding:
    """Pull two files twice, one of them changed in between, and return whether just the other one is shared."""
    with tempfile.TemporaryDirectory(prefix=".backupjump-probe-", dir=path) as name:
        source, first, second = (Path(name) / each for each in ("source", "first", "second"))
        for folder in (source, first, second):
            folder.mkdir()
        for each in ("same", "other"):
            (source / each).write_text("before")
        try:
            for base, target in ((second, first), (first, second)):
                done = run(link_argv(marker, source=source, base=base, target=target), timeout=_SECONDS)
                if done.status != 0:
                    return _broken(shown_lines(done.stderr, lines=2).replace("\n", "; "))
                (source / "other").write_text("after it")
        except (ProgramMissing, TimedOut) as error:
            return _broken(str(error))
        shared = {each: _inode(first / each) == _inode(second / each) for each in ("same", "other")}
    if shared == {"same": True, "other": False}:
        return Finding("store.link", OK, "two files pulled twice: the unchanged one is shared, the changed one is not")
    if shared["other"]:
        return _broken("a file that changed was written into the snapshot before")
    return _broken("an unchanged file is not shared, so each snapshot takes up its full size")


def _broken(why: str) -> Finding:
    return Finding("store.link", FAIL, f"rsync --link-dest: {why}", "rsync --version")


def _inode(file: Path) -> int:
    return os.stat(file).st_ino  # noqa: PTH116
