"""Send the list of a folder: one stream of zlib, within it lines of JSON, and never all of it in memory.

The first line is a header, the last says how many lines stand between them, so that a list that was cut short is
known for what it is.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import time
import zlib
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from backupjump.gate.awake import hold_awake
from backupjump.gate.folder import check_allowed, open_folder
from backupjump.gate.mounts import filesystem_of
from backupjump.gate.refusal import Refused
from backupjump.gate.walk import Walk

if TYPE_CHECKING:
    from backupjump.config.desktop import Gate
    from backupjump.gate.grammar import Listing

LIST_FORMAT = 1

_LINES_AT_ONCE = 1000
_COMPRESSION = 1
# What is packed stays in zlib's memory until it is worth a block; on a slow disk the Server would hear nothing.
_FLUSH_SECONDS = 5.0


def send_list(listing: Listing, policy: Gate, out: BinaryIO) -> None:
    """Write the list of the folder of `listing` to `out`; Refused if the policy does not allow it.

    Like a pull it keeps the folder by its descriptor and the machine awake, and ends with the connection.
    """
    at_ns = time.time_ns()
    check_allowed(listing.path, policy.read)
    fd = open_folder(listing.path)
    try:
        walk = Walk(fd, listing.path, omitted=listing.omitted, one_file_system=listing.one_file_system)
    except OSError as error:
        raise Refused("closed", f"the folder can't be read: {error.strerror}") from None
    _held = hold_awake()
    # Python ignores it, and would end with a traceback once the Server is gone.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    header = {
        "list": LIST_FORMAT,
        "root": listing.path.rstrip("/") or "/",
        "at_ns": at_ns,
        "dev": walk.device,
        "filesystem": filesystem_of(fd),
    }
    # A walk makes no cycles, and looking for them takes a quarter of its time (measured).
    gc.disable()
    with walk:
        _pack(header, walk, out)
    os.close(fd)


def _pack(header: dict[str, object], walk: Walk, out: BinaryIO) -> None:
    packer = zlib.compressobj(_COMPRESSION)
    out.write(packer.compress(_json_line(header)))
    lines, count, flushed = walk.lines(), 0, time.monotonic()
    while block := list(islice(lines, _LINES_AT_ONCE)):
        count += len(block)
        out.write(packer.compress("".join(block).encode("ascii")))
        if time.monotonic() - flushed > _FLUSH_SECONDS:
            out.write(packer.flush(zlib.Z_SYNC_FLUSH))
            out.flush()
            flushed = time.monotonic()
    out.write(packer.compress(_json_line({"entries": count})) + packer.flush())
    out.flush()


def _json_line(values: dict[str, object]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"
