"""`enroll accept`, on the Desktop: take an invitation, let the Server's key in through the gate, hand a reply back.

All that it prints is said here, for the command line of an installation and for the one-file program alike: the reply
on stdout, all else on stderr. Python 3.9.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial

from backupjump.errors import BackupjumpError
from backupjump.operations.enroll.accept_plan import AcceptPlan, Wishes, default_config, plan_accept, plan_lines, typed
from backupjump.operations.enroll.accept_wait import keep_tunnel_until_done
from backupjump.operations.enroll.authorized_keys import (
    TUNNEL,
    read_keys_file,
    with_line,
    without_lines,
    write_keys_file,
)
from backupjump.operations.enroll.consent import agreed
from backupjump.operations.enroll.desktop_files import write_config
from backupjump.operations.enroll.fresh_file import let_nobody_else_write, make_key
from backupjump.operations.enroll.invitation import ROTATE, Invitation, read_invitation
from backupjump.operations.enroll.paste import read_paste
from backupjump.operations.enroll.polkit import write_rule
from backupjump.operations.enroll.prove_line import prove_line
from backupjump.operations.enroll.reply import Reply, short_code, write_reply
from backupjump.operations.enroll.rotate_accept import accept_rotation
from backupjump.operations.enroll.rotate_plan import plan_rotation
from backupjump.operations.installed import running_bundle, settle


def accept(wishes: Wishes) -> int:
    """Do all of it and return the exit code; raises what keeps it from being done, most of it before any change."""
    let_nobody_else_write()
    invitation = read_invitation(
        read_paste(wishes.text, prompt="Paste the invitation that `enroll new` printed on the Server:")
    )
    _say(
        f"The invitation has the code {invitation.code}.",
        "The Server showed it too; if that is another one, say no: somebody changed the text on the way.",
    )
    if invitation.kind == ROTATE:
        rotation = plan_rotation(invitation, wishes.config or default_config(), authorized_keys=wishes.authorized_keys)
        hand = partial(hand_over, invitation)
        return accept_rotation(rotation, yes=wishes.yes, wait=wishes.wait, hand_over=hand, say=_say)
    plan = plan_accept(invitation, wishes)
    _say(*plan_lines(plan))
    if not agreed("Shall it be so?", yes=wishes.yes):
        raise BackupjumpError("nothing was changed")
    reply = carry_out(plan)
    hand_over(invitation, reply)
    if wishes.wait and os.isatty(sys.stderr.fileno()):
        return keep_tunnel_until_done(plan.config.path, say=_say)
    _say(f"Once the Server has taken the reply: {typed(plan.config.path)} tunnel open")
    return 0


def carry_out(plan: AcceptPlan) -> Reply:
    """Change what `plan` says and return the reply; KeyRefused if this Desktop's sshd would not let the Server in."""
    bundle = running_bundle()
    if plan.settles is not None and bundle is not None:
        settle(bundle, place=plan.settles)
    mark = replace(plan.mark, kind=TUNNEL)
    tunnel_key = make_key(plan.config.identity_file, comment=str(mark))
    if plan.config.changes:
        write_config(plan.config)
    if not plan.line_is_there:
        kept = without_lines(read_keys_file(plan.keys_file), plan.replaces)
        write_keys_file(plan.keys_file, with_line(kept, plan.line))
    if plan.rule is not None:
        write_rule(plan.rule)
        _say("A backup may keep this Desktop awake once you have typed:", f"  {plan.rule.to_type}")
    prove_line(plan.here, plan.invitation.data_key, plan.keys_file)
    _say(f"This Desktop's sshd takes the Server's key for {plan.here.user}, and starts the gate for it.")
    return Reply(
        kind=plan.invitation.kind,
        id=plan.invitation.id,
        invitation=plan.invitation.digest,
        desktop=plan.invitation.desktop,
        tunnel_key=tunnel_key,
        host_keys=(plan.here.host_key,),
        user=plan.here.user,
        read=plan.config.gate.read,
        hooks=tuple(plan.config.gate.hooks),
        versions=plan.here.versions,
    )


def hand_over(invitation: Invitation, reply: Reply) -> None:
    """Print the reply on stdout, and on stderr what to do with it."""
    _say("The reply, to be pasted on the Server at: backupjump enroll finish", "")
    sys.stdout.write(write_reply(reply))
    sys.stdout.flush()
    _say(
        "", f"The Server will show this code: {short_code(invitation, reply)}; another one means that somebody meddled."
    )


def _say(*lines: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()
