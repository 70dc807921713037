"""What a transfer shows of its link: what came over it, not what that unpacked to."""

import os
from pathlib import Path

import pytest

from backupjump.rsync.compression import Evidence
from backupjump.rsync.transfer import transfer
from rsync_world import plan_of, remote_shell

pytestmark = pytest.mark.lab

MB = 1_000_000


def test_the_speed_of_a_link_is_measured_on_the_wire_and_the_content_by_what_was_sent(tmp_path: Path) -> None:
    (source := tmp_path / "home").mkdir()
    (source / "noise.jpg").write_bytes(os.urandom(12 * MB))
    (source / "digits.txt").write_bytes(b"0123456789" * (2 * MB))
    # What ssh would write here is written by the process that rsync started.
    shell = remote_shell(tmp_path, 'exec "$@"')
    plan = plan_of(source, tmp_path / "tree", shell, compress=True, bwlimit=8 * MB)
    evidence = Evidence()

    pulled = transfer(plan, evidence=evidence)

    assert 12 * MB < pulled.bytes_received < 13 * MB
    assert evidence.link.bytes_per_second is not None
    assert 0 < evidence.link.bytes_per_second < 10 * MB
    assert (evidence.sent.total_bytes, evidence.sent.compressible_bytes) == (32 * MB, 20 * MB)
