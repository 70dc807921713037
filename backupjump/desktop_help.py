"""What the Desktop's commands say of themselves, on the command line of either end.

`backupjump` prints it through click and backupjump-desktop.pyz through argparse, so it stands here. `\\b` alone on a
line keeps the line breaks of the paragraph behind it, as click has it. Python 3.9, the standard library alone.
"""

from __future__ import annotations

VERBOSE = "Say each milestone; twice: each command that is run."
QUIET = "Say nothing but errors."
CONFIG = "Use this config file."

TUNNEL_OPEN = """\
Open the tunnel now, tell how to come in, and keep it open until the time is over.

It tries once: within 20 seconds the tunnel stands, or this ends and says why. Ctrl-C closes it.

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


def summary(text: str) -> str:
    """Return the first sentence of a help text, for a list of commands."""
    return text.partition("\n")[0].partition(". ")[0].rstrip(".") + "."
