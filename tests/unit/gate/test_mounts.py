import os
from pathlib import Path

import pytest

from backupjump.gate.mounts import filesystem_of

MOUNTS = b"""21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
212 21 0:40 / /home/me rw,relatime shared:5 master:2 - fuse.sshfs host:/a\\040-\\040b rw
22 21 0:5 / /proc rw - proc proc rw
"""


def proc(folder: Path, *, mount: bytes, mounts: bytes = MOUNTS) -> Path:
    (folder / "fdinfo").mkdir()
    (folder / "fdinfo/7").write_bytes(b"pos:\t0\nflags:\t012000000\nmnt_id:\t" + mount + b"\nino:\t5\n")
    (folder / "mountinfo").write_bytes(mounts)
    return folder


@pytest.mark.parametrize(("mount", "kind"), [(b"21", "ext4"), (b"212", "fuse.sshfs"), (b"2", ""), (b"", "")])
def test_the_kind_is_that_of_the_mount_of_the_descriptor(tmp_path: Path, mount: bytes, kind: str) -> None:
    assert filesystem_of(7, proc(tmp_path, mount=mount)) == kind


def test_a_line_that_is_none_tells_nothing(tmp_path: Path) -> None:
    assert filesystem_of(7, proc(tmp_path, mount=b"5", mounts=b"5 \xff\n")) == ""


def test_without_proc_it_is_not_known(tmp_path: Path) -> None:
    assert filesystem_of(7, tmp_path / "proc") == ""


def test_it_is_what_the_kernel_says_here() -> None:
    fd = os.open("/proc", os.O_RDONLY)

    assert filesystem_of(fd) == "proc"
    os.close(fd)
