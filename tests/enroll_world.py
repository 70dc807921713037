"""An enrolment's values, as tests need them: real keys, an invitation, a reply."""

from __future__ import annotations

import base64
import struct
from dataclasses import replace
from typing import Any

from backupjump.operations.enroll.invitation import NEW, Invitation, JumpAccount
from backupjump.operations.enroll.reply import VERSION_KEYS, Reply


def public_key(number: int) -> str:
    """Return a public key as ssh-keygen writes it; another one for each number from 0 to 255."""
    kind = b"ssh-ed25519"
    blob = struct.pack(">I", len(kind)) + kind + struct.pack(">I", 32) + bytes([number]) * 32
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


HOST_KEY, DATA_KEY, TUNNEL_KEY, DESKTOP_KEY, HOP_KEY = (public_key(number) for number in range(1, 6))

INVITATION = Invitation(
    kind=NEW,
    id="0123abcd",
    desktop="laptop",
    route="proxyjump",
    jump=JumpAccount("jumpnode.domain.ext", 22, "tunnel", (HOST_KEY,)),
    port=2020,
    data_key=DATA_KEY,
    read=("/home/me",),
)


def reply_to(invitation: Invitation = INVITATION, /, **changes: Any) -> Reply:
    """Return what a Desktop answers to `invitation`."""
    reply = Reply(
        kind=invitation.kind,
        id=invitation.id,
        invitation=invitation.digest,
        desktop=invitation.desktop,
        tunnel_key=TUNNEL_KEY,
        host_keys=(DESKTOP_KEY,),
        user="me",
        read=("/home/me",),
        hooks=("dump-db",),
        versions=dict.fromkeys(VERSION_KEYS, "1"),
    )
    return replace(reply, **changes)
