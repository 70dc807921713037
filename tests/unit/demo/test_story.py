"""The demo works where there is no checkout: what it reads of the project is in the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_job_of_the_demo_is_packed_where_the_demo_looks_for_it() -> None:
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert packed["force-include"] == {"jobs/nightly.yaml": "backupjump/demo/nightly.yaml"}
    assert (ROOT / "jobs/nightly.yaml").is_file()
