"""A subvolume for each attempt: a private copy of the last snapshot, made at once, which rsync updates in place.

What did not change keeps its blocks, also within a file. Nothing that is written here is shared with a
snapshot, so an attempt that broke off is simply gone on with. Three things that a fresh tree has for
nothing have to be seen to: names that were one file must not be so when rsync writes into one of them,
what rsync could not bring must not stay as it was, and what is no longer asked for must go.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from backupjump.errors import BackupjumpError, SourceMissing, StoreError, TransferFailed
from backupjump.process import run
from backupjump.store import subvolume
from backupjump.store.attempts import NOTE_NAME, begun_ns, older_attempts, write_note
from backupjump.store.graft import Folders, look_up, rename_moved, take_out_changed
from backupjump.store.inode import hash_content
from backupjump.store.manifest import sort_key
from backupjump.store.meta import read_meta
from backupjump.store.partials import times_kept
from backupjump.store.settled import begin_again, doubt_private, is_settled
from backupjump.store.snapshots import TREE_NAME
from backupjump.store.tree import names_in, open_folder, remove_tree, walk
from backupjump.store.unshare import unshare, unshare_one

if TYPE_CHECKING:
    from backupjump.store.change_list import Change
    from backupjump.store.layout import JobFolder
    from backupjump.store.record import Hashes
    from backupjump.store.snapshots import Snapshot
    from backupjump.store.staging import Staging

log = logging.getLogger(__name__)

_COPY_SECONDS = 24 * 3600


def useful_attempts(folder: JobFolder, base: Snapshot | None) -> tuple[Path, ...]:
    """Return the newest attempt that grew from `base`, to be gone on with; none when there is no such one."""
    id_ = base.id if base is not None else None
    for attempt in older_attempts(folder):
        note = _read_note(attempt)
        if note is not None and note.get("base") == id_ and subvolume.is_subvolume(attempt / TREE_NAME):
            return (attempt,)
    return ()


def begin(staging: Staging, *, run_id: str, may_list: bool = False) -> Staging:
    """Make the private tree of an attempt: that of the attempt before, a copy of the base's, or an empty one.

    Where a list may tell what is to be written to, names of one file stay together for the time being.
    """
    since_ns = _take_over(staging) if staging.older else _make_folder(staging)
    base = staging.base.id if staging.base is not None else None
    more = {"base": base, "touched_since_ns": since_ns}
    write_note(staging.path, run_id=run_id, sources=staging.sources, more=more)
    if not staging.older:
        _grow(staging)
    goes_on, shares = bool(staging.older), staging.base is None or _may_have_hard_links(staging.base)
    keeps_links = may_list and shares and not goes_on
    if goes_on or (shares and not keeps_links):
        unshare(staging.tree)
    _make_way(staging.tree, staging.sources)
    return replace(staging, older=(), touched_since_ns=since_ns, goes_on=goes_on, keeps_links=keeps_links)


def is_spoilt(because: BackupjumpError | None) -> bool:
    """Say whether an attempt ended `because` of what could not be read, which it no longer has and the base has."""
    return isinstance(because, (SourceMissing, TransferFailed))


def ready_to_list(staging: Staging) -> int:
    """Return the ctime from which on a file of the tree may not be the base's any more.

    A copy of a subvolume keeps every ctime, and whatever is done to a file sets it to the clock's time.
    Should the clock have gone back meanwhile, that is 0: then every file may have been touched.
    """
    note = staging.path / NOTE_NAME
    os.utime(note)
    return staging.touched_since_ns if note.stat().st_ctime_ns >= staging.touched_since_ns else 0


def seed(staging: Staging, attempt: Staging, hashes: Hashes) -> Staging:
    """Copy the tree of `attempt`, without its data, and take out what may be torn.

    What rsync is at has the time of its last write, and gets its own, and its mode, a moment after its hash is told. So
    what is as young waits for the next session; what is from a time to come is there if its content is.
    """
    subvolume.snapshot(attempt.tree, staging.tree)
    begun, now = begun_ns(attempt.path), time.time_ns()
    for found in walk(staging.tree):
        status = found.status
        if found.is_regular and min(status.st_ctime_ns, status.st_mtime_ns) >= begun:
            told = hashes.get(found.path)
            if status.st_mtime_ns <= now or told is None or hash_content(found) != told:
                with times_kept(found.folder_fd):
                    os.unlink(found.name, dir_fd=found.folder_fd)
    return replace(staging, touched_since_ns=_made_ns(staging.base) if staging.base is not None else 0)


def for_whole(staging: Staging, moved: Mapping[bytes, bytes]) -> None:
    """Make the tree one that rsync may write to anywhere, what has moved at its new place."""
    rename_moved(staging.tree, moved)
    if staging.keeps_links:
        unshare(staging.tree)


def make_way(staging: Staging, changes: Sequence[Change], moved: Mapping[bytes, bytes]) -> None:
    """Take out of the private tree what went, or is of another type now; what has moved goes to its new place."""
    went = rename_moved(staging.tree, moved)
    take_out_changed(staging.tree, [each for each in changes if each.path not in went and not each.keeps_type])
    if staging.keeps_links:
        written = sorted({*(each.path for each in changes if each.keeps_type), *moved}, key=sort_key)
        with Folders(staging.tree, to_change=True) as folders:
            for path in written:
                if (found := look_up(folders, path)) is not None:
                    unshare_one(found)


def take_in(staging: Staging, changes: Sequence[Change], wanted: Collection[bytes]) -> Collection[bytes]:
    """Take out what vanished while rsync was at it, and return the folders whose attributes may have come anew.

    rsync says nothing of a name that is gone by then, and leaves what the base had. It is known by its ctime, unless
    only that had changed on the Desktop: then what is here was there when the list was made.
    """
    with Folders(staging.tree, to_change=True) as folders:
        for change in reversed(changes):
            if change.path not in wanted or change.old is None or not change.differs or change.stays_folder:
                continue
            found = look_up(folders, change.path)
            if found is not None and found.status.st_ctime_ns < staging.touched_since_ns:
                os.unlink(found.name, dir_fd=found.folder_fd)
    assert staging.base is not None
    for source in (each.lstrip("/") for each in staging.sources):
        if os.fsencode(source) not in wanted:
            # rsync makes names anew in it, and gives it no time unless it is asked for.
            before = (staging.base.tree / source).stat()
            os.utime(staging.tree / source, ns=(before.st_atime_ns, before.st_mtime_ns))
    return {path[:at] for path in wanted for at in range(len(path)) if path[at : at + 1] == b"/"}


def seal(staging: Staging) -> None:
    """Freeze the tree: from now on nobody writes to it by mistake."""
    subvolume.set_read_only(staging.tree, read_only=True)


def take_out(tree: Path, paths: Iterable[bytes]) -> None:
    """Remove the files `paths` from a private `tree`, at which they start: rsync left them as they were, or torn.

    A Desktop may have made the names up: no link is followed, and what is no file stays.
    """
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            _take_out(tree, path.split(b"/"))


def _take_over(staging: Staging) -> int:
    """Make the folder of the attempt before this one's, and return since when its files may have been touched."""
    (attempt,) = staging.older
    note = _read_note(attempt)
    assert note is not None
    since_ns, begun = int(note["touched_since_ns"]), begun_ns(attempt)
    attempt.rename(staging.path)
    subvolume.set_read_only(staging.tree, read_only=False)
    doubt_private(staging.tree, since_ns=since_ns, written_ns=begun if is_settled(staging.path) else 0)
    begin_again(staging.path)
    return since_ns


def _make_folder(staging: Staging) -> int:
    staging.path.mkdir(mode=0o700)
    return staging.path.stat().st_ctime_ns


def _grow(staging: Staging) -> None:
    base = staging.base or staging.seeding
    if base is None or not base.tree.is_dir():
        return subvolume.create(staging.tree)
    if subvolume.is_subvolume(base.tree):
        return subvolume.snapshot(base.tree, staging.tree)
    # The store was copied file by file from another disk.
    log.warning("%s is an ordinary folder: it is copied once, which takes a while", base.tree)
    subvolume.create(staging.tree)
    done = run(["cp", "-a", "--reflink=auto", "--", f"{base.tree}/.", str(staging.tree)], timeout=_COPY_SECONDS)
    if done.status != 0:
        first = done.stderr.decode("utf-8", "replace").partition("\n")[0]
        raise StoreError(f"{base.tree} can't be copied: {first}", hint="is there room? see: df -h for the store")
    return None


def _made_ns(snapshot: Snapshot) -> int:
    """Return the filesystem's time right after the tree of `snapshot` was copied from the attempt's; 0 if unknown."""
    try:
        return snapshot.manifest.stat().st_mtime_ns
    except OSError:
        return 0


def _may_have_hard_links(base: Snapshot) -> bool:
    """Whether two names of a base may be one file; only snapshots that were made as subvolumes have counted them."""
    return base.has_hard_links or not subvolume.is_subvolume(base.tree)


def _make_way(tree: Path, sources: tuple[str, ...]) -> None:
    """Make the folder of each source, and remove what lies beside them: it was a source once."""
    wanted = {PurePosixPath(source).parts[1:] for source in sources}
    above = {parts[:depth] for parts in wanted for depth in range(len(parts))}
    for parts in sorted(wanted | above, key=len):
        place = tree.joinpath(*parts)
        if not place.is_dir() or place.is_symlink():
            place.unlink(missing_ok=True)
            place.mkdir()
        if parts in above:
            place.chmod(0o755)
            os.chown(place, os.geteuid(), os.getegid())
            _remove_all_but(place, {each[len(parts)] for each in wanted | above if each[: len(parts)] == parts != each})


def _remove_all_but(place: Path, kept: set[str]) -> None:
    fd = open_folder(place, ())
    try:
        for name in set(names_in(fd)) - kept:
            _remove(name, folder_fd=fd)
    finally:
        os.close(fd)


def _remove(name: str, *, folder_fd: int) -> None:
    if stat.S_ISDIR(os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode):
        remove_tree(name, folder_fd=folder_fd)
    else:
        os.unlink(name, dir_fd=folder_fd)


def _take_out(tree: Path, parts: list[bytes]) -> None:
    if not {b"", b".", b".."}.isdisjoint(parts):
        return
    fd = open_folder(tree, parts[:-1])
    try:
        before = os.fstat(fd)
        os.unlink(parts[-1], dir_fd=fd)
        os.utime(fd, ns=(before.st_atime_ns, before.st_mtime_ns))
    finally:
        os.close(fd)


def _read_note(attempt: Path) -> Mapping[str, Any] | None:
    try:
        note = json.loads((attempt / NOTE_NAME).read_bytes())
    except FileNotFoundError:
        return _note_of_finished(attempt)
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and isinstance(note.get("touched_since_ns"), int) else None


def _note_of_finished(attempt: Path) -> Mapping[str, Any] | None:
    """Return the note of an attempt that was cut off right before its publication; all in it may have been touched."""
    try:
        return {"base": read_meta(attempt)["base"], "touched_since_ns": 0}
    except (ValueError, KeyError):
        return None
