"""What is to be typed on the JumpNode so that a tunnel key opens its port and nothing else. Python 3.9."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from backupjump import process
from backupjump.errors import ProgramMissing
from backupjump.operations.doctor.desktop_config import quoted, reload_sshd
from backupjump.operations.doctor.key_lines import append_line, mend_key
from backupjump.operations.enroll.authorized_keys import mark_of
from backupjump.ssh.tunnel_verdicts import Forward

# sshd tells which line let us in.  Source: OpenSSH auth2-pubkeyfile.c, auth_check_authkey_line; seen with 9.2.
_KEY_FILE = re.compile(r"^debug1: Remote: (/[A-Za-z0-9/_.,@+=-]+):\d+: key options: ", re.M)
_SNIPPET = "/etc/ssh/sshd_config.d/00-backupjump-tunnel.conf"
_THERE = "on the JumpNode, as root: "
ONE_SESSION = ("MaxSessions 1", "ForceCommand /usr/sbin/nologin", "PermitTTY no")
"""What sshd has to say of a tunnel's account so that ssh/first_session.py gets its session, and nothing in it."""


@dataclass(frozen=True)
class TunnelKey:
    """The key of `forward`, and the authorized_keys that it stands in there (the JumpNode's word; may be empty)."""

    forward: Forward
    file: str = ""
    expires: date | None = None

    @property
    def jump_node(self) -> str:
        """What a person calls the JumpNode."""
        return f"JumpNode {self.forward.jump_node}"

    @property
    def options(self) -> str:
        """The options of its line. The command is for a JumpNode whose sshd_config allows sessions."""
        port = self.forward.port
        listen = f'permitlisten="127.0.0.1:{port}",permitlisten="localhost:{port}"'
        until = f',expiry-time="{self.expires:%Y%m%d}"' if self.expires else ""
        return f'restrict,port-forwarding,{listen},permitopen="127.0.0.1:1",command="/usr/sbin/nologin"{until}'

    @property
    def _place(self) -> str:
        return self.file or f"~{self.forward.jump.user}/.ssh/authorized_keys"

    def narrow(self) -> str:
        """Return the command that gives the key's line there these options."""
        if not (public := self.public_key()):
            return f"ssh-keygen -y -f {quoted(self.forward.jump.identity_file)}"
        return _THERE + mend_key(public, self.options, file=self._place)

    def add_line(self) -> str:
        """Return the command that lets the key in there."""
        if not (public := self.public_key()):
            return f"ssh-keygen -y -f {quoted(self.forward.jump.identity_file)}"
        return _THERE + append_line(f"{self.options} {public} {self._mark()}", file=self._place)

    def set_sshd(self, *settings: str) -> str:
        """Return the command that gives sshd there `settings` for the account, taken out again if it can't read."""
        lines = (f"Match User {self.forward.jump.user}", *(f"  {setting}" for setting in settings), "Match all")
        words = " ".join(f"'{line}'" for line in lines)
        name = _SNIPPET.replace("tunnel", settings[0].split()[0].lower())
        return (
            f"{_THERE}printf '%s\\n' {words} > {name} && {{ sshd -t || {{ rm {name}; false; }}; }} && {reload_sshd('')}"
        )

    def grant_session(self) -> str:
        """Return the command that lets a tunnel have its one session there, in which no program but nologin runs."""
        # Where no session was all that kept the account from a shell, these must keep it from one now.
        return self.set_sshd(*ONE_SESSION)

    def end_tunnels(self) -> str:
        """Return what ends the tunnels that stand there: they keep the address that they were bound to."""
        user = self.forward.jump.user
        return f" && {{ pkill -u {user} sshd || true; }}" if user != "root" else ""

    def public_key(self) -> str:
        """Return the public half of the key, asked of ssh-keygen; nothing if it can't be had."""
        return " ".join(self._public_words()[:2])

    def _mark(self) -> str:
        """Return what enrolment wrote into the key, by which `enroll revoke` finds the line; else what it is."""
        words = self._public_words()
        return words[2] if len(words) == 3 and mark_of(" ".join(words).encode("ascii", "replace")) else "desktop-tunnel"

    def _public_words(self) -> list[str]:
        try:
            done = process.run(["ssh-keygen", "-y", "-f", str(self.forward.jump.identity_file)], timeout=10)
        except (process.TimedOut, ProgramMissing):
            return []
        return done.stdout.decode("ascii", "replace").split() if done.status == 0 else []


def key_options_file(said: str) -> str:
    """Return the authorized_keys that let us in, as sshd names it in `ssh -v`; nothing if it does not, or oddly."""
    found = _KEY_FILE.search(said)
    return found[1] if found else ""
