"""An enrolment as people type it, on three bare machines, and the transcript of it: each command and its screen."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.machines import JUMP_NAME, Machine, Machines
from lab.terminal import Terminal
from program import Said

BUNDLE = "backupjump-desktop.pyz"
# Typed on real machines; what they install is on these already.
INSTALLED = (
    "backup@server$ pip install backupjump",
    "backup@server$ sudo install -d -o backup /srv/backups",
    "me@desktop$ sudo apt-get install -y openssh-server rsync",
)
NEW = f"backupjump enroll new laptop --jump {JUMP_NAME} --store /srv/backups --read /home/me --bundle"
FINISH = f"backupjump enroll finish --apply root@{JUMP_NAME}"
QUESTION = r"\[y/N\] $"


@dataclass
class Transcript:
    """What was typed, answered and pasted, and what was said to it, in the order in which it was typed."""

    lines: list[str] = field(default_factory=list)
    commands: int = 0
    pastes: int = 0

    def command(self, machine: Machine, user: str, line: str) -> None:
        """Note a command."""
        self.commands += 1
        self.lines.append(f"{user}@{machine.name}$ {line}")

    def screen(self, text: str) -> None:
        """Note what stood on the screen."""
        self.lines.append(text.rstrip("\n"))

    def typed(self, machine: Machine, user: str, line: str, *, seconds: float = 60) -> Said:
        """Type a command that asks nothing, and return what came of it."""
        self.command(machine, user, line)
        said = machine.run(line, user=user, seconds=seconds)
        self.screen(said.out + said.err)
        return said

    @contextmanager
    def at_terminal(self, machine: Machine, user: str, line: str) -> Iterator[Terminal]:
        """Type a command that asks; its screen is noted at the end."""
        self.command(machine, user, line)
        self.screen("")
        place = len(self.lines) - 1  # others may be typed before this one ends
        with machine.terminal(line, user=user) as terminal:
            yield terminal
            self.lines[place] = terminal.text.rstrip("\n")

    def paste(self, terminal: Terminal, text: str) -> None:
        """Paste a text."""
        self.pastes += 1
        terminal.type(text + "\n")


@dataclass(frozen=True)
class Enrolled:
    """The machines after the first enrolment and the first snapshot, and how it went."""

    three: Machines
    said: Transcript
    invitation: str
    reply: str
    accept_screen: str
    finish_screen: str


def enrol(three: Machines, *, by: str = "backup", me: str = "me") -> Enrolled:
    """Lead bare machines to the first snapshot of `laptop`; `by` works on the Server, `me` on the Desktop."""
    desktop, _, server = three
    prepare(three, by=by)
    said = Transcript(lines=[*INSTALLED], commands=len(INSTALLED))
    invitation = invite(said, server, NEW, by=by)
    carry_bundle(said, three, by=by, me=me)
    with accepting(said, desktop, invitation, user=me) as (accept, reply):
        finish_screen = finish(said, server, FINISH, reply, by=by)
        assert said.typed(server, by, "backupjump store init").code == 0
        assert said.typed(server, by, "backupjump -v run laptop").code == 0
        assert accept.end().code == 0
    return Enrolled(three, said, invitation, reply, accept.text, finish_screen)


def prepare(three: Machines, *, by: str = "backup") -> None:
    """Give the Server's person a way in to root on the JumpNode: an admin's own key, which is nobody's business."""
    _, jump, server = three
    server.must("mkdir -p -m 700 .ssh && ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519", user=by)
    server.must(f"echo '{JUMP_NAME} {jump.host_key}' >.ssh/known_hosts", user=by)
    key = server.must("cat .ssh/id_ed25519.pub", user=by)
    jump.must("mkdir -m 700 .ssh && cat >.ssh/authorized_keys", paste=key)


def invite(said: Transcript, server: Machine, line: str, *, by: str = "backup") -> str:
    """Type an `enroll new` on a bare Server, say yes to the JumpNode's key, and return the invitation."""
    with said.at_terminal(server, by, line) as new:
        new.expect(QUESTION)
        new.type("yes\n")
        assert new.end().code == 0, new.text
        return block("INVITATION", new.text)


def carry_bundle(said: Transcript, three: Machines, *, by: str = "backup", me: str = "me") -> None:
    """Copy the Desktop's program to it, as a stick would."""
    desktop, _, server = three
    said.command(desktop, me, f"cp /media/stick/{BUNDLE} .")
    shutil.copyfile(server.home(by) / BUNDLE, desktop.home(me) / BUNDLE)


@contextmanager
def accepting(
    said: Transcript, desktop: Machine, invitation: str, *, user: str = "me"
) -> Iterator[tuple[Terminal, str]]:
    """Type an `enroll accept`, which goes on to wait for the Server; give its terminal and the reply."""
    with said.at_terminal(desktop, user, f"python3 {BUNDLE} enroll accept") as accept:
        accept.expect("Paste the invitation")
        said.paste(accept, invitation)
        accept.expect(QUESTION)
        accept.type("yes\n")
        accept.expect("END BACKUPJUMP REPLY-----")
        yield accept, block("REPLY", accept.text)


def finish(said: Transcript, server: Machine, line: str, reply: str, *, by: str = "backup") -> str:
    """Type an `enroll finish` to its end, and return what was on the screen."""
    with said.at_terminal(server, by, line) as finishing:
        finishing.expect("Paste the reply")
        said.paste(finishing, reply)
        finishing.expect(QUESTION)
        finishing.type("yes\n")
        assert finishing.end(seconds=90).code == 0, finishing.text
        return finishing.text


def block(kind: str, text: str) -> str:
    """Return the one text of that kind."""
    (found,) = set(re.findall(rf"-----BEGIN BACKUPJUMP {kind}-----.*?-----END BACKUPJUMP {kind}-----", text, re.DOTALL))
    return str(found)
