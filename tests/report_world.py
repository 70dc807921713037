"""A Server whose jobs have a past, written straight into its store: what the report page tells of."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backupjump.run import Run, RunError, Status, exit_code_of
from backupjump.store.layout import JobFolder
from backupjump.store.marker import write_marker
from store_world import CONFIG, KEY, MARKER, RUN

KEEP = {"last": 3, "daily": 7, "weekly": 4, "monthly": 12}
GB = 10**9


@dataclass(frozen=True, kw_only=True)
class Past:
    """One job: its runs, oldest first, those of the last snapshots that are still there, and keys of its config."""

    runs: Sequence[Run]
    kept: int = 20
    keys: Mapping[str, Any] = field(default_factory=dict)


def make_site(folder: Path, pasts: Mapping[str, Past]) -> Path:
    """Write a config and a store with all of it; return the config."""
    store, config = folder / "store", folder / "backupjump.yaml"
    store.mkdir(parents=True)
    write_marker(store, replace(MARKER, timezone="Europe/Paris"))
    config.write_text(CONFIG.format(store=store, state=folder / "state", key=KEY))
    (folder / "jobs").mkdir()
    for name, past in pasts.items():
        keys = {"desktop": "desktop", "sources": ["/home/me"], "schedule": {"every": "day"}, "keep": KEEP, **past.keys}
        (folder / "jobs" / f"{name}.yaml").write_text(json.dumps(keys))
        _write_past(JobFolder(store, "desktop", name), past)
    return config


def _write_past(folder: JobFolder, past: Past) -> None:
    folder.snapshots.mkdir(parents=True)
    runs = [replace(run, job=folder.job, run_id=f"{run.run_id}-{folder.job}") for run in past.runs]
    folder.runs.write_text("".join(json.dumps(run.to_json()) + "\n" for run in runs))
    published = [run for run in runs if run.snapshot is not None][-past.kept :]
    for sequence, run in enumerate(published, start=1):
        assert run.snapshot is not None
        path = folder.snapshots / run.snapshot
        path.mkdir()
        counts = {name: getattr(run, name) for name in ("files_total", "bytes_total", "bytes_new")}
        meta = {"format": 1, "run": run.to_json(), "sequence": sequence, "sources": ["/home/me"], "counts": counts}
        (path / "meta.json").write_text(json.dumps({**meta, "manifest": {"sha256": ""}}))


def a_run(at: datetime, status: Status = Status.OK, *, minutes: float = 4, **values: Any) -> Run:
    """Return a run that began at a time, to the second; one that published has the snapshot of that time."""
    at = at.astimezone(UTC).replace(microsecond=0)
    return replace(
        RUN,
        run_id=f"{at:%Y%m%dT%H%M%SZ}-{status.value}",
        status=status,
        exit_code=exit_code_of(status),
        snapshot=f"{at:%Y-%m-%dT%H-%M-%SZ}" if status.published else None,
        started_at=at,
        ended_at=at + timedelta(minutes=minutes),
        **values,
    )


def nights(now: datetime, days: int, *, size: float, growth: float, free: float, seed: int = 0) -> list[Run]:
    """Return a run of each of the last days, the last one some hours ago: as a laptop's, now and then away at first.

    In GB: `size` is what it backs up now, `growth` what comes in a night, `free` what the disk of all jobs has left.
    """
    chance, runs = random.Random(seed), list[Run]()
    for ago in range(days, 0, -1):
        at = (now - timedelta(days=ago)).replace(hour=1, minute=30) + timedelta(hours=20 * (ago == 1))
        at = min(at, now - timedelta(hours=3))
        day = chance.random()
        if day < 0.1 and ago > 2:
            runs.append(a_run(at, Status.AWAY, minutes=0, error=_NOT_OPEN, attempts=0))
            if day < 0.05:
                continue
            at += timedelta(hours=4)
        if day > 0.97 and ago > 2:
            runs.append(a_run(at, Status.DEFERRED, minutes=0, attempts=0))
            continue
        new = growth * chance.lognormvariate(0, 0.7)
        runs.append(
            a_run(
                at,
                minutes=2 + 3 * new / growth + chance.random() * 2,
                files_total=180_000 - 40 * ago,
                bytes_total=round((size - growth * 0.4 * ago) * GB),
                bytes_new=round(new * GB),
                store_free_bytes=round((free + 0.42 * ago + chance.random()) * GB),
            )
        )
    return runs


_NOT_OPEN = RunError(code="tunnel-not-open", message="nobody listens on port 2020 of jumpnode", hint="")


def mixed(now: datetime, *, free: float = 400) -> dict[str, Past]:
    """Return seven jobs, of which three need a person, each for another reason."""
    mail = nights(now, 100, size=1.9, growth=0.02, free=free, seed=1)
    photos = nights(now, 100, size=62, growth=0.31, free=free, seed=2)
    music = nights(now, 60, size=15.5, growth=0.04, free=free, seed=3)
    laptop = nights(now, 100, size=9.1, growth=0.06, free=free, seed=4)
    office = nights(now, 100, size=3.2, growth=0.02, free=free, seed=5)
    studio = nights(now, 100, size=26, growth=0.14, free=free, seed=6)
    parents = nights(now - timedelta(days=9), 80, size=4.8, growth=0.01, free=free, seed=7)
    unreadable = ("2 paths are unreadable: /home/me/.cache/kdeconnect/lock, /home/me/vm/disk.qcow2",)
    photos[-3] = replace(photos[-3], status=Status.WARNING, exit_code=3, warnings=unreadable)
    failed = RunError(
        code="source-missing",
        message="/home/me/work is not there on desktop",
        hint="is its disk mounted? then: backupjump run office",
    )
    office[-1] = replace(office[-1], status=Status.FAILED, exit_code=1, snapshot=None, error=failed)
    suspicion = RunError(
        code="suspect",
        message="61 % of 48,210 files changed since 2026-11-27T01-30-00Z",
        hint="see what changed, and say so if it is right: backupjump ack studio",
    )
    studio[-1] = replace(studio[-1], status=Status.SUSPECT, exit_code=5, error=suspicion)
    laptop.append(a_run(now - timedelta(hours=1), Status.AWAY, minutes=0, error=_NOT_OPEN, attempts=0))
    return {
        "mail": Past(runs=mail),
        "photos": Past(runs=photos),
        "music": Past(runs=music, keys={"keep": {"last": 30}}),
        "laptop": Past(runs=laptop),
        "office": Past(runs=office),
        "studio": Past(runs=studio),
        "parents": Past(runs=parents),
    }


def all_good(now: datetime, *, free: float = 1_400) -> dict[str, Past]:
    """Return four jobs with which all is well."""
    return {
        name: Past(runs=nights(now, 100, size=size, growth=growth, free=free, seed=seed))
        for seed, (name, size, growth) in enumerate(
            [("laptop", 9.1, 0.06), ("mail", 1.9, 0.02), ("music", 15.5, 0.04), ("photos", 62, 0.31)], start=1
        )
    }
