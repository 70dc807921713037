"""What was said on the command line of `enroll new`, and what of it can't be obeyed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from backupjump.config.checks import read_name, read_tunnel_port
from backupjump.errors import UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.authorized_keys import FIRST_PORT
from backupjump.operations.enroll.invitation import ROUTES, read_root
from backupjump.operations.enroll.jump_choice import read_jump_name
from backupjump.operations.enroll.jump_node import HOP_ACCOUNT, TUNNEL_ACCOUNT, Accounts, keys_place
from backupjump.operations.enroll.strict_json import read_choice
from backupjump.run import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class NewWishes:
    """What was said on the command line of `enroll new`."""

    name: str
    config: Path | None = None
    jump: str | None = None
    jump_node: str | None = None
    jump_host_key: str | None = None
    here: str | None = None
    user: str = HOP_ACCOUNT
    tunnel_user: str | None = None
    jump_keys: str | None = None
    store: Path | None = None
    read: tuple[str, ...] = ()
    port: int | None = None
    route: str = "proxyjump"
    expires: date | None = None
    yes: bool = False


def check_wishes(wishes: NewWishes) -> None:
    """Raise UsageError for the first word that can't be obeyed; nothing has been looked at or made by then."""
    read_jump_name(wishes.name)
    if wishes.expires is not None and wishes.expires <= utc_now().date():
        raise UsageError(f"--expires {wishes.expires} is not in the future", hint="such as --expires 2027-12-31")
    if wishes.route == "nested":
        raise UsageError(
            "route nested is not set up by enrolment: the JumpNode itself makes that key",
            hint="by hand, as in docs/by-hand.md",
        )
    if (wishes.here is not None) != (wishes.route == "local"):
        raise UsageError(
            "--here and --route local belong together: the tunnel then ends on this Server itself",
            hint="--route local --here HOST[:PORT], as the Desktop reaches this machine's sshd",
        )
    if wishes.here is not None and (wishes.jump, wishes.jump_node) != (None, None):
        raise UsageError("route local has no JumpNode", hint="leave out --jump and --jump-node")
    checks: list[tuple[str, Callable[[], object]]] = [
        *((f"--read {shown(folder)}", partial(read_root, folder)) for folder in wishes.read),
        (f"--route {shown(wishes.route)}", partial(read_choice(*ROUTES), wishes.route)),
        (f"--tunnel-user {shown(wishes.tunnel_user or '')}", partial(read_name, wishes.tunnel_user or TUNNEL_ACCOUNT)),
        (f"--user {shown(wishes.user)}", partial(read_name, wishes.user)),
        ("--jump-keys", partial(keys_place, Accounts(keys_file=wishes.jump_keys))),
        (f"--port {wishes.port}", partial(read_tunnel_port, wishes.port or FIRST_PORT)),
    ]
    for word, check in checks:
        try:
            check()
        except ValueError as error:
            raise UsageError(f"{word} {error}") from error
