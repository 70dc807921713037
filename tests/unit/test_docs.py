"""The pages that are made from the program's own words, and the links of all pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
PAGES = [HOUSE / "README.md", HOUSE / "CONTRIBUTING.md", HOUSE / "CHANGELOG.md", *sorted((HOUSE / "docs").glob("*.md"))]


def test_the_made_pages_say_what_the_program_says() -> None:
    done = subprocess.run(
        [sys.executable, HOUSE / "docs/make.py", "--check"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file_or_a_heading_that_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        assert there.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in {_anchor(line) for line in re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_man_page_is_read_without_a_complaint() -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", str(HOUSE / "docs/man/backupjump.1")],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"},
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "backupjump run [OPTIONS] JOB..." in done.stdout
    assert "--if-due" in done.stdout
