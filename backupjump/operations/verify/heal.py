"""Heal what a verify found: good content from another snapshot or from the Desktop, the rest from the manifest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, Stopped
from backupjump.escape import shown
from backupjump.store.verify.content import can_check, found_at
from backupjump.store.verify.differences import Damage, Kind, Rules
from backupjump.store.verify.heal import can_put_back, good_content, put_back, rewrite, set_attributes, unfrozen
from backupjump.store.verify.tree import examine

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.store.manifest import Entry
    from backupjump.store.snapshots import Snapshot
    from backupjump.store.tree import Found

log = logging.getLogger(__name__)

Fetch = Callable[[Sequence[bytes]], "Path"]
"""Brings paths from the Desktop, each below the folder that it returns; raises BackupjumpError."""

_NO_GOOD_COPY = "neither another snapshot nor the Desktop has the content that was backed up"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one damage; `note` says from where it was healed, or why it was not.

    `hopeless`: all that could have the right content was asked, and had it not.
    """

    damage: Damage
    healed: bool = False
    hopeless: bool = False
    note: str = ""


def heal(
    damages: Sequence[Damage], snapshots: Sequence[Snapshot], rules: Rules, *, fetch: Fetch
) -> tuple[Outcome, ...]:
    """Heal what can be healed and say of each damage what came of it; the job's lock must be held.

    The Desktop is asked, by `fetch`, only for what no snapshot has. What is found sound by now is not touched.
    """
    healer = _Healer(snapshots, rules)
    # A folder comes before what is missing in it; its time is set after all that is made in it.
    first = [each for each in damages if not _is_folders_metadata(each)]
    outcomes = {id(each): healer.from_snapshots(each) for each in first}
    wanting = [each for each in first if outcomes[id(each)] is None]
    if wanting:
        outcomes |= healer.from_desktop(wanting, fetch)
    last = sorted((each for each in damages if _is_folders_metadata(each)), key=lambda each: each.path, reverse=True)
    outcomes |= {id(each): healer.from_snapshots(each) for each in last}
    return tuple(outcomes[id(each)] or Outcome(damage=each, hopeless=True, note=_NO_GOOD_COPY) for each in damages)


def _is_folders_metadata(damage: Damage) -> bool:
    return damage.kind is Kind.METADATA and damage.entry is not None and damage.entry.type == "dir"


class _Healer:
    def __init__(self, snapshots: Sequence[Snapshot], rules: Rules) -> None:
        self._by_id: Mapping[str, Snapshot] = {each.id: each for each in snapshots}
        self._newest_first = snapshots[::-1]
        self._rules = rules

    def from_snapshots(self, damage: Damage) -> Outcome | None:
        """Return what came of it, None when only the Desktop could have the content."""
        entry = damage.entry
        if (reason := _left_alone(damage, self._rules)) is not None or entry is None:
            return Outcome(damage=damage, hopeless=True, note=reason or "")
        if not _needs_content(damage):
            return self._mended(damage, entry, None, "from the manifest")
        for other in self._newest_first:
            with good_content(other.tree, entry, other_than=damage.inode) as good:
                if good is not None:
                    return self._mended(damage, entry, good, f"from snapshot {other.id}")
        return None

    def from_desktop(self, damages: Sequence[Damage], fetch: Fetch) -> dict[int, Outcome | None]:
        """Return what came of each with what the Desktop has of it now."""
        try:
            tree = fetch([each.path for each in damages])
        except Stopped:
            raise
        except BackupjumpError as error:
            note = f"no other snapshot has it, and the Desktop could not be asked: {error}"
            return {id(each): Outcome(damage=each, note=note) for each in damages}
        return {id(each): self._with_fetched(each, tree) for each in damages}

    def _with_fetched(self, damage: Damage, tree: Path) -> Outcome | None:
        assert damage.entry is not None
        with good_content(tree, damage.entry) as good:
            if good is None:
                return None
            return self._mended(damage, damage.entry, good, "from the Desktop", fetched=True)

    def _mended(self, damage: Damage, entry: Entry, good: Found | None, note: str, *, fetched: bool = False) -> Outcome:
        tree = self._by_id[damage.home].tree
        try:
            with unfrozen(tree):
                left = self._mend(tree, damage, entry, good, fetched=fetched)
        except OSError as error:
            return Outcome(damage=damage, note=f"it can't be written: {error.strerror}")
        log.info("%s: /%s %s", damage.home, shown(damage.path), left or note)
        return Outcome(damage=damage, healed=not left, note=f"still damaged: {left}" if left else note)

    def _mend(self, tree: Path, damage: Damage, entry: Entry, good: Found | None, *, fetched: bool) -> str:
        with ExitStack() as stack:
            found = stack.enter_context(found_at(tree, damage.path))
            if found is None:
                shareable = good is not None and not fetched and good.status.st_dev == tree.lstat().st_dev
                link = shareable and good is not None and not examine(good, entry, self._rules)
                put_back(tree, entry, good=good, link=link)
            elif (problems := examine(found, entry, self._rules)) and good is not None:
                if any(problem.kind is not Kind.METADATA for problem in problems):
                    rewrite(found, good)
            elif not problems:
                return ""
        with found_at(tree, damage.path) as found:
            if found is not None and examine(found, entry, self._rules):
                set_attributes(found, entry, self._rules)
        with found_at(tree, damage.path) as found:
            if found is None:
                return "the disk can't give it back"
            return ", ".join(problem.what for problem in examine(found, entry, self._rules))


def _needs_content(damage: Damage) -> bool:
    return damage.kind is not Kind.METADATA and damage.entry is not None and damage.entry.type == "file"


def _left_alone(damage: Damage, rules: Rules) -> str | None:
    """Return why heal does not touch a damage, with what to do; None when it tries."""
    entry = damage.entry
    if damage.kind is Kind.EXTRA:
        return "heal deletes nothing: look at it, then delete it by hand"
    if damage.kind in (Kind.META, Kind.MANIFEST) or entry is None:
        return "nothing else has it; its files can still be restored; when nobody needs them: delete its folder by hand"
    if damage.kind is Kind.TYPE:
        return "heal puts nothing in the place of something else: move that away by hand, then again --heal"
    if _needs_content(damage) and not can_check(entry.hash):
        return "the manifest has no hash of its content, so no copy can be told from a wrong one"
    if damage.kind is Kind.MISSING and not can_put_back(entry, rules):
        return f"heal can't make a {entry.type}: restore shows it from another snapshot"
    if damage.kind is Kind.UNREADABLE and entry.type != "file":
        return "the disk can't read it: see dmesg; other snapshots may have it"
    if damage.kind is Kind.CONTENT and entry.type != "file":
        return "heal makes no symlink or device anew: delete it by hand, then again --heal"
    return None
