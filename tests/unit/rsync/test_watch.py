"""What ends a transfer by itself."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from backupjump.errors import TransferFailed
from backupjump.process import spawn
from backupjump.rsync.traffic import sample
from backupjump.rsync.watch import Watch
from program import until
from rsync_world import plan_of

MEBIBYTE = 1 << 20
# Stands for an rsync that was sent a long list of files.
HOLDS_64_MIB = [sys.executable, "-c", "held = bytearray(64 << 20); import time; time.sleep(60)"]


def test_an_rsync_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    with spawn(HOLDS_64_MIB) as child:
        until(lambda: sample(child.pid).memory_bytes > 64 * MEBIBYTE, what="the memory")
        plan, later = plan_of("/home", tmp_path, ("sh",)), time.monotonic() + 60

        Watch(child.pid, plan, deadline=later, memory_limit_bytes=1024 * MEBIBYTE).look(0)
        with pytest.raises(TransferFailed, match="memory, over half of it"):
            Watch(child.pid, plan, deadline=later, memory_limit_bytes=48 * MEBIBYTE).look(0)
