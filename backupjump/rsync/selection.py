"""Ask rsync which files of an older tree today's rules would still take, without a byte from the Desktop.

Nobody else knows what its patterns mean: it does a dry run of that tree into a folder that is not there.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from backupjump.process import Word, running
from backupjump.rsync.messages import Messages
from backupjump.rsync.output import Output
from backupjump.rsync.plan import Plan, Transfer
from backupjump.rsync.pump import pump


def selection_argv(plan: Plan, transfer: Transfer, tree: Path, *, marker: str) -> tuple[Word, ...]:
    """Return the argv that lists what the rules of `plan` take of one source below an older `tree`."""
    return (
        "rsync",
        "--dry-run",
        "--recursive",
        "--links",
        *(() if plan.max_size is None else (f"--max-size={plan.max_size}",)),
        "--outbuf=L",
        f"--out-format={marker} %i %l 0 %n",
        *(f"--filter={rule}" for rule in plan.rules(transfer)),
        "--",
        os.fsencode(tree / transfer.source.lstrip("/")) + b"/",
        os.fsencode(tree.parent / f"nothing-{marker}") + b"/",
    )


def select_again(plan: Plan, tree: Path, *, on_path: Callable[[bytes], None]) -> bool:
    """Call `on_path` with each regular file of `tree` that `plan` would take, a full path without leading slash.

    Return whether rsync could tell; where it could not, some are missing.
    """
    for one in plan.transfers:
        folder = tree / one.source.lstrip("/")
        if folder.is_dir() and not folder.is_symlink() and not _select(plan, one, tree, on_path):
            return False
    return True


def select_names(plan: Plan, one: Transfer, tree: Path, *, on_path: Callable[[bytes], None]) -> bool:
    """Call `on_path` with each file and folder of one source below `tree` that `plan` would take, as `select_again`."""
    return _select(plan, one, tree, on_path, folders=True)


def _select(plan: Plan, one: Transfer, tree: Path, on_path: Callable[[bytes], None], *, folders: bool = False) -> bool:
    marker = secrets.token_hex(8)
    output, messages = Output(marker, checksum=plan.checksum, root=one.root), Messages()

    def read_stdout(chunk: bytes) -> None:
        for item in output.feed(chunk):
            if item.transferred or (folders and item.flags.startswith("cd")):
                on_path(one.root + item.name.rstrip(b"/"))

    with running(selection_argv(plan, one, tree, marker=marker)) as child:
        return pump(child, stdout=read_stdout, stderr=messages.feed, on_tick=lambda _read: None) == 0
