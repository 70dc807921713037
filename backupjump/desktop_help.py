"""What the Desktop's commands say of themselves, on the command line of either end.

`backupjump` prints it through click and backupjump-desktop.pyz through argparse, so it stands here. `\\b` alone on a
line keeps the line breaks of the paragraph behind it, as click has it. Python 3.9, the standard library alone.
"""

from __future__ import annotations

VERBOSE = "Say each milestone; twice: each command that is run."
QUIET = "Say nothing but errors."
CONFIG = "Use this config file."
LOG = "How to log on stderr: lines of text, or of JSON for a collector of logs."

TUNNEL_OPEN = """\
Open the tunnel now, tell how to come in, and keep it open until the time is over.

It tries once: within 20 seconds the tunnel stands, or this ends and says why. Ctrl-C closes it. Where the agent is
running, it is the one that keeps it open, whatever else would close it, and this ends at once.

\b
Examples:
  backupjump tunnel open
  backupjump tunnel open --for 30m

\b
Exit codes: 0 the time is over, 1 refused (port taken, key, host key), 75 the JumpNode can't be
reached or the link broke, 130/143 by a signal.
"""
TUNNEL_OPEN_FOR = "How long it stays open."
TUNNEL_OPEN_LENGTH = "2h"

TUNNEL_AGENT = """\
Open the tunnel whenever a backup is due, and close it when one has been made, until a signal ends this.

When, is what `tunnel.open` of the config says: when-due (older than `every`), a list of windows, or always; not while
paused, on low battery or on a metered line, where `tunnel.unless` says so. A lost link is dialled anew. Let systemd
start it: it tells when it is ready, and that it is alive.

\b
Examples:
  backupjump tunnel agent
  backupjump -v tunnel agent                        tell each decision

\b
Exit codes: 0 ended by TERM, 2 usage or config, 11 another process holds the tunnel, 130 by Ctrl-C.
"""
TUNNEL_STATUS = """\
Tell what the tunnel does and why, and when this machine was last backed up.

\b
Examples:
  backupjump tunnel status

\b
Exit codes: 0 good, 1 the last backup is older than `tunnel.max_age`, or the JumpNode refuses us or we it, 2 usage or
config.
"""
TUNNEL_PAUSE = """\
Keep the tunnel closed for a while, such as 2h: backups are put off. What `tunnel open` asked of the agent is over.

\b
Examples:
  backupjump tunnel pause 2h
  backupjump tunnel resume

\b
Exit codes: 0 done, 2 usage or config.
"""
TUNNEL_RESUME = """\
End a pause.

\b
Examples:
  backupjump tunnel resume

\b
Exit codes: 0 done, 2 usage or config.
"""

CONFIG_CHECK = """\
Tell every mistake of the config at its line, the key files' too.

Keys that this version reads but does not act on yet are named in notes.

\b
Examples:
  backupjump config check
  backupjump --config /etc/backupjump/backupjump.yaml config check

\b
Exit codes: 0 good, 2 a mistake.
"""

INIT = """\
Write a commented config to be edited, for the Server or a Desktop. Never overwrites.

What only you know is marked REPLACE ME; `backupjump config check` tells what is still to do.

\b
Examples:
  backupjump init server
  backupjump init desktop --dir ~/.config/backupjump

\b
Exit codes: 0 written, 2 a file is there already.
"""
INIT_DIR = "Write there instead of the current folder; made when it is not there."

ENROLL_ACCEPT = """\
Take the invitation that the Server printed: its key is let in through the gate, and a reply is printed.

Shows what the Server may do here and all that is written, and asks. This Desktop makes its tunnel's key, adds one
line to authorized_keys, and asks its own sshd whether that works. Then it waits, and opens the tunnel as soon as the
JumpNode lets it in, until the Server has made its first backup. Repeating it does no harm.

\b
Examples:
  backupjump enroll accept                          paste it
  backupjump enroll accept invitation.txt --read /home/me/documents --yes --no-wait

\b
Exit codes: 0 accepted, 1 something is missing here or nobody said yes, 2 not an invitation, usage or config.
"""
ENROLL_ACCEPT_FILE = "the file that the invitation stands in; without it, it is pasted, or comes from a pipe"
ENROLL_ACCEPT_CONFIG = "Write this Desktop's config there (root: /etc/backupjump, else ~/.config/backupjump)."
ENROLL_ACCEPT_READ = "What the Server may read, instead of what it asks for; may be given several times."
ENROLL_ACCEPT_HOOKS = "`none`: only if the config offers no hooks."
ENROLL_ACCEPT_TO = "This machine's sshd."
ENROLL_ACCEPT_KEYS = "The file that sshd reads keys from, where it is not ~/.ssh/authorized_keys."
ENROLL_ACCEPT_NO_WAIT = "Don't open the tunnel afterwards."
ENROLL_ACCEPT_YES = "Don't ask."

ENROLL_REPIN = """\
Put the host key that NAME offers now in place of the pinned one, once you have compared it.

On the Server NAME is a desktop or a JumpNode of the config; on a Desktop it is its JumpNode's host,
and may be left out where there is one. Nothing is sent to the machine but what asks for its key, and
the machines before it on the way are held to their pinned keys. Only the one value in the file changes.
Of a JumpNode, the Server then prints a script with all accounts, lines and limits that its enrolments need there.

\b
Examples:
  backupjump enroll repin laptop
  backupjump enroll repin jumpnode --yes --fingerprint SHA256:…

\b
Exit codes: 0 pinned, or it was already; 1 nobody said yes, or it is not the key that was said; 75 the machine can't
be reached.
"""
ENROLL_REPIN_FINGERPRINT = "The key that the machine has; another one is refused."
ENROLL_REPIN_YES = "Don't ask; needs --fingerprint."

ENROLL_REVOKE = """\
Take keys back for good: of a stolen or retired Desktop on the Server, of the Server on a Desktop.

On the Server, NAME is a desktop of the config: it is marked `revoked: true`, this Server's key for it is deleted, and
on the JumpNode the line of its tunnel key goes and an open tunnel ends. No run any more; its snapshots stay and can
be restored. On a Desktop, without NAME: the Server's line in authorized_keys goes, the tunnel's key is deleted, the
config is kept aside.

\b
Examples:
  backupjump enroll revoke laptop --apply root@jumpnode.domain.ext      on the Server
  backupjump enroll revoke                                              on the Desktop

\b
Exit codes: 0 revoked (without --apply, what is printed is still to be done on the JumpNode), 1 nobody said yes, or
--apply could not log in there, 2 usage or config.
"""
ENROLL_REVOKE_YES = "Don't ask."

DOCTOR = """\
Try every hop and precondition, and say of each what was seen and the command that mends it.

On the Server: its config, keys, tools and store, then each JumpNode, then each Desktop through its
tunnel. Our key really tries on the JumpNode what it must not do. On the Desktop: its gate, its sshd, its
tunnel. A check behind a broken hop is skipped. Nothing is changed on any machine.

\b
Examples:
  backupjump doctor
  backupjump doctor laptop
  backupjump doctor --json

\b
Exit codes: 0 nothing failed (amber `warn` lines may be there), 1 a check failed, 2 usage or config.
"""
DOCTOR_JSON = "One JSON array on stdout."


def summary(text: str) -> str:
    """Return the first sentence of a help text, for a list of commands."""
    return text.partition("\n")[0].partition(". ")[0].rstrip(".") + "."
