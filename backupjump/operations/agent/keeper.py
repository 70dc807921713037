"""Keep the tunnel's ssh as it is wanted: start it, notice its end, try again later. Never waits. Python 3.9."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from backupjump.errors import BackupjumpError, HostKeyRefused, KeyRefused, Stopped
from backupjump.operations.tunnel import STANDS_WITHIN_SECONDS
from backupjump.process import signals_held
from backupjump.ssh.tunnel import TunnelChild, write_config
from backupjump.ssh.tunnel_verdicts import Forward, is_port_taken, slow_tunnel
from backupjump.timing.backoff import pause_seconds

log = logging.getLogger(__name__)

# A tunnel that has stood so long was a good one: the next failure is the first.
_STABLE_SECONDS = 60.0


class Keeper:
    """The one ssh of the tunnel, at most; `with` ends it.

    The JumpNodes are tried in order, one right after the other; when none will do there is a pause, which doubles
    (timing/backoff.py), but stays short where nobody was there to hear us, or the port is still that of our tunnel
    before. One that refused a key, or whose host key we refuse, is passed over for a while.
    """

    def __init__(
        self,
        forwards: Sequence[Forward],
        folder: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._chance = chance
        self._child: TunnelChild | None = None
        self._since = 0.0
        self._has_stood = self._is_slow = False
        self.go_by(forwards)

    def go_by(self, forwards: Sequence[Forward]) -> None:
        """Go by these forwards from now on, as if nothing had been tried before; a tunnel that stands goes on."""
        self._forwards = tuple(forwards)
        self._config = write_config((forward.jump for forward in forwards), self._folder)
        self._current = 0
        self._again_at = 0.0
        self._passed_over_until = [0.0] * len(self._forwards)
        self._forget_trouble()
        self._forget_failures()

    @property
    def phase(self) -> str:
        """Return open, opening, waiting or closed."""
        if self._child is not None:
            return "open" if self._child.stands else "opening"
        return "waiting" if self.trouble else "closed"

    @property
    def is_trying(self) -> bool:
        """Whether the tunnel is wanted and does not stand."""
        return self.phase in ("opening", "waiting")

    @property
    def forward(self) -> Forward | None:
        """The forward that stands, None if none does."""
        return self._child.forward if self._child is not None and self._child.stands else None

    @property
    def nodelay(self) -> bool | None:
        """Whether the JumpNode of the tunnel that stands delays nothing on it; None while nobody knows."""
        return self._child.nodelay if self._child is not None and self._child.stands else None

    def keep(self, *, wanted: bool) -> None:
        """Do the next step towards what is wanted; call it about once a second.

        What fails becomes `trouble`, with a `hint`; `needs_person` is whether no later try will mend it.
        """
        if not wanted:
            self.close()
            self._forget_trouble()
            self._current, self._again_at = 0, 0.0
            self._forget_failures()
        elif self._child is None:
            self._begin()
        elif not self._child.stands:
            self._watch_opening(self._child)
        else:
            self._watch_standing(self._child)

    def jolt(self, *, redial: bool) -> None:
        """Try again at once, since the network is another one now; with `redial` what stands is given up as dead."""
        if redial:
            self.close()
        self._again_at = 0.0
        self._forget_failures()

    def close(self) -> None:
        """End the ssh, which frees the port on the JumpNode."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def _begin(self) -> None:
        now = self._clock()
        ready = (number for number, until in enumerate(self._passed_over_until) if until <= now)
        current = next((number for number in ready if number >= self._current), None)
        if now < self._again_at:
            return
        if current is None:
            self._pause()
            return
        self._current, self._since, self._has_stood = current, now, False
        try:
            with signals_held():
                self._child = TunnelChild(self._forwards[current], self._config)
        except Stopped:
            raise
        except BackupjumpError as error:
            self._failed(error, harmless=False)

    def _watch_opening(self, child: TunnelChild) -> None:
        if child.ended or self._clock() - self._since > STANDS_WITHIN_SECONDS:
            try:
                child.await_standing(0.0)
            except Stopped:
                raise
            except BackupjumpError as error:
                self.close()
                self._failed(error, harmless=is_port_taken(error) or not child.heard)

    def _watch_standing(self, child: TunnelChild) -> None:
        if not self._has_stood:
            log.info("tunnel stands: port %d on JumpNode %s", child.forward.port, child.forward.jump_node)
            self._has_stood, self._since, self._is_slow = True, self._clock(), False
            self._forget_trouble()
        if child.nodelay is False and not self._is_slow:
            log.info("%s", slow_tunnel(child.forward))
            self._is_slow = True
        if child.ended:
            try:
                child.await_end(0.0)
            except Stopped:
                raise
            except BackupjumpError as error:
                self.close()
                self._current = len(self._forwards) - 1  # begin again with the first
                # It was let in, and lost by the line: on one that comes and goes, no pause is to grow long.
                self._failed(error, harmless=True)
        elif self._clock() - self._since > _STABLE_SECONDS:
            self._forget_failures()

    def _forget_trouble(self) -> None:
        self.trouble = self.hint = ""
        self.needs_person = False

    def _forget_failures(self) -> None:
        self.failures = self._rebuffs = 0
        self._harmless = True

    def _failed(self, error: BackupjumpError, *, harmless: bool) -> None:
        """Go on to the next JumpNode, or pause when this was the last one."""
        self.trouble, self.hint = str(error), error.hint
        self.needs_person = not error.temporary and not is_port_taken(error)
        self._harmless = self._harmless and harmless
        log.warning("%s", error.with_hint)
        if isinstance(error, (KeyRefused, HostKeyRefused)):
            pause = pause_seconds(1, refused=True, chance=self._chance())
            self._passed_over_until[self._current] = self._clock() + pause
        self._current += 1
        if self._current >= len(self._forwards):
            self._pause()

    def _pause(self) -> None:
        """Wait for the next round, which begins with the first JumpNode that is not passed over."""
        self._current = 0
        self.failures += 1
        self._rebuffs += not self._harmless
        # An hour without a link is no reason to wait long after the first word with sshd.
        failures = self.failures if self._harmless else self._rebuffs
        pause = pause_seconds(failures, refused=False, chance=self._chance(), harmless=self._harmless)
        self._harmless = True
        self._again_at = max(self._clock() + pause, min(self._passed_over_until))
        log.info("the tunnel is tried again in %d s", self._again_at - self._clock())
