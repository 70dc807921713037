"""What can go wrong, and what a caller should make of it.

The class says how bad it is: the exit code, the status that the Run gets, whether a later try may
work, and a stable word for JSON. The instance says what happened, with evidence, and a `hint`: what
to type next. The Desktop runs this file too, so it stays within Python 3.9.

    BackupjumpError              1   failed
    ├── UsageError               2   a word on the command line
    ├── ConfigError              2   a line in a file
    ├── JobLocked               11   locked
    ├── HostKeyRefused           1   failed
    ├── KeyRefused               1   failed
    ├── ForwardRefused           1   failed
    ├── DesktopUnfit             1   failed       rsync missing or too old, a shell that talks
    ├── GateRefused              1   failed       the Desktop's gate does not allow it
    ├── ListUnusable             1   failed       what a Desktop lists of a source; a pull goes on without
    ├── Revoked                  1   failed       the Desktop's keys were taken back
    ├── SourceMissing            1   failed
    ├── TransferFailed           1   failed
    ├── HookFailed               1   failed
    ├── StoreError               1   failed
    │   ├── NoStore              1   failed       no marker: an unmounted disk is an empty folder
    │   └── StoreFull            1   failed
    ├── RestoreRefused           1   failed
    ├── PruneRefused             1   failed       a brake: a person has to look first
    ├── ProgramMissing           1   failed
    ├── DesktopAway             75   away
    │   ├── JumpNodeUnreachable 75   away
    │   ├── TunnelNotOpen       75   away
    │   └── OtherMachine        75   away         on route direct: another one has that address in the LAN
    ├── Deferred                75   deferred
    ├── LinkLost                75   interrupted
    ├── WindowOver              75   interrupted  a time limit, an idle limit
    ├── NotDue               0   not-due      asked to run only if due
    └── Stopped            130/143   interrupted  a signal

Two more words stand in a Run's `error.code` that no exception has, since such a run has published:
`suspect` (too much is gone or changed) and, until a person has acked it, `still-suspect` (exit 5).
"""

from __future__ import annotations


class BackupjumpError(Exception):
    """Anything this program can explain. `str()` is one or more lines of what happened."""

    exit_code = 1
    status = "failed"
    temporary = False
    code = "failed"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.bytes_received = 0
        """What had come in on the data connections before a transfer ended with this error."""
        self.content_bytes = 0
        """How much of that came after the content of files had begun to: about so much of it was new."""

    @property
    def with_hint(self) -> str:
        """What happened and, on a line of its own, what to type next."""
        return f"{self}\nhint: {self.hint}" if self.hint else str(self)


class UsageError(BackupjumpError):
    """A word on the command line that can't be obeyed."""

    exit_code = 2
    code = "usage"


class ConfigError(BackupjumpError):
    """One or more mistakes in a config file; the message has a paragraph for each."""

    exit_code = 2
    code = "config"


class JobLocked(BackupjumpError):
    """Another run, or an rsync that outlived its run, holds the job; nothing was touched."""

    exit_code = 11
    status = "locked"
    temporary = True
    code = "locked"


class HostKeyRefused(BackupjumpError):
    """A machine on the way showed another host key than the pinned one; no data moved."""

    code = "host-key"


class KeyRefused(BackupjumpError):
    """A machine on the way does not accept our key."""

    code = "key-refused"


class ForwardRefused(BackupjumpError):
    """The JumpNode let us in but will not forward the port that was asked for."""

    code = "forward-refused"


class DesktopUnfit(BackupjumpError):
    """The Desktop answered, but what a pull needs there is missing or too old."""

    code = "desktop-unfit"


class GateRefused(BackupjumpError):
    """The gate of the Desktop does not allow what the job asks for; no data moved."""

    code = "gate"


class ListUnusable(BackupjumpError):
    """The list of a source did not come, or is not what a gate sends; the ordinary pull needs none."""

    code = "list"


class Revoked(BackupjumpError):
    """The Desktop's keys were taken back; nothing was asked of it."""

    code = "revoked"


class SourceMissing(BackupjumpError):
    """A source of the job is not a folder on the Desktop; nothing was published."""

    code = "source-missing"


class TransferFailed(BackupjumpError):
    """rsync ended in a way that leaves no usable copy."""

    code = "rsync"


class HookFailed(BackupjumpError):
    """A hook ended with a status other than 0 and 75."""

    code = "hook"


class StoreError(BackupjumpError):
    """The store can't take or give what was asked; published snapshots are untouched."""

    code = "store"


class NoStore(StoreError):
    """There is no marker where the config says the store is, or it is another store's."""

    code = "no-store"


class StoreFull(StoreError):
    """No space or no inodes left in the store."""

    code = "disk-full"


class RestoreRefused(BackupjumpError):
    """A restore that would write where it was not asked to."""

    code = "restore"


class PruneRefused(BackupjumpError):
    """A prune that would delete so much, or at such a time, that a person should see it first; nothing was touched."""

    code = "prune"


class ProgramMissing(BackupjumpError):
    """A program of this machine that we need (ssh, rsync) can't be started."""

    code = "program-missing"


class DesktopAway(BackupjumpError):
    """The route to the Desktop could not be opened; a later try may work."""

    exit_code = 75
    status = "away"
    temporary = True
    code = "away"


class JumpNodeUnreachable(DesktopAway):
    """No TCP connection to the JumpNode's sshd."""

    code = "jump-node-unreachable"


class TunnelNotOpen(DesktopAway):
    """The JumpNode answers, but nothing listens at the tunnel's end."""

    code = "tunnel-not-open"


class OtherMachine(DesktopAway):
    """Another machine has the address in the LAN where a Desktop is looked for; nothing was offered to it."""

    code = "other-machine"


class Deferred(BackupjumpError):
    """The owner, or a `before` hook that ended with 75, said: not now."""

    exit_code = 75
    status = "deferred"
    temporary = True
    code = "deferred"


class LinkLost(BackupjumpError):
    """The connection broke while data moved; what arrived serves the next run."""

    exit_code = 75
    status = "interrupted"
    temporary = True
    code = "link-lost"


class WindowOver(BackupjumpError):
    """A limit of the job (whole time, or time without a byte) ended the transfer."""

    exit_code = 75
    status = "interrupted"
    temporary = True
    code = "window-over"


class NotDue(BackupjumpError):
    """The job need not run yet, and the caller wanted it only if due; nothing was touched."""

    exit_code = 0
    status = "not-due"
    temporary = True
    code = "not-due"


class Stopped(BackupjumpError):
    """A signal asked us to end: 130 for SIGINT, 143 for SIGTERM (128 + the signal's number)."""

    status = "interrupted"
    temporary = True
    code = "signal"

    def __init__(self, signal_number: int) -> None:
        super().__init__("stopped by a signal", hint="what is done stays; the same command goes on from there")
        self.exit_code = 128 + signal_number
