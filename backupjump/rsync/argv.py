"""Build rsync's argv for one transfer. Nothing here runs anything.

What rsync sends on to the Desktop is only `--server --sender`, one cluster of letters (`c` for --checksum and `W`
for --whole-file among them), `--numeric-ids`, `--checksum-choice`, perhaps `--compress-choice` and `--compress-level`,
`--bwlimit`, `--inplace` and `--ignore-errors`, `--files-from=- --from0` and `--ignore-missing-args`, and one path: few
and fixed, so that a forced command there can check them. Options for our own output (`--stats`,
`--info=progress2,skip1`) are not sent.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from backupjump.config.models import PARTIAL_FOLDER, Ownership
from backupjump.process import Word
from backupjump.rsync.compression import COMPRESSOR
from backupjump.rsync.plan import Plan, Transfer

# rsync.h, MAX_BASIS_DIRS.
_MOST_LINK_DESTS = 20

# Into a private copy of the last snapshot. A file that can't be read makes rsync delete nothing at all, so
# where one is unreadable for good, what is deleted on the Desktop would stay for good: --ignore-errors, for
# what can't be read is not in a fresh tree either. An interrupted file stays where it is, and is gone on with.
# Source: rsync(1), --inplace, --ignore-errors; measured.
# While it still lists folders, rsync 3.5.0 hangs for ever on a hard-linked file that is here and can't be read there.
_IN_PLACE = ("--no-inc-recursive", "--inplace", "--no-whole-file")
# Not for a list of what changed, which names no folder whole: there the caller knows what went.
_DELETING = ("--delete", "--delete-excluded", "--ignore-errors")


# Level 3, zstd's own, takes more of the Desktop's CPU and saves no time (measured).
COMPRESSED = (f"--compress-choice={COMPRESSOR}", "--compress-level=1")


def pull_argv(plan: Plan, transfer: Transfer, *, marker: str) -> tuple[Word, ...]:
    """Return the argv that pulls one source into its folder.

    `marker` starts each itemised line on stdout. It is new for every run and never leaves this machine, so
    that no text of the Desktop can pass for one of these lines.
    """
    return (
        "rsync",
        *_what_is_kept(plan),
        "--no-secluded-args",
        # While it compares blocks, rsync opens a basis by its whole path, and is not confined (fence.py).
        *([f"--confine-root={transfer.confine_root}", "--whole-file"] if transfer.confine_root is not None else []),
        *(_IN_PLACE if plan.in_place else (f"--partial-dir={PARTIAL_FOLDER}",)),
        *(_DELETING if plan.in_place and not transfer.by_list else ()),
        f"--checksum-choice={plan.checksum}",
        *(COMPRESSED if plan.compress else ()),
        *_limits(plan),
        "--no-human-readable",
        "--outbuf=L",
        "--info=progress2,skip1",
        "--stats",
        f"--out-format={marker} %i %l %C %n",
        # Of a list the names come on its standard input, perhaps some time after it was started (head_start.py).
        *(
            [f"--files-from={'-' if transfer.by_list else transfer.files_from}", "--from0"]
            if transfer.files_from
            else []
        ),
        *(["--ignore-missing-args"] if transfer.by_list else []),
        # Its own check of each name that comes takes time by the square of their number (rsync 3.5.0, measured).
        *(["--trust-sender"] if transfer.vouched else []),
        *(f"--link-dest={folder.absolute()}" for folder in _link_dests(plan, transfer)),
        *(f"--filter=- /{_literally(name)}/*" for name in transfer.withheld),
        *(f"--filter={rule}" for rule in plan.rules(transfer)),
        f"--rsh={rsh_word(plan.remote_shell)}",
        "--",
        os.fsencode(f"{plan.host}:{remote_path(transfer.source)}"),
        os.fsencode(transfer.target.absolute()) + b"/",
    )


def preview_argv(plan: Plan, transfer: Transfer, *, marker: str) -> tuple[Word, ...]:
    """Return the same argv with `--dry-run`, as if into a fresh folder: rsync says what it would do, writes nothing.

    Without ACLs and xattrs, which don't decide what is sent: to compare a folder's with the base, rsync 3.5.0
    opens its own copy of it, which a dry run never made, and fails (measured).
    """
    rsync, *options = pull_argv(replace(plan, acls=False, xattrs=False, in_place=False), transfer, marker=marker)
    return (rsync, "--dry-run", *options)


def _link_dests(plan: Plan, transfer: Transfer) -> tuple[Path, ...]:
    return () if plan.in_place else transfer.link_dests[:_MOST_LINK_DESTS]


def _literally(name: str) -> str:
    # The `*` behind it makes the pattern one in which a backslash means the next character itself.
    return re.sub(r"([\\*?\[])", r"\\\1", name)


def remote_path(source: str) -> str:
    """Return `source` as rsync must be given it, with a trailing slash, to mean these very characters.

    rsync escapes what a shell would act on, but leaves `*?[]` to the remote shell; a backslash before one
    of these is passed on.  Source: rsync(1), ADVANCED USAGE; safe_arg() in options.c.
    """
    return re.sub(r"([*?\[\]])", r"\\\1", source.rstrip("/")) + "/"


def rsh_word(remote_shell: tuple[str, ...]) -> str:
    """Return an argv as the one word that `rsync -e` splits up again.

    rsync knows quotes, in which a doubled quote stands for one, and no backslash.  Source: rsync(1), --rsh.
    """
    return " ".join(_rsh_quoted(word) for word in remote_shell)


def _rsh_quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w@%+=:,./~-]+", word) else "'" + word.replace("'", "''") + "'"


def _what_is_kept(plan: Plan) -> list[str]:
    letters = "-aH" + ("A" if plan.acls else "") + ("X" if plan.xattrs else "")
    options = [letters, "--numeric-ids"]
    if plan.ownership is Ownership.FAKE_SUPER:
        options.append("--fake-super")
    if plan.ownership is Ownership.PLAIN:
        options += ["--no-owner", "--no-group"]
    if plan.sparse:
        options.append("--sparse")
    if plan.compare_content:
        options.append("--checksum")
    if plan.nanoseconds:
        # By default rsync compares whole seconds and so misses an edit in the second of the last backup.
        options.append("--modify-window=-1")
    return options


def _limits(plan: Plan) -> list[str]:
    options = ["--one-file-system"] if plan.one_file_system else []
    if plan.max_size is not None:
        options.append(f"--max-size={plan.max_size}")
    if plan.bwlimit is not None:
        # In units of 1024 bytes; 0 would mean no limit.
        options.append(f"--bwlimit={max(1, plan.bwlimit // 1024)}")
    return options
