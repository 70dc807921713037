"""How much a transfer has brought that is new: what came in after the content of files had begun to.

Before that come the greeting and the list of files, which a try that gets no further brings again each time. While
it goes on with what older attempts got, rsync asks for nothing of what is here; so what came in afterwards is news.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backupjump.rsync.output import Item, Output
    from backupjump.rsync.watch import Watch


class Content:
    """The content that one rsync has received so far; its numbers are those of `watch`, at most 0.1 s old."""

    def __init__(self, watch: Watch, output: Output) -> None:
        self._watch = watch
        self._output = output
        self._begins_at: int | None = None

    def note(self, item: Item | None = None) -> None:
        """Take note of an item, or of whatever else rsync has printed: content may have begun to come in."""
        if self._begins_at is None and (self._output.content_begun or (item is not None and item.transferred)):
            self._begins_at = self._watch.received_bytes

    @property
    def received_bytes(self) -> int:
        """What has come in since content began to, 0 if none has."""
        return self._watch.received_bytes - self._begins_at if self._begins_at is not None else 0
