"""All that is known of one run: what the history has, and the paths that its snapshot keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backupjump.errors import UsageError
from backupjump.escape import shown
from backupjump.operations.by_list.trust import TRANSFER
from backupjump.operations.listing import runs_of
from backupjump.store.meta import read_meta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backupjump.operations.site import Site
    from backupjump.run import Run

# The keys of `how` in a meta.json: what they are for people, the paths, and their number where that is kept too.
_GROUPS = (
    ("not readable", "unreadable_paths", "unreadable"),
    ("left out by a rule of the job", "left_out_paths", None),
    ("vanished while it ran", "vanished_paths", "vanished"),
)


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Paths of the Desktop that share a fate, as text with surrogate escapes; `count` may be more than are kept."""

    key: str
    what: str
    paths: tuple[str, ...]
    count: int


@dataclass(frozen=True, kw_only=True)
class WholeRun:
    """A run, whether its snapshot is still there, and the paths that it could not read, left out or lost.

    `compared` says what was compared: what a list said had changed, or everything and why; empty where nothing tells.
    """

    run: Run
    is_there: bool
    paths: tuple[Paths, ...]
    compared: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the Run's own values, `compared`, and `paths` by kind with their `count`; the keys are API."""
        return {
            **self.run.to_json(),
            "compared": self.compared,
            "paths": {each.key: {"count": each.count, "paths": list(each.paths)} for each in self.paths},
        }


def whole_run(site: Site, job_name: str, wanted: str) -> WholeRun:
    """Return the run `wanted` of a job: `last`, or the only or newest one whose own or snapshot's id begins so.

    Raises UsageError where there is none. A snapshot that is damaged or pruned meanwhile has no paths to tell of.
    """
    run = pick(runs_of(site, job_name, limit=None), wanted)
    if run is None:
        raise UsageError(
            f"{job_name} has no run {shown(wanted)}", hint=f"backupjump history {job_name} --json | jq -r .[].run_id"
        )
    folder = next((each for each in site.folders(site.marker().uuid) if each.job == run.job), None)
    if folder is None or run.snapshot is None:
        return WholeRun(run=run, is_there=False, paths=())
    try:
        meta = read_meta(folder.snapshots / run.snapshot)
    except ValueError:
        return WholeRun(run=run, is_there=False, paths=())
    how = meta.get("how")
    return WholeRun(run=run, is_there=True, paths=paths_of(how), compared=what_was_compared(how))


def pick(runs: Sequence[Run], wanted: str) -> Run | None:
    """Return the run that `wanted` names, of several that begin so the newest; None for none. `runs`: oldest first."""
    if wanted == "last":
        return runs[-1] if runs else None
    named = (run for run in reversed(runs) if wanted and (run.snapshot or "").startswith(wanted))
    by_id = (run for run in reversed(runs) if wanted and run.run_id.startswith(wanted))
    return next(by_id, None) or next(named, None)


def what_was_compared(how: object) -> str:
    """Return what a run compared, by the `how` of a meta.json; empty for one that does not tell."""
    told = how.get(TRANSFER) if isinstance(how, dict) else None
    if not isinstance(told, dict) or told.get("by") not in ("list", "whole"):
        return ""
    return "what the Desktop's list said had changed" if told["by"] == "list" else f"everything: {told.get('why')}"


def paths_of(how: object) -> tuple[Paths, ...]:
    """Return the paths that the `how` of a meta.json tells of, kinds without any left out."""
    return tuple(_groups(how)) if isinstance(how, dict) else ()


def _groups(how: Mapping[str, Any]) -> list[Paths]:
    groups = []
    for what, key, counted in _GROUPS:
        paths = tuple(path for path in how.get(key, ()) if isinstance(path, str))
        number = how.get(counted, 0) if counted is not None else 0
        if paths:
            count = max(len(paths), number if isinstance(number, int) else 0)
            groups.append(Paths(key=key.removesuffix("_paths"), what=what, paths=paths, count=count))
    return groups
