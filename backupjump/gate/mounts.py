"""On what kind of file system an open folder lies: whether inodes and times can be relied on depends on it."""

from __future__ import annotations

import re
from pathlib import Path

_PROC = Path("/proc/self")
_MOUNT = re.compile(rb"mnt_id:\s*(\d+)")


def filesystem_of(fd: int, proc: Path = _PROC) -> str:
    """Return the type of the file system of `fd` as the kernel names it (`ext4`, `fuse.sshfs`), empty if unknown.

    By the mount that the descriptor belongs to, so whatever was mounted over its path meanwhile.
    Source: proc(5), /proc/[pid]/fdinfo and /proc/[pid]/mountinfo.
    """
    try:
        found = _MOUNT.search((proc / "fdinfo" / str(fd)).read_bytes())
        if found is None:
            return ""
        with (proc / "mountinfo").open("rb") as lines:
            line = next((each for each in lines if each.startswith(found[1] + b" ")), b"")
    except OSError:
        return ""
    kind = line.partition(b" - ")[2].split(b" ")[0]
    return kind.strip().decode("ascii", "replace")
