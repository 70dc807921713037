"""Texts that people carry between two machines by mail, chat or a stick: bounded, and whole or refused.

A mail client quotes, wraps and reflows, so all white space and quote marks within the frame count for nothing; a
checksum inside tells a character that was lost or changed. It is no signature: the short code is for that.
Python 3.9.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from backupjump.errors import UsageError

INVITATION = "INVITATION"
REPLY = "REPLY"

MOST_BYTES = 16 * 1024
"""Of a whole block, its frame included."""
MOST_PASTED_BYTES = 64 * 1024
"""Of what may stand around it as well: a mail has more than the block."""

_NAMES = {
    INVITATION: "an invitation, as `backupjump enroll new` on the Server prints it",
    REPLY: "a reply, as `backupjump enroll accept` on the Desktop prints it",
}
_BELONGS = {
    INVITATION: "it belongs on the Desktop, at: backupjump enroll accept",
    REPLY: "it belongs on the Server, at: backupjump enroll finish",
}
_LINE_WIDTH = 64
_CHECKSUM_BYTES = 8
# Quote marks of mail and chat, and the white space of Unicode; none of them is in base64.
_CARRIED_ALONG = re.compile(r"[\s>|\u200b\ufeff]+")


def write_armour(kind: str, content: bytes) -> str:
    """Return `content` as a block of text of that kind, with a line end at its end."""
    packed = base64.b64encode(content + _checksum(kind, content)).decode("ascii")
    lines = [packed[start : start + _LINE_WIDTH] for start in range(0, len(packed), _LINE_WIDTH)]
    return "\n".join([_begin(kind), *lines, _end(kind)]) + "\n"


def read_armour(kind: str, text: str) -> bytes:
    """Return what the block of that kind in `text` holds; UsageError if there is not exactly one, whole as written."""
    blocks = set(_blocks(kind, text))
    if not blocks:
        raise _none_there(kind, text)
    if len(blocks) > 1:
        raise _bad(kind, "there is more than one in it; paste one")
    (packed,) = blocks
    if len(packed) > MOST_BYTES - 2 * len(_begin(kind)):
        raise _bad(kind, f"it is longer than {MOST_BYTES // 1024} KiB")
    try:
        both = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(kind, "a part is missing, or something else got into it") from error
    content, checksum = both[:-_CHECKSUM_BYTES], both[-_CHECKSUM_BYTES:]
    # The last character of base64 has bits that mean nothing: of several texts only the one that we write is taken.
    if checksum != _checksum(kind, content) or base64.b64encode(both).decode("ascii") != packed:
        raise _bad(kind, "a part is missing or altered")
    return content


def has_ended(text: str) -> bool:
    """Whether the end of a block has come in, be it one of the wrong kind: whoever pasted that waits for a word."""
    squeezed = _squeezed(text)
    return any(_squeezed(_end(kind)) in squeezed for kind in _NAMES)


def _blocks(kind: str, text: str) -> list[str]:
    if len(text) > MOST_PASTED_BYTES:
        raise _bad(kind, f"the text around it is longer than {MOST_PASTED_BYTES // 1024} KiB")
    begin, end = re.escape(_squeezed(_begin(kind))), re.escape(_squeezed(_end(kind)))
    return re.findall(f"{begin}([^-]*){end}", _squeezed(text))


def _none_there(kind: str, text: str) -> UsageError:
    squeezed = _squeezed(text)
    other = REPLY if kind == INVITATION else INVITATION
    if _squeezed(_begin(other)) in squeezed and _squeezed(_begin(kind)) not in squeezed:
        return UsageError(f"this is {_NAMES[other]}; what belongs here is {_NAMES[kind]}", hint=_BELONGS[other])
    if _squeezed(_begin(kind)) in squeezed or _squeezed(_end(kind)) in squeezed:
        return _bad(kind, "its beginning or its end is missing")
    return _bad(kind, "there is none in it")


def _bad(kind: str, what: str) -> UsageError:
    return UsageError(
        f"this is not {_NAMES[kind]}: {what}",
        hint=f"copy it once more, from the line {_begin(kind)} to the line {_end(kind)}",
    )


def _checksum(kind: str, content: bytes) -> bytes:
    return hashlib.sha256(kind.encode("ascii") + b"\n" + content).digest()[:_CHECKSUM_BYTES]


def _begin(kind: str) -> str:
    return f"-----BEGIN BACKUPJUMP {kind}-----"


def _end(kind: str) -> str:
    return f"-----END BACKUPJUMP {kind}-----"


def _squeezed(text: str) -> str:
    return _CARRIED_ALONG.sub("", text)
