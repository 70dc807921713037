"""Judge an rsync that has ended: what arrived is usable, usable with a warning, or an error says why not."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from backupjump.errors import (
    BackupjumpError,
    DesktopUnfit,
    ProgramMissing,
    SourceMissing,
    StoreError,
    StoreFull,
    TransferFailed,
)
from backupjump.escape import shown
from backupjump.rsync.link import lost_link
from backupjump.rsync.messages import Messages, Trouble
from backupjump.rsync.output import Output
from backupjump.rsync.refusal import refusal

# rsync(1), EXIT VALUES; errcode.h. 255 is ssh's own, 126 and 127 are the remote shell's.
_BROKEN_LINK = frozenset({10, 12, 13, 14, 19, 20, 30, 35, 255})
_MEANINGS = {
    1: "rsync did not understand its options",
    2: "the two rsyncs do not understand each other",
    3: "a folder could not be entered",
    4: "one rsync can't do what the other asks, or names came that were not asked for",
    5: "the remote side did not speak rsync's protocol",
    11: "reading or writing a file failed",
    15: "an rsync process crashed",
    16: "an rsync process was killed",
    21: "waiting for an rsync process failed",
    22: "no memory left",
    23: "parts were not transferred",
    25: "too many deletions",
}
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_STORE_BROKEN = frozenset({errno.EROFS, errno.EIO})
_FEW_TROUBLES = 10
_FEW_TROUBLES_SHARE = 0.01


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An rsync that has ended: its status, and what it, ssh and the login shell had said until then.

    `moved` says whether anything of rsync's own came from the Desktop; `files_total` is 0 if unknown.
    """

    host: str
    source: str
    status: int
    messages: Messages
    moved: bool
    files_total: int = 0

    @classmethod
    def of(
        cls, host: str, source: str, status: int, output: Output, messages: Messages, *, files_beside: int = 0
    ) -> Ended:
        """Return the end of an rsync from what was read of it; so many files of the source it was not asked for."""
        moved = has_moved(output, messages)
        files_total = output.files_total and output.files_total + files_beside
        return cls(host=host, source=source, status=status, messages=messages, moved=moved, files_total=files_total)


def has_moved(output: Output, messages: Messages) -> bool:
    """Say whether rsync got anything from its other half; what ssh and a shell say does not count."""
    return output.started or messages.bytes_received > 0


def judge(ended: Ended) -> bool:
    """Return whether the copy is usable without (False) or with a warning (True); raise when it is not.

    24, vanished files, is ordinary on a desktop in use. 23 says only that something was left out: a file
    that the account there may not read, but also a missing source or a store without inodes, and these fail.
    """
    if ended.status == 0:
        return False
    if not ended.moved and (refused := refusal(ended.messages.lines, host=ended.host, source=ended.source)):
        raise refused
    if (store := _store_trouble(ended)) is not None:
        raise store
    if (missing := _source_trouble(ended)) is not None:
        raise missing
    if ended.status == 24:
        return False
    if ended.status == 23 and _few(ended):
        return True
    raise _failure(ended)


def _few(ended: Ended) -> bool:
    count = ended.messages.troubles_total + len(ended.messages.unexplained)
    return count <= max(_FEW_TROUBLES, _FEW_TROUBLES_SHARE * ended.files_total)


def _store_trouble(ended: Ended) -> BackupjumpError | None:
    """Return the error if it was this machine's disk, whatever the status: no inodes is 23, no space 11."""
    for trouble in ended.messages.troubles:
        # ext4 says "no space" of a single extended attribute that is larger than a block.
        if not trouble.here or "xattr" in trouble.what:
            continue
        if trouble.errno in _NO_SPACE:
            return StoreFull(
                f"the store is full: {_told(trouble)}",
                hint="look at the free space and the free inodes: df -h and df -i; then run the job again",
            )
        if trouble.errno in _STORE_BROKEN:
            return StoreError(
                f"the store can't be written: {_told(trouble)}",
                hint="look at the disk: dmesg, mount; nothing was published",
            )
    return None


def _source_trouble(ended: Ended) -> BackupjumpError | None:
    source = ended.source.rstrip("/").encode("utf-8", "surrogateescape")
    for trouble in ended.messages.troubles:
        entered = trouble.what in ("change_dir", "link_stat", "opendir", "change_dir#3")
        if not trouble.here and entered and trouble.path.rstrip(b"/.") == source.rstrip(b"."):
            return SourceMissing(
                f"{ended.host}: source {shown(ended.source)} can't be read there: {shown(trouble.why)}",
                hint="is it mounted, a folder, and readable for the account there? or take it off the job",
            )
    if source and source in (path.rstrip(b"/") for path in ended.messages.vanished):
        return SourceMissing(
            f"{ended.host}: source {shown(ended.source)} vanished during the pull", hint="run the job again"
        )
    return None


def _failure(ended: Ended) -> BackupjumpError:
    text = b"\n".join(ended.messages.lines)
    if b"] Failed to exec" in text:
        return ProgramMissing(
            f"rsync could not start its remote shell: {_evidence(ended)}", hint="is openssh-client installed?"
        )
    if not ended.moved and b"rsync error: syntax or usage error" in text:
        return DesktopUnfit(
            f"{ended.host}: rsync there does not know our options: {_evidence(ended)}",
            hint="install a current rsync on the Desktop: sudo apt-get install rsync",
        )
    if ended.status in (126, 127) or (not ended.moved and b"rsync: command not found" in text):
        return DesktopUnfit(
            f"{ended.host}: rsync can't be started there: {_evidence(ended)}",
            hint="install it on the Desktop: sudo apt-get install rsync",
        )
    if ended.status == 2 and b"is your shell clean" in text:
        return DesktopUnfit(
            f"{ended.host}: the login shell there prints text, which breaks rsync's protocol",
            hint="take the output out of ~/.bashrc or ~/.profile there, or let only interactive shells print",
        )
    if ended.status in _BROKEN_LINK or ended.status < 0:
        return lost_link(ended.host, ended.messages, moved=ended.moved, ended_as=_ended_as(ended.status))
    if ended.status == 23:
        return TransferFailed(
            f"{ended.host}: {ended.messages.troubles_total} paths below {shown(ended.source)} failed, too many"
            f" for a backup; the first: {_evidence(ended)}",
            hint="let the account there read them, or exclude them",
        )
    return TransferFailed(
        f"{ended.host}: {_ended_as(ended.status)}: {_evidence(ended)}", hint="try: backupjump -v run JOB"
    )


def _ended_as(status: int) -> str:
    if status < 0:
        return f"rsync was ended by signal {-status}"
    meaning = _MEANINGS.get(status)
    return f"rsync ended with {status}" + (f" ({meaning})" if meaning else "")


def _evidence(ended: Ended) -> str:
    return shown(ended.messages.lines[0], limit=400) if ended.messages.lines else "it gave no reason"


def _told(trouble: Trouble) -> str:
    return f"{shown(trouble.path, limit=400)}: {shown(trouble.why)}"
