"""What an error of the filesystem means to a person."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from backupjump.errors import StoreError, StoreFull
from backupjump.escape import shown

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_READ_ONLY = frozenset({errno.EROFS})
_NOT_OURS = frozenset({errno.EACCES, errno.EPERM})


@contextmanager
def told_as_store_error(doing: str) -> Iterator[None]:
    """Within the block an OSError becomes a StoreError (StoreFull when that is why) that says what we were `doing`."""
    try:
        yield
    except OSError as error:
        raise store_error(doing, error) from error


def store_error(doing: str, error: OSError) -> StoreError:
    """Return `error` as the store's, with the path it names and a hint where there is one."""
    where = f": {shown(error.filename)}" if isinstance(error.filename, str | bytes) else ""
    message = f"{doing}: {error.strerror or error}{where}"
    if error.errno in _FULL:
        return StoreFull(message, hint="free space or inodes: see df -h and df -i for the store")
    if error.errno in _READ_ONLY:
        return StoreError(message, hint="the store's filesystem is read-only; dmesg may say why")
    if error.errno in _NOT_OURS:
        return StoreError(message, hint=f"backupjump runs as uid {os.geteuid()} here; ls -ld says whose that is")
    return StoreError(message)
