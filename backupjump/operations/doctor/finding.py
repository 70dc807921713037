"""What one check of `doctor` found: the value that its lines, its JSON and its exit code are made of."""

from __future__ import annotations

from dataclasses import dataclass

OK = "ok"
WARN = "warn"  # amber: backups go on, but something is weaker than it could be
FAIL = "fail"
SKIP = "skip"  # nothing was looked at; the evidence says why
VERDICTS = (OK, WARN, FAIL, SKIP)


@dataclass(frozen=True)
class Finding:
    """One check: a stable word path (`jumpnode.login`), its verdict, what was seen, and what mends it.

    `fix` is one command that can be pasted, after `on the JumpNode: ` or the like if it
    belongs on another machine; it is empty where nothing is to be mended. `evidence` and
    `fix` hold no control characters: whoever makes a Finding of a stranger's text has
    passed it through `escape.shown`.
    """

    check: str
    verdict: str
    evidence: str
    fix: str = ""
