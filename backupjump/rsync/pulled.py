"""What a pull brought: the value that the snapshot and the run are made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from backupjump.escape import shown
from backupjump.rsync.messages import Messages
from backupjump.rsync.output import Output
from backupjump.rsync.plan import Plan

_MOST_WARNINGS = 50


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What arrived, and what did not. Paths are full paths on the Desktop as bytes, without the leading slash.

    `warning` means that the run is to be one: something was left out that was asked for. `hashes` has
    "xxh128:…" or "md5:…" for each regular file whose content was sent, not for those that were linked.
    """

    warning: bool = False
    bytes_received: int = 0
    hashes: Mapping[bytes, str] = field(default_factory=dict)
    unreadable: tuple[bytes, ...] = ()
    vanished: tuple[bytes, ...] = ()
    too_large: tuple[bytes, ...] = ()
    warnings: tuple[str, ...] = ()


def read_pulled(plan: Plan, output: Output, messages: Messages, *, warning: bool) -> Pulled:
    """Return what one rsync brought that was judged usable."""
    told = (*_about_files(plan, output, messages), *_limited(shown(line, limit=400) for line in messages.unexplained))
    return Pulled(
        warning=warning,
        bytes_received=output.bytes_received or 0,
        hashes=output.hashes,
        unreadable=tuple(trouble.path.lstrip(b"/") for trouble in messages.troubles if not trouble.here),
        vanished=tuple(path.lstrip(b"/") for path in messages.vanished),
        too_large=tuple(output.too_large),
        warnings=told or (("rsync left something out and did not say what",) if warning else ()),
    )


def _about_files(plan: Plan, output: Output, messages: Messages) -> list[str]:
    return [
        *_limited(f"left out, larger than {plan.max_size} bytes: /{shown(path)}" for path in output.too_large),
        *_limited(f"left out, needs root here: /{shown(path)}" for path in output.not_kept),
        *_limited(
            f"{'not kept whole' if trouble.here else 'unreadable'}: {shown(trouble.path)}: {shown(trouble.why)}"
            for trouble in messages.troubles
        ),
    ]


def merged(parts: Sequence[Pulled]) -> Pulled:
    """Return the pulls of several sources as one."""
    if len(parts) == 1:
        return parts[0]
    return Pulled(
        warning=any(part.warning for part in parts),
        bytes_received=sum(part.bytes_received for part in parts),
        hashes={path: checksum for part in parts for path, checksum in part.hashes.items()},
        unreadable=tuple(path for part in parts for path in part.unreadable),
        vanished=tuple(path for part in parts for path in part.vanished),
        too_large=tuple(path for part in parts for path in part.too_large),
        warnings=tuple(text for part in parts for text in part.warnings),
    )


def _limited(texts: Iterable[str]) -> list[str]:
    every = list(texts)
    more = len(every) - _MOST_WARNINGS
    return every[:_MOST_WARNINGS] + ([f"and {more} more of this kind"] if more > 0 else [])
