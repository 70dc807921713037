"""What a verify is asked for, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from backupjump.operations.verify.drill import Drill
    from backupjump.operations.verify.heal import Outcome
    from backupjump.rsync.compare import Compared

EXIT_DAMAGE = 4


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to verify besides the newest snapshot: `every` one, or instead a `share` (0 to 1) of all content."""

    every: bool = False
    share: float | None = None
    heal: bool = False
    against_source: bool = False


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What a verify came to. `checked` counts names, `read_bytes` content; `warnings` are for people."""

    job: str
    checked: int = 0
    read_bytes: int = 0
    outcomes: tuple[Outcome, ...] = ()
    source: Compared | None = None
    drill: Drill | None = None
    snapshots: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def healed(self) -> int:
        """How many damages are healed."""
        return sum(outcome.healed for outcome in self.outcomes)

    @property
    def headline(self) -> str:
        """What is wrong, in one line: how much, and the first of it."""
        named = [f"{each.damage.name}: {each.damage.what}" for each in self.outcomes if not each.healed]
        named += self.drill.failed if self.drill is not None else ()
        more = f", and {len(named) - 1} more" if len(named) > 1 else ""
        return f"damaged: {named[0]}{more}" if named else "nothing is damaged"

    def is_news(self, known: Collection[str]) -> bool:
        """Whether it found damage in a snapshot that is not among the `known` ones, or a restore that failed."""
        found = {id_ for each in self.outcomes if not each.healed for id_ in each.damage.snapshots}
        return not found <= set(known) or (self.drill is not None and bool(self.drill.failed))

    @property
    def exit_code(self) -> int:
        """4 when something is damaged and stays so, else 0."""
        silent = self.source is not None and bool(self.source.silent)
        not_restored = self.drill is not None and bool(self.drill.failed)
        return EXIT_DAMAGE if self.healed < len(self.outcomes) or silent or not_restored else 0
