"""What rsync leaves behind in a private copy of a snapshot, where a fresh tree would have nothing.

A file that could not be read, or that grew over the limit, stays as it was; one whose check failed stays
half-written. Where another filesystem is mounted on the Desktop by now, what lies below stays too, whole and
as it was: rsync says nothing of such a folder, and nothing is deleted for want of a word. Pure.
"""

from __future__ import annotations

import os

from backupjump.errors import TransferFailed
from backupjump.escape import shown
from backupjump.rsync.messages import Messages, Trouble
from backupjump.rsync.output import MOST_NAMES, Output
from backupjump.rsync.plan import Plan, Transfer

# The file is there, and lacks what a fresh one would lack as well.
_ABOUT_ATTRIBUTES = ("xattr", "acl", "chown", "chgrp", "chmod", "utime", "set times", "set permissions")
# Such a name never got into the list of what is to be there, so it was deleted.
_HARMLESS = b"overflows max-path"


def stale_after(plan: Plan, one: Transfer, output: Output, messages: Messages) -> tuple[bytes, ...]:
    """Return the files that one rsync, judged usable, left stale, as paths in the tree; none in a fresh one.

    Raises TransferFailed where some of it has no name that we know: it would be published as current.
    """
    if not plan.in_place:
        return ()
    _check_all_are_known(plan, one, output, messages)
    about_content = (each for each in messages.troubles if not (each.here and _is_about_attributes(each)))
    return (
        *(_path_in_tree(plan, one, each.path) for each in about_content),
        *(_path_in_tree(plan, one, path) for path in messages.vanished),
        *output.too_large,
        *output.not_kept,
    )


def _check_all_are_known(plan: Plan, one: Transfer, output: Output, messages: Messages) -> None:
    unclear = [line for line in messages.unexplained if _HARMLESS not in line]
    if unclear:
        raise _unknown(plan, one, shown(unclear[0], limit=400))
    if messages.troubles_total > len(messages.troubles) or messages.vanished_total > len(messages.vanished):
        raise _unknown(plan, one, "more files failed or vanished than can be kept in mind")
    if max(len(output.too_large), len(output.not_kept)) >= MOST_NAMES:
        raise _unknown(plan, one, f"more than {MOST_NAMES} files were left out")


def _is_about_attributes(trouble: Trouble) -> bool:
    return any(word in trouble.what for word in _ABOUT_ATTRIBUTES)


def _path_in_tree(plan: Plan, one: Transfer, path: bytes) -> bytes:
    """Return where `path`, which rsync named, lies in the tree: it is a full path there or here, or one below both."""
    if not path.startswith(b"/"):
        return one.root + path
    for target in (one.target.absolute(), os.path.realpath(one.target)):
        if path.startswith(os.fsencode(target) + b"/"):
            return one.root + path[len(os.fsencode(target)) + 1 :]
    if (path + b"/").startswith(b"/" + one.root):
        return path.lstrip(b"/")
    raise _unknown(plan, one, shown(path, limit=400))


def _unknown(plan: Plan, one: Transfer, evidence: str) -> TransferFailed:
    return TransferFailed(
        f"{plan.host}:{shown(one.source)}: it can't be told which files are not up to date: {evidence}",
        hint="exclude what can't be read, or let the account there read it",
    )
