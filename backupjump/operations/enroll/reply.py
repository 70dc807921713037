"""What the Desktop answers to an invitation: the public half of its tunnel key, its host keys, what it allows.

Python 3.9.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backupjump.config.checks import read_name, read_sources_apart
from backupjump.errors import UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.armour import REPLY, read_armour, write_armour
from backupjump.operations.enroll.invitation import NEW, ROTATE, Invitation, read_root, spoken
from backupjump.operations.enroll.strict_json import (
    Fields,
    read_bare_key,
    read_choice,
    read_digest,
    read_ed25519,
    read_id,
    read_object,
    read_schema,
    write_object,
)

VERSION_KEYS = ("backupjump", "gate", "openssh", "python", "rsync")
_LONGEST_VERSION = 80


@dataclass(frozen=True)
class Reply:
    """A Desktop's answer. `invitation` is the digest of what it answers to; `versions` are for people only."""

    kind: str
    id: str
    invitation: str
    desktop: str
    tunnel_key: str
    host_keys: tuple[str, ...]
    user: str
    read: tuple[str, ...]
    hooks: tuple[str, ...]
    versions: Mapping[str, str]

    @property
    def content(self) -> bytes:
        """The JSON that the text carries."""
        return write_object(
            {
                "schema": 1,
                "kind": self.kind,
                "id": self.id,
                "invitation": self.invitation,
                "desktop": self.desktop,
                "tunnel_key": self.tunnel_key,
                "host_keys": list(self.host_keys),
                "user": self.user,
                "read": list(self.read),
                "hooks": list(self.hooks),
                "versions": dict(self.versions),
            }
        )

    @property
    def digest(self) -> str:
        """The SHA-256 over `content`."""
        return hashlib.sha256(self.content).hexdigest()


def write_reply(reply: Reply) -> str:
    """Return the text to be pasted at the Server."""
    return write_armour(REPLY, reply.content)


def read_reply(text: str) -> Reply:
    """Return the reply in a pasted `text`; UsageError says what is wrong with it."""
    try:
        return reply_of(read_armour(REPLY, text))
    except ValueError as error:
        raise UsageError(
            f"this reply can't be used: {shown(str(error), limit=300)}",
            hint="ask for another one: backupjump enroll accept, on the Desktop",
        ) from error


def reply_of(content: bytes) -> Reply:
    """Return the reply that `content` holds; ValueError if it holds none."""
    fields = Fields(read_object(content))
    fields.take("schema", read_schema)
    versions = fields.below("versions")
    reply = Reply(
        kind=fields.take("kind", read_choice(NEW, ROTATE)),
        id=fields.take("id", read_id),
        invitation=fields.take("invitation", read_digest),
        desktop=fields.take("desktop", read_name),
        tunnel_key=fields.take("tunnel_key", read_ed25519),
        host_keys=fields.each("host_keys", read_bare_key, least=1, most=8),
        user=fields.take("user", read_name),
        read=read_sources_apart(fields.each("read", read_root, least=1)),
        hooks=fields.each("hooks", read_name),
        versions={key: versions.take(key, _read_version) for key in VERSION_KEYS},
    )
    versions.done()
    fields.done()
    return reply


def short_code(invitation: Invitation, reply: Reply) -> str:
    """Return what two people compare by phone: who changed either text on the way changed this too."""
    return spoken(hashlib.sha256(f"{invitation.digest} {reply.digest}".encode("ascii")).hexdigest())


def _read_version(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_VERSION:
        raise ValueError(f"must be text of {_LONGEST_VERSION} characters at most")
    return value
