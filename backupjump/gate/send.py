"""Send a folder: this process becomes the rsync that the Server talks to."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from backupjump.gate.awake import hold_awake
from backupjump.gate.folder import check_allowed, open_folder
from backupjump.gate.pull import Pull, sender_argv
from backupjump.gate.refusal import Refused
from backupjump.gate.rsync_here import ask_rsync, find_rsync

if TYPE_CHECKING:
    from backupjump.config.desktop import Gate

# All that rsync gets: it obeys RSYNC_*, CVSIGNORE and ~/.cvsignore, and none of them is ours.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}


def become_rsync(pull: Pull, policy: Gate) -> None:
    """Replace this process by rsync, standing in the folder of `pull`; Refused if the policy does not allow it.

    The folder is held by its descriptor from before it is looked at, so it is the one that is read, whatever takes
    its name meanwhile.
    """
    check_allowed(pull.path, policy.read)
    rsync = ask_rsync(find_rsync(policy.rsync))
    if pull.by_list and not rsync.confines:
        # Unless it is confined, rsync follows a link in the middle of a listed name: `link/secret` (measured).
        raise Refused("unconfined", "a list of files needs rsync 3.5.0 or newer on this Desktop")
    os.fchdir(open_folder(pull.path))
    argv = sender_argv(pull, rsync=rsync.path, confine_root=os.getcwd() if rsync.confines else None)  # noqa: PTH109
    _held = hold_awake()
    # Python ignores SIGPIPE, and what is ignored stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execve(rsync.path, argv, _ENVIRONMENT)  # noqa: S606
