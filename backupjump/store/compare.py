"""Compare a manifest with an older snapshot's once more, where not all of the older one is to count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backupjump.store.abreast import abreast, entries_of
from backupjump.store.manifest import read_manifest
from backupjump.store.snapshots import Snapshot
from backupjump.store.suspicion import Comparison, Lost


def lost_since(before: Snapshot, manifest: Path, *, counts: Callable[[bytes], bool]) -> Lost:
    """Return what is lost of those files of `before` whose path `counts`. StoreError for a damaged manifest."""
    comparison = Comparison()
    for entry, old in abreast(read_manifest(manifest), entries_of(before) or (), left_path=lambda each: each.path):
        comparison.see(entry, old if old is not None and counts(old.path) else None)
    return comparison.lost()
