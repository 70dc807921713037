"""Keep the Server from falling asleep while a pull runs; best effort, a pull goes on without.

From when the Desktop is reached, not while it is waited for: that can take all night.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from backupjump.gate.awake import BOOTED, INHIBITOR, hold_awake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def kept_awake(inhibitor: Path = INHIBITOR, booted: Path = BOOTED) -> Iterator[None]:
    """Within the block this machine is asked not to sleep, where there is a systemd to ask."""
    held = hold_awake(inhibitor, booted)
    with held if held is not None else nullcontext():
        yield
