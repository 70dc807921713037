"""How a snapshot was made, for the `how` of its meta.json: who saw the data, the tools, what was left out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backupjump.config.models import RouteKind

if TYPE_CHECKING:
    from backupjump.operations.probe import Rsyncs
    from backupjump.rsync.pulled import Pulled

_MOST_PATHS = 100
# PATH_MAX of Linux. A longer one is no path but text of the Desktop's own, and meta.json must stay readable.
_LONGEST_PATH_BYTES = 4096


def provenance(route: RouteKind, rsyncs: Rsyncs, pulled: Pulled) -> dict[str, Any]:
    """Return how a snapshot came to be, as JSON values; the keys are part of the store's format.

    `unreadable` and `vanished` are counts. `vanished_paths` has the first hundred of the latter, which no
    warning tells of: full paths, as text with surrogate escapes.
    """
    vanished = [path for path in pulled.vanished if len(path) <= _LONGEST_PATH_BYTES][:_MOST_PATHS]
    return {
        "jump_sees_plaintext": route is RouteKind.NESTED,
        "tools": _tools(rsyncs),
        "unreadable": len(pulled.unreadable),
        "vanished": len(pulled.vanished),
        "vanished_paths": [(b"/" + path).decode("utf-8", "surrogateescape") for path in vanished],
    }


def _tools(rsyncs: Rsyncs) -> dict[str, str]:
    from importlib.metadata import version  # 0.03 s, and only a run that publishes needs it

    return {
        "backupjump": version("backupjump"),
        "rsync": rsyncs.here.text,
        "rsync_on_desktop": rsyncs.there.text,
    }
