"""Keep a pulling rsync from following links that a Desktop has planted in its snapshots.

Where the last snapshot has a link and the Desktop now has a folder of that name, rsync looks behind the link for what
it could link to, and so among this Server's own files: a Desktop that knows the name, size and time of one gets it
into its snapshot, and that knows the name alone, the checksums of its blocks over the wire (rsync 3.5.0, measured; a
mount with `nosymfollow` does not help, since rsync resolves links by itself). So what is in such a folder comes one run
later, when the last snapshot has the folder. Of too many such links rsync 3.5.0 is told where to stay instead, and to
compare no blocks, which it does beyond there too; an older one gets no such basis, and everything comes anew.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

from backupjump.config.models import Ownership
from backupjump.process import run
from backupjump.rsync.plan import Plan, Transfer

_PROBE_SECONDS = 20.0
_MOST_WITHHELD = 200


@cache
def confines() -> bool:
    """Whether the rsync of this machine can be told to stay below a folder."""
    return run(["rsync", "--confine-root=/", "--version"], timeout=_PROBE_SECONDS).status == 0


def fenced(
    plan: Plan, one: Transfer, *, confining: Callable[[], bool] = confines, most: int = _MOST_WITHHELD
) -> Transfer:
    """Return `one` with what is to be withheld, or with a root or bases that lead nowhere else, as this machine is now.

    In a fake-super store no link is one on the disk, and by a list the caller has looked. At `most` so many names are
    withheld; `confining` says whether the rsync here can be kept in a root.
    """
    if one.by_list or not one.link_dests or plan.in_place or plan.ownership is Ownership.FAKE_SUPER:
        return one
    # The folder for half-written files must lie below the root too.
    root = os.path.realpath(os.path.commonpath([one.target.absolute(), *one.link_dests]))
    bases = tuple(each for each in one.link_dests if _is_within(os.path.realpath(each), root))
    out_of = {base: tuple(islice(ways_out(base), most + 1)) for base in bases}
    names = {os.path.relpath(link, base): None for base, links in out_of.items() for link in links}
    if len(names) <= most:
        return replace(one, link_dests=bases, withheld=tuple(names))
    if confining():
        return replace(one, link_dests=bases, confine_root=Path(root))
    return replace(one, link_dests=tuple(base for base in bases if not out_of[base]))


def turned(one: Transfer) -> tuple[str, ...]:
    """Return those of the withheld names that came as folders: empty ones, since what is in them was not taken."""
    return tuple(name for name in one.withheld if stat.S_ISDIR(_mode(one.target / name)))


def ways_out(folder: Path) -> Iterator[Path]:
    """Yield the links in `folder` that lead to a folder outside of it, as this machine has it now."""
    real = os.path.realpath(folder)
    waiting = [os.fspath(folder)]
    while waiting:
        with suppress(PermissionError, FileNotFoundError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_symlink() and leads_out(entry.path, of=real):
                    yield Path(entry.path)


def leads_out(link: str, *, of: str) -> bool:
    """Whether a link leads to a folder outside of the real path `of`, as this machine has it now."""
    # isdir tells no from a loop, where DirEntry.is_dir raises.
    return os.path.isdir(link) and not _is_within(os.path.realpath(link), of)  # noqa: PTH112


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _is_within(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder
