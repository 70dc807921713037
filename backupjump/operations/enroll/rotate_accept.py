"""`enroll accept` of new keys, on the Desktop: a new tunnel key is proven, then the Server's new key let in.

That order is the promise that the Server goes by: its new key is let in only when the config here names a tunnel key
that the JumpNode has let in. So it may take the old one out there. Python 3.9.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from backupjump.config.edit import set_values
from backupjump.config.state import state_dir
from backupjump.errors import BackupjumpError, DesktopAway, ForwardRefused, KeyRefused, LinkLost, Stopped
from backupjump.gate.enrolment import seen_enrolment
from backupjump.operations.enroll.accept_plan import typed
from backupjump.operations.enroll.authorized_keys import read_keys_file, with_line, write_keys_file
from backupjump.operations.enroll.consent import agreed
from backupjump.operations.enroll.fresh_file import make_key
from backupjump.operations.enroll.old_keys import drop_old_keys
from backupjump.operations.enroll.prove_line import prove_line
from backupjump.operations.enroll.reply import Reply
from backupjump.operations.enroll.rotate_plan import RotatePlan, rotation_lines
from backupjump.operations.installed import running_bundle, settle
from backupjump.operations.tunnel import forwards_of, open_tunnel
from backupjump.ssh.tunnel_verdicts import is_port_taken

if TYPE_CHECKING:
    from backupjump.config.edit import Value
    from backupjump.config.problem import Where
    from backupjump.ssh.tunnel import TunnelChild

# sshd 9.8 and newer counts 5 s for a refused key, and shuts out whoever comes to more than 15 s.
EVERY_SECONDS = 10.0
_LOOK_SECONDS = 1.0
LONGEST_SECONDS = 2 * 3600.0

Say = Callable[..., None]


def accept_rotation(plan: RotatePlan, *, yes: bool, wait: bool, hand_over: Callable[[Reply], None], say: Say) -> int:
    """Take new keys and return the exit code. `hand_over` gives the reply to the person, who takes it to the Server.

    At a terminal it waits for the JumpNode and the Server; the same invitation once more goes on where it was left.
    """
    say(*rotation_lines(plan))
    if not agreed("Shall it be so?", yes=yes):
        raise BackupjumpError("nothing was changed")
    hand_over(reply_to(plan))
    if not (wait and os.isatty(sys.stderr.fileno())):
        again = f"{typed(plan.config.path)} enroll accept"
        say(f"Once the Server has taken the reply, go on with the same invitation: {again}")
        return 0
    say("Waiting until the JumpNode lets the new key in: that is when the Server has taken the reply.")
    try:
        for _step in rotation_steps(plan, say=say):
            pass
    except Stopped as stopped:
        say("Stopped. What is done stays, and the old keys go on; the same invitation once more goes on from here.")
        return stopped.exit_code
    return 0


def reply_to(plan: RotatePlan) -> Reply:
    """Return the reply, with the public half of the new tunnel key, which is made; the program settles, too."""
    invitation, bundle = plan.invitation, running_bundle()
    if plan.settles is not None and bundle is not None:
        settle(bundle, place=plan.settles)
    return Reply(
        kind=invitation.kind,
        id=invitation.id,
        invitation=invitation.digest,
        desktop=invitation.desktop,
        tunnel_key=make_key(plan.new_key, comment=f"backupjump:tunnel:{invitation.desktop}:{invitation.id}"),
        host_keys=(plan.here.host_key,),
        user=plan.here.user,
        read=plan.gate.read,
        hooks=tuple(plan.gate.hooks),
        versions=plan.here.versions,
    )


def rotation_steps(
    plan: RotatePlan, *, say: Say, every: float = EVERY_SECONDS, seconds: float = LONGEST_SECONDS
) -> Iterator[str]:
    """Do the renewal step by step, yielding the name of each that is done; it may be broken off after any of them."""
    deadline = time.monotonic() + seconds
    with ExitStack() as tunnel:
        prove = partial(_prove_tunnel_key, plan, tunnel, deadline, every, say)
        standing = prove()
        yield "tunnel key proven"
        _switch(plan)
        yield "switched"
        write_keys_file(plan.keys_file, with_line(read_keys_file(plan.keys_file), plan.line))
        prove_line(plan.here, plan.invitation.data_key, plan.keys_file)
        say("The new tunnel key is in use, and the Server's new key is let in.")
        yield "data key let in"
        _await_server(plan, standing, prove, deadline)
        yield "seen"
        say(*drop_old_keys(plan.config.path, keys_file=plan.keys_file))
        say("The Server has come with its new key. The renewal is done.")
    yield "done"


def _prove_tunnel_key(
    plan: RotatePlan, tunnel: ExitStack, deadline: float, every: float, say: Say
) -> TunnelChild | None:
    """Return the tunnel once the JumpNode lets the new key open this Desktop's port; it stays until `tunnel` ends.

    None where another tunnel of this Desktop holds the port: sshd looks at what a key may do before it takes the port
    (OpenSSH serverloop.c), so even then the answer tells that the key may.
    """
    forward = forwards_of(plan.config.tunnel)[plan.number]
    renewed = replace(forward, jump=replace(forward.jump, identity_file=plan.new_key))
    folder, told = state_dir(plan.config.state_dir) / plan.state_folder, ""
    while True:
        try:
            return tunnel.enter_context(open_tunnel([renewed], folder=folder))
        except (KeyRefused, ForwardRefused, DesktopAway, LinkLost) as error:
            if is_port_taken(error):
                return None
            if time.monotonic() > deadline:
                raise
            if not isinstance(error, KeyRefused) and str(error) != told:  # a refused key is what is waited for
                told = str(error)
                say(f"{told}; trying again")
        time.sleep(every)


def _switch(plan: RotatePlan) -> None:
    changes: dict[Where, Value] = {(*plan.place, "identity_file"): str(plan.new_key)}
    if plan.invitation.expires is not None:
        changes["tunnel", "expires"] = plan.invitation.expires.isoformat()
    set_values(plan.config.path, changes)


def _await_server(
    plan: RotatePlan, standing: TunnelChild | None, prove: Callable[[], TunnelChild | None], deadline: float
) -> None:
    state = state_dir(plan.config.state_dir)
    while seen_enrolment(state) != plan.invitation.id:
        if standing is not None and standing.ended:  # this machine slept, or the line was cut
            standing = prove()
        if time.monotonic() > deadline:
            raise DesktopAway(
                "the Server has not come with its new key yet; the old one goes on",
                hint="is `backupjump enroll finish` done there? the same invitation once more goes on from here",
            )
        time.sleep(_LOOK_SECONDS / 10)
