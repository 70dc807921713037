"""What a link carries, by what came in over it: the best stretch of a transfer.

A stretch in which the Desktop reads many small files, or this Server's disk is busy, tells less than the link can do,
never more; so the best one is nearest to the truth, and even that may be too low. What counts is what came over the
wire: with compression on, that is not what it unpacks to.
"""

from __future__ import annotations

# Shorter or smaller stretches tell of buffers: OpenSSH's channel window alone is 2 MiB.
_SECONDS = 1.0
_BYTES = 8_000_000


class LinkSpeed:
    """The best stretch so far of the connections of one transfer, one after the other."""

    def __init__(self) -> None:
        self.bytes_per_second: int | None = None
        self._begin: tuple[int, float] | None = None
        self._last_bytes = 0

    def note(self, received_bytes: int, *, now: float) -> None:
        """Take in what has come over the connection so far, and when, on a clock that never goes back.

        Less than the last time means that it is another connection.
        """
        if self._begin is None or received_bytes < self._last_bytes:
            self._begin = (received_bytes, now)
        self._last_bytes = received_bytes
        begin_bytes, begin_at = self._begin
        came, took = received_bytes - begin_bytes, now - begin_at
        if came >= _BYTES and took >= _SECONDS:
            self.bytes_per_second = max(self.bytes_per_second or 0, int(came / took))
            self._begin = (received_bytes, now)
