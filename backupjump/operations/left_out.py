"""Which of the paths that a pull left out are news: only these make a run a warning. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.escape import shown
from backupjump.rsync.pulled import Kind, told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from backupjump.rsync.pulled import LeftOut, Pulled

_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class News:
    """Whether something was left out that was there before or never seen, and the lines to tell of all of it."""

    warning: bool
    lines: tuple[str, ...]


def news(pulled: Pulled, *, known: Collection[bytes]) -> News:
    """Tell apart what is left out now from what was already in the last good snapshot, `known`.

    A warning of rsync that names nothing is always news.
    """
    new = [each for each in pulled.left_out if each.path not in known]
    before = [each for each in pulled.left_out if each.path in known]
    unnamed = not any(each.kind.is_trouble for each in pulled.left_out)
    warning = pulled.warning and (unnamed or bool(pulled.remarks) or any(each.kind.is_trouble for each in new))
    lines = told(new, pulled.remarks) or (("rsync left something out and did not say what",) if warning else ())
    return News(warning=warning, lines=(*lines, *_as_before(before)))


def _as_before(before: Sequence[LeftOut]) -> Iterator[str]:
    for kind in Kind:
        paths = sorted({each.path for each in before if each.kind is kind})
        if paths:
            names = ", ".join(f"/{shown(path, limit=200)}" for path in paths[:_EXAMPLES])
            count = "1 path is" if len(paths) == 1 else f"{len(paths):,} paths are"
            yield f"{count} {kind}, as before: {names}{', …' if len(paths) > _EXAMPLES else ''}"
