"""Read what a child prints on both of its streams until it has ended, and look around in between."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable

from backupjump.process import Child

_SECONDS_BETWEEN_TICKS = 0.1
# rsync flushes each line. Waking up for every file would cost a fifth of a transfer of small ones.
_SECONDS_TO_GATHER = 0.01
_SECONDS_AFTER_THE_END = 2.0
_CHUNK = 1 << 16


def pump(
    child: Child, *, stdout: Callable[[bytes], None], stderr: Callable[[bytes], None], on_tick: Callable[[int], None]
) -> int:
    """Hand each chunk to its reader, an empty one at the end, and return the exit status.

    `on_tick` is called at least ten times a second with the count of bytes of stdout read so far; what it raises
    ends the pumping, not the child. A process that the child left behind may keep the streams open: two
    seconds after the child's end they are taken as ended.
    """
    read = 0
    ended_at = None
    with selectors.DefaultSelector() as selector:
        for stream, reader in ((child.stdout, stdout), (child.stderr, stderr)):
            selector.register(stream, selectors.EVENT_READ, reader)
        while selector.get_map():
            if child.poll() is None:
                time.sleep(_SECONDS_TO_GATHER)
            for key, _events in selector.select(_SECONDS_BETWEEN_TICKS):
                chunk = os.read(key.fd, _CHUNK)
                read += len(chunk) if key.fileobj is child.stdout else 0
                key.data(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            on_tick(read)
            if ended_at is None and child.poll() is not None:
                ended_at = time.monotonic()
            if ended_at is not None and time.monotonic() - ended_at > _SECONDS_AFTER_THE_END:
                break
    return child.wait()
