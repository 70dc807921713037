"""The Desktop's end of a reverse tunnel: `ssh -N -T -R`, what it is told, and how long it lives.

Python 3.9 and newer.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from backupjump import process
from backupjump.ssh import client_config
from backupjump.ssh.ciphers import prefers_aes
from backupjump.ssh.client_config import Hop
from backupjump.ssh.first_session import FirstSession
from backupjump.ssh.tunnel_verdicts import Forward, is_heard, stands, unreachable, why_it_broke, why_it_fails
from backupjump.whole_files import write_private_files

_KEPT_LINES = 200
_LONGEST_LINE_BYTES = 8192


def tunnel_config(jumps: Iterable[Hop], known_hosts: Path, *, aes: bool = False) -> str:
    """Render the ssh_config of the tunnel, one Host block for each JumpNode that it may go to; `aes` as `host_block`.

    Without ClearAllForwardings, which would drop the `-R` of the command line and say nothing (seen).
    """
    # Without the first, ssh stays up although nothing is forwarded, with a mere warning (seen). By the others a dead
    # peer is noticed within 20 s. They cost nothing while the JumpNode asks more often (ClientAliveInterval 3 there).
    first = "Host *\n  ExitOnForwardFailure yes\n  ServerAliveInterval 5\n  ServerAliveCountMax 3\n"
    blocks = [client_config.host_block(jump, aes=aes) for jump in jumps]
    common = client_config.common_block(known_hosts, clear_forwardings=False)
    return "\n".join([client_config.header(), *blocks, first, common])


def tunnel_argv(forward: Forward, config: Path, options: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the ssh that holds `forward` open, without a session; `-v` is how it tells that the forward stands.

    127.0.0.1 is spelled out: of `-R PORT:…` sshd binds every loopback address it can get and is content
    with one, so somebody who sits on the other one would answer in our place (seen).
    """
    to_host = f"[{forward.to_host}]" if ":" in forward.to_host else forward.to_host
    spec = f"127.0.0.1:{forward.port}:{to_host}:{forward.to_port}"
    return ("ssh", "-v", "-N", "-T", "-F", str(config), *options, "-R", spec, forward.jump.alias)


def write_config(jumps: Iterable[Hop], folder: Path) -> Path:
    """Write ssh_config and known_hosts of the tunnel into the private `folder`; return the ssh_config's path."""
    hops = tuple(jumps)
    files = {
        "known_hosts": client_config.known_hosts(hops),
        "ssh_config": tunnel_config(hops, folder / "known_hosts", aes=prefers_aes()),
    }
    write_private_files(folder, files)
    return folder / "ssh_config"


def _ends_with_us() -> tuple[str, ...]:
    """Return the words before an argv that let the program end when we are killed; none where they are not known.

    An ssh that outlived us would hold the port on the JumpNode.  Source: setpriv(1), --pdeathsig; prctl(2).
    """
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv is not None else ()


@contextlib.contextmanager
def tunnel_child(forward: Forward, config: Path, *, outlives_us: bool = False) -> Iterator[TunnelChild]:
    """Start the ssh of a tunnel; however the block is left, and whenever a signal comes, it has ended."""
    with contextlib.ExitStack() as stack:
        with process.signals_held():
            child = stack.enter_context(TunnelChild(forward, config, outlives_us=outlives_us))
        yield child


class TunnelChild:
    """A running `ssh -R`; `with` ends it. It stands once `await_standing` has returned.

    A thread takes in all that ssh says, however long it lives: `-v` has ten lines for every login through
    the tunnel, and an ssh whose pipe is full stands still. It ends when we are killed, unless it `outlives_us`.
    """

    def __init__(self, forward: Forward, config: Path, *, outlives_us: bool = False) -> None:
        self.forward = forward
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._heard = False
        self._stands = False
        self._ended = False
        self._changed = threading.Condition()
        before = () if outlives_us else _ends_with_us()
        self._session = FirstSession(forward.jump.alias)
        try:
            self._child = process.spawn((*before, *tunnel_argv(forward, config, self._session.options)))
        except BaseException:
            self._session.close()
            raise
        self._listener = threading.Thread(target=self._listen, name="tunnel", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """The process id of its ssh."""
        return self._child.pid

    @property
    def heard(self) -> bool:
        """Whether anybody took its connection at the JumpNode's address."""
        return self._heard

    @property
    def stands(self) -> bool:
        """Whether ssh has confirmed the forward."""
        return self._stands

    @property
    def nodelay(self) -> bool | None:
        """Whether the JumpNode's sshd sends at once what it has for us (first_session.py); None while nobody knows."""
        return self._session.granted

    @property
    def ended(self) -> bool:
        """Whether its ssh has ended."""
        return self._ended

    def await_standing(self, seconds: float) -> None:
        """Return once ssh has confirmed the forward; raise why it can't be, at the latest after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._stands or self._ended, seconds):
                raise unreachable(self.forward, f"no tunnel after {seconds:.0f} s")
            if not self._stands:
                raise why_it_fails(self._lines, self.forward)

    def await_nodelay(self, seconds: float) -> bool | None:
        """Return `nodelay` of a tunnel that stands once it is known, at the latest after `seconds`."""
        return self._session.await_answer(seconds)

    def await_end(self, seconds: float) -> None:
        """Keep the tunnel open for `seconds`, then return; raise LinkLost if its ssh ends before."""
        with self._changed:
            if self._changed.wait_for(lambda: self._ended, seconds):
                raise why_it_broke(self._lines, self.forward)

    def close(self) -> None:
        """End the ssh, which frees the port on the JumpNode at once."""
        self._child.stop(grace=2)
        self._listener.join()
        self._session.close()
        self._child.__exit__()

    def __enter__(self) -> TunnelChild:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def _listen(self) -> None:
        """Take in what ssh says until it has ended."""
        while line := self._child.stderr.readline(_LONGEST_LINE_BYTES):
            text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            with self._changed:
                self._lines.append(text)
                self._heard = self._heard or is_heard(text)
                if not self._stands and stands(text):
                    self._stands = True
                    self._session.ask()
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
