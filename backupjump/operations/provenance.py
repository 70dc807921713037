"""How a snapshot was made, for the `how` of its meta.json: who saw the data, the tools, what was left out. Pure."""

from __future__ import annotations

import json
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any

from backupjump.config.models import RouteKind
from backupjump.rsync.pulled import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from backupjump.config.models import Job
    from backupjump.operations.gate import Gate
    from backupjump.operations.probe import Rsyncs
    from backupjump.rsync.pulled import Pulled
    from backupjump.ssh.route import Route

_MOST_VANISHED = 100
_MOST_PATHS = 10_000
_MOST_PATHS_BYTES = 4 << 20
# PATH_MAX of Linux. A longer one is no path but text of the Desktop's own, and meta.json must stay readable.
_LONGEST_PATH_BYTES = 4096
_PATHS = ("unreadable_paths", "left_out_paths")


def provenance(routes: Sequence[Route], rsyncs: Rsyncs, pulled: Pulled, job: Job, gate: Gate | None) -> dict[str, Any]:
    """Return how a snapshot came to be, as JSON values; the keys are part of the store's format.

    `ways` are all by which the run went, in that order: one more where it went on by another after a lost link.
    `gate` is null where none stood on the Desktop between the Server's key and its account.
    `unreadable` and `vanished` are counts. `vanished_paths` has the first hundred of the latter, which no
    warning tells of; `unreadable_paths` all that failed, `left_out_paths` all that a rule left out, together
    at most 10,000 and 4 MiB. They are full paths, as text with surrogate escapes.
    """
    unreadable = _bounded((each.path for each in pulled.left_out if each.kind.is_trouble), _MOST_PATHS_BYTES)
    left_bytes = _MOST_PATHS_BYTES - sum(map(_length, unreadable))
    by_rule = _bounded((each.path for each in pulled.left_out if not each.kind.is_trouble), left_bytes)
    return {
        "jump_sees_plaintext": any(route.kind is RouteKind.NESTED for route in routes),
        "ways": [{"route": route.kind.value, "jump_node": route.jump_node} for route in routes],
        "gate": {"version": gate.version, "confines": gate.confines} if gate is not None else None,
        "tools": _tools(rsyncs),
        "selection": selection_of(job),
        "unreadable": len(pulled.paths_of(Kind.UNREADABLE)),
        "unreadable_paths": unreadable,
        "left_out_paths": by_rule[: _MOST_PATHS - len(unreadable)],
        "vanished": len(pulled.vanished),
        "vanished_paths": [_to_text(path) for path in islice(_short(pulled.vanished), _MOST_VANISHED)],
    }


def selection_of(job: Job) -> dict[str, Any]:
    """Return the rules by which a job chooses files, as JSON values."""
    return {
        "exclude": list(job.exclude),
        "include": list(job.include),
        "default_excludes": job.default_excludes,
        "max_size": job.max_size,
        "one_file_system": job.one_file_system,
    }


def known_paths(how: Mapping[str, Any]) -> frozenset[bytes]:
    """Return the paths that a snapshot with this `how` left out, without the leading slash; none of an older one."""
    found = (how.get(key) for key in _PATHS)
    texts = (text for paths in found if isinstance(paths, list) for text in paths if isinstance(text, str))
    return frozenset(text.encode("utf-8", "surrogateescape").lstrip(b"/") for text in texts)


def _bounded(paths: Iterable[bytes], limit_bytes: int) -> list[str]:
    """Return the first of `paths` as text, each once, as many as fit."""
    texts = [_to_text(path) for path in islice(_short(dict.fromkeys(paths)), _MOST_PATHS)]
    ends = accumulate(map(_length, texts))
    return [text for text, end in zip(texts, ends, strict=True) if end <= limit_bytes]


def _length(text: str) -> int:
    return len(json.dumps(text))


def _short(paths: Iterable[bytes]) -> Iterator[bytes]:
    return (path for path in paths if len(path) <= _LONGEST_PATH_BYTES)


def _to_text(path: bytes) -> str:
    return (b"/" + path).decode("utf-8", "surrogateescape")


def _tools(rsyncs: Rsyncs) -> dict[str, str]:
    from importlib.metadata import version  # 0.03 s, and only a run that publishes needs it

    return {
        "backupjump": version("backupjump"),
        "rsync": rsyncs.here.text,
        "rsync_on_desktop": rsyncs.there.text,
    }
