"""One short session on the connection of a tunnel, so that the sshd at its other end delays nothing on it.

sshd leaves Nagle's algorithm on until a connection's first session begins, with a terminal or without; then it sets
TCP_NODELAY for good. A connection that only forwards never has a session, so whatever sshd sends behind a message that
is not acknowledged yet, the room for more data above all, waits for the Desktop's delayed acknowledgement: 40 ms.
Source: OpenSSH session.c and packet.c (ssh_packet_set_interactive); tcp(7); measured with 9.2, by getsockopt too.

What the JumpNode runs for it is its own affair, `nologin` as enrolment sets it up, and ends at once. Where it grants
no session the tunnel stands as it is. Python 3.9 and newer.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from backupjump import process
from backupjump.errors import ProgramMissing

_SECONDS = 10.0
_REFUSED = 255
# ssh adds 17 characters while it makes the socket, and sun_path has 104 or 108; ssh ends where that is too little.
# It expands % and ~, and splits at spaces.  Source: unix(7); OpenSSH mux.c, muxserver_listen.
_FIT = re.compile(r"/[A-Za-z0-9/_.,+@-]{1,78}")


class FirstSession:
    """The session that an ssh is asked for once it stands; `close` it after that ssh has ended.

    `granted` is whether there was one; None while nobody knows. No other session can be had by its way in.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._folder = _short_folder()
        self._done = threading.Event()
        self._asking: threading.Thread | None = None
        self.granted: bool | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """What the ssh has to be told, so that a second one may come in by it; nothing where that can't be."""
        if self._folder is None:
            return ()
        return ("-o", "ControlMaster=yes", "-o", f"ControlPath={self._folder / 'c'}")

    def ask(self) -> None:
        """Ask for the session, and return at once."""
        self._asking = threading.Thread(target=self._ask, name="first-session", daemon=True)
        self._asking.start()

    def await_answer(self, seconds: float) -> bool | None:
        """Return whether it was granted, as soon as that is known, None if it is not within `seconds`."""
        self._done.wait(seconds)
        return self.granted

    def close(self) -> None:
        """Leave nothing behind."""
        if self._asking is not None:
            self._asking.join()
        self._remove_folder()

    def _ask(self) -> None:
        with suppress(process.TimedOut):
            self.granted = self._folder is not None and self._is_granted()
        self._remove_folder()
        self._done.set()

    def _is_granted(self) -> bool:
        try:
            # Its words may come from a stranger, without an end.
            with process.running(self._argv(), stdout=process.DISCARDED, stderr=process.DISCARDED) as child:
                return child.wait(_SECONDS) != _REFUSED
        except ProgramMissing:
            return False

    def _argv(self) -> tuple[str, ...]:
        # Where the way in is gone it would make a connection of its own, without our config: that is to fail.
        alone = ("-F", "/dev/null", "-o", "ProxyCommand=false", "-o", "BatchMode=yes")
        return ("ssh", *alone, "-S", f"{self._folder}/c", "-T", self._alias, "true")

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _short_folder() -> Path | None:
    """Return a new folder of ours for a socket; None where the path of the socket could not be written down."""
    with suppress(OSError):
        folder = Path(tempfile.mkdtemp(prefix="bj-"))
        if _FIT.fullmatch(str(folder / "c")):
            return folder
        folder.rmdir()
    return None
