"""The runs of a job, one line of JSON each, beside its snapshots: the truth that the history is rebuilt from."""

from __future__ import annotations

import errno
import json
import logging
import os
from dataclasses import replace

from backupjump.escape import shown
from backupjump.run import Run
from backupjump.store.failures import told_as_store_error
from backupjump.store.layout import JobFolder

log = logging.getLogger(__name__)


def append_run(folder: JobFolder, run: Run) -> None:
    """Add a run at the end, on the disk when this returns; the job's folder must be there. Raises StoreError."""
    line = json.dumps(run.to_json(), separators=(",", ":")).encode("ascii") + b"\n"
    with told_as_store_error(f"the run can't be noted in {folder.runs}"):
        fd = os.open(folder.runs, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            whole = _mended(fd) + line
            if os.write(fd, whole) < len(whole):
                raise OSError(errno.ENOSPC, "only a part of it fitted")
            os.fsync(fd)
        finally:
            os.close(fd)


def read_runs(folder: JobFolder) -> tuple[Run, ...]:
    """Return all runs, oldest first; none when there are none. A line that is no run is passed over and logged.

    A run is the job's in whose folder it stands: a job that was renamed has its old runs under its new name.
    """
    return runs_after(folder, "")[0]


def runs_after(folder: JobFolder, mark: str) -> tuple[tuple[Run, ...], str]:
    """Return the runs that were added since `mark` was given, and the next mark; with an empty one all runs.

    All of them too when the file is another one than it was. Raises StoreError.
    """
    with told_as_store_error(f"{folder.runs} can't be read"):
        try:
            file = folder.runs.open("rb")
        except FileNotFoundError:
            return (), ""
        with file:
            start = _start(mark, file.fileno())
            inode = os.fstat(file.fileno()).st_ino
            file.seek(start)
            content = file.read()
    # A last line without its line break is being written, or was cut short by a crash and gets one later.
    whole = content.rpartition(b"\n")[0]
    end = start + len(whole) + 1 if whole else start
    after = f" after byte {start}" if start else ""
    read = [_read_line(line, f"line {n}{after}", folder) for n, line in enumerate(content.splitlines(), start=1)]
    return tuple(run for run in read if run is not None), f"{inode}:{end}"


def _start(mark: str, fd: int) -> int:
    """Return the byte to read on from: 0 when the mark is of another file, or this one was written anew."""
    inode, _, end = mark.partition(":")
    if inode != str(os.fstat(fd).st_ino) or not end.isdecimal():
        return 0
    return int(end) if int(end) and os.pread(fd, 1, int(end) - 1) == b"\n" else 0


def _mended(fd: int) -> bytes:
    """Return the line break that a line cut short by a crash lacks, so that ours stands alone."""
    size = os.fstat(fd).st_size
    return b"\n" if size and os.pread(fd, 1, size - 1) != b"\n" else b""


def _read_line(line: bytes, where: str, folder: JobFolder) -> Run | None:
    try:
        return replace(Run.from_json(json.loads(line)), job=folder.job, desktop=folder.desktop)
    except (ValueError, AttributeError, RecursionError) as error:
        log.warning("%s %s is not a run: %s", folder.runs, where, shown(str(error)))
        return None
