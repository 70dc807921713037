"""Read the lines of `--info=progress2` as they come.

    "        5000014  99%  476.84MB/s    0:00:00 (xfr#2, to-chk=17/21)"

While rsync still lists folders it says `ir-chk` instead of `to-chk`, and its totals grow.
Source: rsync(1), --progress.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_LINE = re.compile(
    rb" *(?P<bytes>\d{1,19}) +(?P<percent>\d{1,3})% +(?P<rate>\d{1,12}(?:\.\d{1,3})?)(?P<unit>[kMGT]?)B/s +"
    rb"(?:(?P<h>\d{1,6}):(?P<m>\d\d):(?P<s>\d\d)|\?\?:\?\?:\?\?)"
    rb"(?: +\(xfr#(?P<files>\d{1,12}), (?P<state>ir|to)-chk=(?P<left>\d{1,12})/(?P<total>\d{1,12})\))?(?: {2})?"
    rb"(?P<more>.*)",
    re.DOTALL,
)
_UNITS = {b"": 1, b"k": 1 << 10, b"M": 1 << 20, b"G": 1 << 30, b"T": 1 << 40}


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far one transfer is.

    `bytes_done` counts the content of finished files and the current one, `rate_bytes` is per second, `eta`
    the time left or None. `checked` of `total` entries have been looked at; while `listing`, `total` and
    `percent` are not final.
    """

    bytes_done: int = 0
    percent: int = 0
    rate_bytes: int = 0
    eta: timedelta | None = None
    files_done: int = 0
    checked: int = 0
    total: int = 0
    listing: bool = True


def read_progress(line: bytes, before: Progress) -> Progress | None:
    """Return what a line of rsync's stdout says of the progress, or None if it speaks of something else.

    Between two files rsync leaves the counts out; they are then taken from `before`.
    """
    match = _LINE.fullmatch(line)
    if match is None or match["more"].strip(b" "):
        return None
    left, total = match["left"], match["total"]
    return Progress(
        bytes_done=int(match["bytes"]),
        percent=min(100, int(match["percent"])),
        rate_bytes=round(float(match["rate"]) * _UNITS[match["unit"]]),
        eta=_time(match),
        files_done=int(match["files"]) if match["files"] else before.files_done,
        checked=max(0, int(total) - int(left)) if total else before.checked,
        total=int(total) if total else before.total,
        listing=match["state"] == b"ir" if total else before.listing,
    )


def after_progress(line: bytes) -> bytes:
    """Return `line` without progress that another process of rsync wrote right before it, which ends no line."""
    match = _LINE.fullmatch(line)
    return match["more"] if match is not None and match["more"].strip(b" ") else line


def _time(match: re.Match[bytes]) -> timedelta | None:
    if match["h"] is None:
        return None
    return timedelta(hours=int(match["h"]), minutes=int(match["m"]), seconds=int(match["s"]))
