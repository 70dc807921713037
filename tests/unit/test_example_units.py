"""The services in examples/ as systemd itself reads them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("example", ["desktop/backupjump-agent.service", "server/backupjump-serve.service"])
def test_systemd_finds_no_fault_in_it(tmp_path: Path, example: str) -> None:
    unit = tmp_path / Path(example).name
    unit.write_text(re.sub("(?m)^ExecStart=%h\\S+", "ExecStart=/bin/true", (EXAMPLES / example).read_text()))

    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
