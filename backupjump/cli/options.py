"""The options that stand before every command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What was said before the command: the config file, how much to tell, and whether to be silent."""

    config: Path | None = None
    verbose: int = 0
    quiet: bool = False
