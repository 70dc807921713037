"""What the report page costs where there is much to tell: time to make it, its size, time to open it.

    .venv/bin/python tests/bench/report.py [--jobs 50] [--runs 1000] [--snapshots 26]

The runs of each job lie in the last 91 days; every tenth has warnings. Chromium opens the page from the disk.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from backupjump.run import Run, Status
from chromium import Chromium
from program import argv
from report_world import GB, Past, a_run, make_site

_DAYS = 91
_OPENED = "(each => [each.domContentLoadedEventEnd, each.loadEventEnd])(performance.getEntriesByType('navigation')[0])"


def main() -> None:
    """Make the page twice, open it on a desktop and on a phone, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--snapshots", type=int, default=26)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="report-bench-") as place:
        now, page = datetime.now(UTC), Path(place) / "page.html"
        pasts = {f"job{number:02}": past(now, number, said.runs, said.snapshots) for number in range(said.jobs)}
        config = make_site(Path(place) / "site", pasts)
        for when in ("first, the history made anew", "again"):
            started = time.monotonic()
            subprocess.run(argv(config, "report", "-o", str(page)), check=True)
            print(f"made ({when}): {time.monotonic() - started:.1f} s")
        print(f"memory: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB at most")
        print(f"size: {page.stat().st_size / 1e6:.2f} MB, {said.jobs} jobs of {said.runs} runs")
        with Chromium() as browser:
            for name, width in (("desktop", 1280), ("phone", 360)):
                browser.look(width=width)
                started = time.monotonic()
                browser.open(page.as_uri())
                parsed, loaded = browser.tell(_OPENED)
                print(
                    f"opened ({name}): {loaded:.0f} ms to load, {parsed:.0f} ms of them to read it; "
                    f"{1000 * (time.monotonic() - started):.0f} ms with all that is around it"
                )
            print(f"elements: {browser.tell('document.querySelectorAll(`*`).length')}")


def past(now: datetime, number: int, runs: int, snapshots: int) -> Past:
    """Return a job with so many runs."""
    step = timedelta(days=_DAYS) / runs

    def nth(index: int) -> Run:
        warned = index % 10 == number % 10
        return a_run(
            now - step * (runs - index) - timedelta(seconds=number),
            Status.WARNING if warned else Status.OK,
            minutes=1 + index % 7,
            files_total=200_000,
            bytes_total=100 * GB + index * GB // 50,
            bytes_new=(index * 7919) % GB,
            store_free_bytes=500 * GB - index * GB // 20,
            warnings=tuple(f"/home/me/file {each} of run {index} is unreadable" for each in range(12 * warned)),
        )

    return Past(runs=[nth(index) for index in range(runs)], kept=snapshots)


if __name__ == "__main__":
    main()
