"""Enrolments under way: what this Server has proposed, and what came back. One file each, STATE/enrolments/ID.json."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.invitation import Invitation, invitation_of
from backupjump.operations.enroll.strict_json import Fields, read_digest, read_object, read_schema, write_object
from backupjump.whole_files import write_private_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backupjump.operations.enroll.reply import Reply

FOLDER = "enrolments"
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Pending:
    """An invitation that went out. `jump_node` is its name in the config (None: route local), `identity_file` the
    private half of its data key, `keys_file` where keys are looked for on the JumpNode, if not in ~/.ssh; `reply` is
    the digest of the reply that it ended with, None while it is open.
    """

    invitation: Invitation
    jump_node: str | None
    identity_file: Path
    keys_file: str | None = None
    reply: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether no reply has come back yet."""
        return self.reply is None


@contextmanager
def one_at_a_time(state: Path) -> Iterator[None]:
    """Let no other process of this Server propose an enrolment within the block: two would take the same free port."""
    folder = state / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise BackupjumpError(f"{shown(str(folder))} can't be used: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_pending(state: Path, pending: Pending) -> None:
    """Remember `pending` below the state folder, in the place of what stood there for its id."""
    content = write_object(
        {
            "schema": 1,
            "invitation": json.loads(pending.invitation.content),
            "jump_node": pending.jump_node,
            "identity_file": str(pending.identity_file),
            "keys_file": pending.keys_file,
            "reply": pending.reply,
        }
    )
    write_private_files(state / FOLDER, {f"{pending.invitation.id}.json": content.decode("ascii")})


def ended_with(pending: Pending, reply: Reply) -> Pending:
    """Return `pending` as ended with `reply`."""
    return replace(pending, reply=reply.digest)


def forget_pending(state: Path, pending: Pending) -> None:
    """Forget `pending`: its reply will be refused from now on."""
    (state / FOLDER / f"{pending.invitation.id}.json").unlink(missing_ok=True)


def all_pending(state: Path) -> tuple[Pending, ...]:
    """Return all enrolments that this Server remembers, ended ones too; BackupjumpError for a file that is none."""
    return tuple(_read(path) for path in sorted((state / FOLDER).glob("*.json")))


def pending_of(state: Path, reply: Reply) -> Pending:
    """Return the enrolment that `reply` answers; UsageError if it answers another invitation, or a changed one."""
    found = [pending for pending in all_pending(state) if pending.invitation.id == reply.id]
    if not found:
        raise UsageError(
            f"this reply is for enrolment {reply.id} of a Desktop called {shown(reply.desktop)}, which this Server has "
            "not begun, or has begun anew since",
            hint=f"an invitation that it is for: backupjump enroll new {reply.desktop}",
        )
    (pending,) = found
    invited = pending.invitation
    if (reply.invitation, reply.desktop, reply.kind) != (invited.digest, invited.desktop, invited.kind):
        raise UsageError(
            f"the invitation that this reply answers was not the one that this Server wrote for {invited.desktop}: "
            "somebody or something changed it on the way; nothing was done",
            hint="look at who handed the texts over; then once more, on the Desktop: backupjump enroll accept",
        )
    return pending


def ports_taken(pendings: Iterable[Pending], jump_node: str | None) -> set[int]:
    """Return the ports that open enrolments have been promised on that JumpNode."""
    return {each.invitation.port for each in pendings if each.is_open and each.jump_node == jump_node}


def _read(path: Path) -> Pending:
    try:
        with path.open("rb") as file:
            fields = Fields(read_object(file.read(_MOST_BYTES)))
        fields.take("schema", read_schema)
        pending = Pending(
            invitation=invitation_of(fields.take("invitation", write_object)),
            jump_node=fields.take("jump_node", _text_or_none),
            identity_file=Path(os.fsdecode(fields.take("identity_file", str))),
            keys_file=fields.take("keys_file", _text_or_none),
            reply=fields.take("reply", lambda value: None if value is None else read_digest(value)),
        )
        fields.done()
    except (OSError, ValueError) as error:
        name = shown(str(path))
        raise BackupjumpError(
            f"{name} is no enrolment: {shown(str(error))}",
            hint=f"forget it: rm {shlex.quote(name)}; then: backupjump enroll new",
        ) from error
    return pending


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
