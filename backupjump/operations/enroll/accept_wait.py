"""After the reply: open the tunnel as soon as the JumpNode lets it in, until the Server has made its first backup.

Python 3.9.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from backupjump.config.desktop import load_desktop
from backupjump.config.state import state_dir
from backupjump.errors import BackupjumpError, HostKeyRefused, KeyRefused, Stopped
from backupjump.escape import shown
from backupjump.gate.done import LAST_DONE
from backupjump.operations.enroll.accept_plan import typed
from backupjump.operations.tunnel import forwards_of, open_tunnel
from backupjump.ssh.tunnel import TunnelChild
from backupjump.ssh.tunnel_verdicts import Forward

# sshd 9.8 and newer counts 5 s for a refused key, and shuts out whoever comes to more than 15 s.
_EVERY_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 1.0
_LONGEST_SECONDS = 2 * 3600.0

Say = Callable[..., None]


def keep_tunnel_until_done(
    config_file: Path, *, say: Say, seconds: float = _LONGEST_SECONDS, every: float = _EVERY_SECONDS
) -> int:
    """Open the tunnel, again and again if need be, until the Server says `done`; return the exit code.

    0 when it has, or when the time is over; of a signal its own. A host key that is not the pinned one raises.
    """
    config = load_desktop(config_file, check_keys=True)
    state = state_dir(config.state_dir)
    waiting = _Waiting(forwards_of(config.tunnel), state, _last_done(state), time.monotonic() + seconds, say)
    say(
        "Waiting until the JumpNode lets this Desktop's tunnel in, once the reply has been taken on the Server.",
        f"Ctrl-C changes nothing of what is done; go on later with: {typed(config_file)} tunnel open",
    )
    try:
        while time.monotonic() < waiting.deadline:
            if (done := waiting.try_once()) is not None:
                say(f"The Server is done: {shown(done, limit=40)}. The tunnel is closed; this Desktop is enrolled.")
                say(f"To have it open by itself whenever a backup is due: {typed(config_file)} tunnel agent")
                return 0
            time.sleep(every)
    except Stopped as stopped:
        say(f"Stopped. What is done stays; go on with: {typed(config_file)} tunnel open")
        return stopped.exit_code
    say(f"The Server has not come within {seconds / 3600:.0f} h; go on with: {typed(config_file)} tunnel open")
    return 0


class _Waiting:
    """What is waited for, and what was told of it last."""

    def __init__(self, forwards: Sequence[Forward], state: Path, before: str, deadline: float, say: Say) -> None:
        self.deadline = deadline
        self._forwards = forwards
        self._state = state
        self._before = before
        self._say = say
        self._told = ""

    def try_once(self) -> str | None:
        """Return the status that the Server said while the tunnel stood; None if it did not stand, or broke."""
        try:
            with open_tunnel(self._forwards, folder=self._state / "tunnel") as standing:
                jump_node = standing.forward.jump_node
                self._tell(f"The tunnel stands: port {standing.forward.port} on JumpNode {jump_node}.")
                return self._await_done(standing)
        except (HostKeyRefused, Stopped):
            raise
        except KeyRefused:
            return None  # this is what is waited for
        except BackupjumpError as error:
            self._tell(f"{error}; trying again")
            return None

    def _await_done(self, standing: TunnelChild) -> str | None:
        while time.monotonic() < self.deadline:
            standing.await_end(_LOOK_EVERY_SECONDS)
            if (now := _last_done(self._state)) != self._before:
                return _status(now)
        return None

    def _tell(self, message: str) -> None:
        if message != self._told:
            self._say(message)
            self._told = message


def _last_done(state: Path) -> str:
    try:
        return (state / LAST_DONE).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _status(line: str) -> str:
    try:
        return str(json.loads(line)["status"])
    except (ValueError, KeyError, TypeError):
        return "done"
