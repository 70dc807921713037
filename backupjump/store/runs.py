"""The runs of a job, one line of JSON each, beside its snapshots: the truth that the history is rebuilt from."""

from __future__ import annotations

import json
import logging
import os

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
            os.write(fd, _mended(fd) + line)
            os.fsync(fd)
        finally:
            os.close(fd)


def read_runs(folder: JobFolder) -> tuple[Run, ...]:
    """Return all runs, oldest first; none when there are none. A line that is no run is passed over and logged."""
    with told_as_store_error(f"{folder.runs} can't be read"):
        try:
            lines = folder.runs.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
    read = [_read_line(line, number, folder) for number, line in enumerate(lines, start=1)]
    return tuple(run for run in read if run is not None)


def _mended(fd: int) -> bytes:
    """Return the line break that a line cut short by a crash lacks, so that ours stands alone."""
    size = os.fstat(fd).st_size
    return b"\n" if size and os.pread(fd, 1, size - 1) != b"\n" else b""


def _read_line(line: bytes, number: int, folder: JobFolder) -> Run | None:
    try:
        return Run.from_json(json.loads(line))
    except (ValueError, AttributeError, RecursionError) as error:
        log.warning("%s line %d is not a run: %s", folder.runs, number, error)
        return None
