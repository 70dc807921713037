"""What the Server tells a Desktop that is to be backed up: public halves of keys, a port, what it asks to read.

No secret stands in it, but who can change it on the way can put another key in the Server's place, and another
JumpNode: so the Desktop shows its code before it agrees, and both ends show one over invitation and reply, which people
compare. Python 3.9.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date

from backupjump.config.checks import read_host, read_name, read_port, read_source, read_sources_apart, read_tunnel_port
from backupjump.errors import UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.armour import INVITATION, read_armour, write_armour
from backupjump.operations.enroll.strict_json import (
    Fields,
    read_bare_key,
    read_choice,
    read_ed25519,
    read_id,
    read_object,
    read_optional_date,
    read_schema,
    write_object,
)

NEW = "new"
ROTATE = "rotate"
ROUTES = ("proxyjump", "proxycommand", "local")

# An authorized_keys line carries paths of ours, not these; but `$` and quotes have meant code in too many places.
_ODD_IN_A_PATH = re.compile(r'["$\\]')
_LONGEST_PATH = 1024


@dataclass(frozen=True)
class JumpAccount:
    """Where the Desktop's tunnel leads: the JumpNode's sshd, and the account there that may only open ports."""

    host: str
    port: int
    user: str
    host_keys: tuple[str, ...]


@dataclass(frozen=True)
class Invitation:
    """One enrolment as the Server proposes it. `id` names it for good; `read` is asked for, the owner decides."""

    kind: str
    id: str
    desktop: str
    route: str
    jump: JumpAccount
    port: int
    data_key: str
    read: tuple[str, ...]
    expires: date | None = None

    @property
    def content(self) -> bytes:
        """The JSON that the text carries, and that digests are taken of."""
        jump = {
            "host": self.jump.host,
            "port": self.jump.port,
            "user": self.jump.user,
            "host_keys": list(self.jump.host_keys),
        }
        return write_object(
            {
                "schema": 1,
                "kind": self.kind,
                "id": self.id,
                "desktop": self.desktop,
                "route": self.route,
                "jump": jump,
                "port": self.port,
                "data_key": self.data_key,
                "read": list(self.read),
                "expires": self.expires.isoformat() if self.expires else None,
            }
        )

    @property
    def digest(self) -> str:
        """The SHA-256 over `content`, by which a reply says what it replies to."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def code(self) -> str:
        """What the Server shows beside the invitation, and the Desktop before it agrees to it."""
        return spoken(self.digest)


def spoken(digest: str) -> str:
    """Return the beginning of a digest in groups that can be read out over the phone.

    64 bits: somebody who hands the texts over could try as many variants of one as it takes to hit 32 of them.
    """
    return " ".join(digest[start : start + 4] for start in range(0, 16, 4))


def write_invitation(invitation: Invitation) -> str:
    """Return the text to be pasted at the Desktop."""
    return write_armour(INVITATION, invitation.content)


def read_invitation(text: str) -> Invitation:
    """Return the invitation in a pasted `text`; UsageError says what is wrong with it."""
    try:
        return invitation_of(read_armour(INVITATION, text))
    except ValueError as error:
        raise UsageError(
            f"this invitation can't be used: {shown(str(error), limit=300)}",
            hint="ask for another one: backupjump enroll new, on the Server",
        ) from error


def invitation_of(content: bytes) -> Invitation:
    """Return the invitation that `content` holds; ValueError if it holds none."""
    fields = Fields(read_object(content))
    fields.take("schema", read_schema)
    jump = fields.below("jump")
    invitation = Invitation(
        kind=fields.take("kind", read_choice(NEW, ROTATE)),
        id=fields.take("id", read_id),
        desktop=fields.take("desktop", read_name),
        route=fields.take("route", read_choice(*ROUTES)),
        jump=JumpAccount(
            host=jump.take("host", read_host),
            port=jump.take("port", read_port),
            user=jump.take("user", read_name),
            host_keys=jump.each("host_keys", read_bare_key, least=1, most=8),
        ),
        port=fields.take("port", read_tunnel_port),
        data_key=fields.take("data_key", read_ed25519),
        read=read_sources_apart(fields.each("read", read_root)),
        expires=fields.take("expires", read_optional_date),
    )
    jump.done()
    fields.done()
    return invitation


def read_root(value: object) -> str:
    """Accept a folder that a gate may let be read, of a name that no config file and no shell could take for code."""
    path = read_source(value)
    if len(path) > _LONGEST_PATH or _ODD_IN_A_PATH.search(path):
        raise ValueError("may not hold a quote, $ or \\; name the folder above it")
    return path
