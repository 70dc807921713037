"""Give a folder the attributes of another: owner, mode, extended attributes with ACLs, times."""

from __future__ import annotations

import errno
import os
import stat

_NO_XATTRS = frozenset({errno.ENOTSUP})


def copy_attributes(source: int, target: int) -> None:
    """Make the open folder `target` look like the open folder `source`; what is put into it later changes its times.

    The ACL comes before the mode, which it is a part of, and what the kernel let it inherit is taken away. Source:
    acl(5), xattr(7).
    """
    there, here = os.fstat(source), os.fstat(target)
    if (there.st_uid, there.st_gid) != (here.st_uid, here.st_gid):
        os.fchown(target, there.st_uid, there.st_gid)
    _copy_xattrs(source, target)
    os.fchmod(target, stat.S_IMODE(there.st_mode))
    os.utime(target, ns=(there.st_atime_ns, there.st_mtime_ns))


def _copy_xattrs(source: int, target: int) -> None:
    try:
        wanted, found = os.listxattr(source), os.listxattr(target)
    except OSError as error:
        if error.errno in _NO_XATTRS:
            return
        raise
    for name in wanted:
        os.setxattr(target, name, os.getxattr(source, name))
    for name in found:
        if name not in wanted:
            os.removexattr(target, name)
