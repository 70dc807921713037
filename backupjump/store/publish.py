"""From a filled staging to a snapshot: listed, judged by the caller, published by one rename."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from backupjump.config.models import Ownership, StoreKind
from backupjump.errors import StoreError
from backupjump.run import Counts, Run
from backupjump.store.attempts import NOTE_NAME, tidy
from backupjump.store.draft import Draft, Finish
from backupjump.store.failures import told_as_store_error
from backupjump.store.manifest import MANIFEST_NAME, Entry
from backupjump.store.meta import write_meta
from backupjump.store.record import Hashes, Listed, Recorder, record_tree
from backupjump.store.seen import Seen
from backupjump.store.settled import sync_or_discard
from backupjump.store.snapshots import Snapshot, read_snapshot
from backupjump.store.staging import Staging
from backupjump.store.store import Store
from backupjump.store.suspicion import Comparison
from backupjump.store.tree import sync_folder
from backupjump.store.trees import TREES

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A tree that has its manifest and is no snapshot yet, and what it is beside what was there."""

    staging: Staging
    listed: Listed


@dataclass(frozen=True, kw_only=True)
class Published:
    """A snapshot that has just been published, its counts, and the run with both in it."""

    snapshot: Snapshot
    counts: Counts
    run: Run


def record(store: Store, staging: Staging, *, hashes: Hashes, seen: Seen | None = None) -> Recorded:
    """List what the staging's tree holds, once what must not be published is out of it; nothing is synced yet.

    `hashes` are rsync's, by path, of what it transferred, `seen` is the Desktop's list from before that, where there
    is one. On StoreError the attempt is as good as before.
    """
    with told_as_store_error("the snapshot can't be finished"):
        touched_since_ns = TREES[staging.kind].ready_to_list(staging)
        (staging.path / MANIFEST_NAME).unlink(missing_ok=True)
        listed = record_tree(
            staging.tree,
            staging.path / MANIFEST_NAME,
            sources=[os.fsencode(source.lstrip("/")) for source in staging.sources],
            base=staging.base,
            last_good=staging.last_good,
            hashes=hashes,
            fake_super=store.marker.ownership is Ownership.FAKE_SUPER,
            touched_since_ns=touched_since_ns,
            seen=seen,
        )
    return Recorded(staging=staging, listed=listed)


def record_changes(
    store: Store,
    staging: Staging,
    draft: Draft,
    *,
    hashes: Hashes,
    moved: Iterable[Entry],
    refreshed: Collection[bytes],
    doubtful: Collection[bytes],
) -> tuple[Recorded, tuple[bytes, ...]]:
    """List what a tree holds that was made from a list of changes, as `record` does, looking at these alone.

    Returns the changed paths that did not arrive, too. `moved` are the base's entries of what lies elsewhere now; the
    rest as in `Finish`.
    """
    base = staging.base
    assert base is not None
    in_place = staging.kind is StoreKind.BTRFS
    with told_as_store_error("the snapshot can't be finished"):
        recorder = Recorder(
            hashes=hashes,
            fake_super=store.marker.ownership is Ownership.FAKE_SUPER,
            base_is_whole=True,
            sources=[os.fsencode(source.lstrip("/")) for source in staging.sources],
            comparison=Comparison(),
            touched_since_ns=TREES[staging.kind].ready_to_list(staging) if in_place else None,
            moved={entry.ino: entry for entry in moved},
        )
        finish = Finish(draft, recorder, staging.tree, refreshed=refreshed, doubtful=doubtful)
        (staging.path / MANIFEST_NAME).unlink(missing_ok=True)
        listed = finish.write(staging.path / MANIFEST_NAME, base=base)
    return Recorded(staging=staging, listed=listed), tuple(finish.absent)


def publish(store: Store, recorded: Recorded, *, run: Run, how: Mapping[str, Any]) -> Published:
    """Make a recorded tree a snapshot: there whole or not there, also after a power cut.

    `run` says the status (ok, warning or suspect), `how` goes into meta.json as it is. Older attempts are
    removed. On StoreError nothing is published.
    """
    folder = recorded.staging.folder
    published = publish_beside_attempts(store, recorded, run=run, how=how)
    tidy(folder, published.snapshot.id if published.snapshot.is_good else None)
    return published


def publish_beside_attempts(store: Store, recorded: Recorded, *, run: Run, how: Mapping[str, Any]) -> Published:
    """Make a recorded tree a snapshot, as `publish` does, and leave the attempts and `latest` as they are."""
    staging = recorded.staging
    folder = staging.folder
    with told_as_store_error("the snapshot can't be finished"):
        run = _with_counts(run, staging, recorded.listed.counts)
        write_meta(
            staging.path,
            run=run,
            sequence=staging.sequence,
            base=staging.base.id if staging.base is not None else None,
            sources=staging.sources,
            written=recorded.listed.written,
            counts=recorded.listed.counts,
            how=how,
            is_seeding=staging.publishes_seeding,
        )
        (staging.path / NOTE_NAME).unlink()
        _clear_aside(staging)
        TREES[staging.kind].seal(staging)
        sync_or_discard(store, folder, staging.path)
        snapshot = _commit(staging)
    log.info("%s/%s: snapshot %s published", folder.desktop, folder.job, snapshot.id)
    return Published(snapshot=snapshot, counts=recorded.listed.counts, run=run)


def _clear_aside(staging: Staging) -> None:
    if staging.aside.is_dir():
        staging.aside.rename(staging.folder.trash / f"aside-{secrets.token_hex(4)}")


def _with_counts(run: Run, staging: Staging, counts: Counts) -> Run:
    in_run = {name: value for name, value in asdict(counts).items() if name in Run.__dataclass_fields__}
    # The Run that broke off has published nothing whole.
    return replace(run, snapshot=None if staging.publishes_seeding else staging.id, **in_run)


def _commit(staging: Staging) -> Snapshot:
    folder = staging.folder
    final = folder.snapshots / staging.id
    # rename(2) would quietly take the place of an empty folder.
    if os.path.lexists(final):
        raise StoreError(f"{final} is already there", hint="do two servers share this store?")
    staging.path.rename(final)
    sync_folder(folder.snapshots)
    sync_folder(folder.work)
    return read_snapshot(folder, staging.id)
