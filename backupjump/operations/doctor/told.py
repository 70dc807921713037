"""How findings become lines or JSON, the same on the Server and on the Desktop: Python 3.9, standard library alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict

from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding

# A mark of its own for each, in letters that every terminal and every mail has.
_MARKS = {OK: "+", WARN: "!", FAIL: "x", SKIP: "-"}
# SGR: green, yellow, red, dim.  Source: ECMA-48, 8.3.117.
_COLOURS = {OK: "32", WARN: "33", FAIL: "31", SKIP: "2"}
_CHECK_WIDTH = 22


def told(finding: Finding, *, colour: bool) -> str:
    """Return one line, mark and verdict first, and where there is a fix a second one with nothing else on it."""
    verdict = f"{_MARKS[finding.verdict]} {finding.verdict:<4}"
    if colour:
        verdict = f"\x1b[{_COLOURS[finding.verdict]}m{verdict}\x1b[0m"
    line = f"{verdict}  {finding.check:<{_CHECK_WIDTH}}  {finding.evidence}"
    return f"{line}\n        fix: {finding.fix}" if finding.fix else line


def summed_up(findings: Iterable[Finding]) -> str:
    """Return the last line: how many of each verdict there were."""
    verdicts = [finding.verdict for finding in findings]
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in (FAIL, WARN, OK, SKIP) if verdict in verdicts]
    return ", ".join(counts) or "nothing to check"


def as_json_array(findings: Iterable[Finding]) -> str:
    """Return one JSON array, ASCII only: `check`, `verdict`, `evidence`, `fix` of each."""
    return json.dumps([asdict(finding) for finding in findings], indent=2)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 1 if a check failed, else 0: amber needs a person some day, not now."""
    return int(any(finding.verdict == FAIL for finding in findings))


def tell(
    findings: Iterable[Finding], *, say: Callable[[str], None], as_json: bool, quiet: bool = False, colour: bool = False
) -> int:
    """Say each finding as it comes, or all as JSON at the end; return the exit code. `quiet`: only what failed."""
    seen = []
    for finding in findings:
        seen.append(finding)
        if not as_json and (not quiet or finding.verdict == FAIL):
            say(told(finding, colour=colour))
    if as_json:
        say(as_json_array(seen))
    elif not quiet:
        say(summed_up(seen))
    return exit_code(seen)
