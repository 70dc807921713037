"""The demo's enrolment: the very commands that a person types on three machines, here on one.

Two things differ from three machines: the roles share one account, so its name is given, and the JumpNode's keys lie in
the lab's folder, so that file is named and nobody needs root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump import process
from backupjump.config.desktop import load_desktop
from backupjump.demo.roles import DESKTOP, LOOPBACK
from backupjump.demo.sshd import write_private
from backupjump.errors import BackupjumpError
from backupjump.escape import shown_lines
from backupjump.operations.tunnel import forwards_of
from backupjump.ssh.keys import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.demo.lab import Lab
    from backupjump.demo.narration import Narrator

JOB = "nightly"


def server_config(lab: Lab) -> Path:
    """Return the path of the Server's config."""
    return lab.folder / "server/backupjump.yaml"


def desktop_config(lab: Lab) -> Path:
    """Return the path of the Desktop's config."""
    return lab.folder / "desktop/backupjump.yaml"


def enrol(lab: Lab, narrator: Narrator) -> Path:
    """Enrol the bare lab's Desktop, open its tunnel, prove the way, and return the Server's config."""
    server, desktop = server_config(lab), desktop_config(lab)
    # What these two remember would else lie in this account's own folders.
    write_private(server, f"store: {{path: '{lab.store}'}}\nstate_dir: '{lab.state}'\n")
    write_private(desktop, f"state_dir: '{lab.folder / 'desktop/state'}'\n")
    invitation, reply = lab.folder / "invitation.txt", lab.folder / "reply.txt"
    _invite(lab, narrator, invitation)
    _accept(lab, narrator, invitation, reply)
    _finish(lab, narrator, reply)
    _open_tunnel(lab, narrator)
    narrator.step("Proof: the reply once more; what is done is not done twice, and the way is tried")
    done = narrator.run(server, "enroll", "finish", str(reply), "--lines-only", "--yes", quiet=True)
    told = done.stderr.decode("utf-8", "replace")
    narrator.say("\n".join(line for line in told.splitlines() if line.startswith(("Proven", "Its gate"))))
    return server


def _invite(lab: Lab, narrator: Narrator, invitation: Path) -> None:
    narrator.step("Enrol, on the Server: an invitation, in which there is no secret")
    jump_node = ("--jump", f"{LOOPBACK}:{lab.jump.port}", "--jump-host-key", fingerprint(lab.jump.host_key_public))
    shared = ("--user", lab.user, "--tunnel-user", lab.user, "--jump-keys", str(lab.jump.authorized_keys))
    asked = ("--port", str(lab.tunnel_port), "--read", str(lab.home))
    narrator.run(server_config(lab), "enroll", "new", DESKTOP, *jump_node, *shared, *asked, "--yes", into=invitation)


def _accept(lab: Lab, narrator: Narrator, invitation: Path, reply: Path) -> None:
    narrator.step("Enrol, on the Desktop: it makes its own key, and lets the Server's in through the gate alone")
    here = ("--to", f"{LOOPBACK}:{lab.desktop.port}", "--authorized-keys", str(lab.desktop.authorized_keys))
    accept = ("enroll", "accept", str(invitation))
    narrator.run(desktop_config(lab), *accept, *here, "--no-wait", "--yes", into=reply)


def _finish(lab: Lab, narrator: Narrator, reply: Path) -> None:
    narrator.step("Enrol, on the Server again: it takes the reply, and prints what the JumpNode must be told")
    script = lab.folder / "on-the-jumpnode.sh"
    words = ("enroll", "finish", str(reply), "--job", JOB, "--lines-only", "--no-wait", "--yes")
    narrator.run(server_config(lab), *words, into=script)
    narrator.step("Enrol, on the JumpNode: one line for each key, which lets it do one thing")
    narrator.show(("sh", str(script)))
    done = process.run(["sh", str(script)], timeout=30)
    if done.status != 0:
        raise BackupjumpError(f"the JumpNode's script ended with {done.status}: {shown_lines(done.stderr)}")
    narrator.say(shown_lines(done.stdout))
    narrator.say(lab.jump.authorized_keys.read_text().splitlines()[0].partition(" ssh-")[0] + " …")


def _open_tunnel(lab: Lab, narrator: Narrator) -> None:
    narrator.step("Tunnel: the Desktop opens its port on the JumpNode; this is all it ever does")
    narrator.show(("backupjump", "--config", str(desktop_config(lab)), "tunnel", "open"))
    (forward,) = forwards_of(load_desktop(desktop_config(lab)).tunnel)
    lab.open_tunnel(forward)
    narrator.say(f"{LOOPBACK}:{lab.tunnel_port} on the JumpNode now leads to the Desktop's sshd")
