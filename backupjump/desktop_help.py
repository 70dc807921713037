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


def summary(text: str) -> str:
    """Return the first sentence of a help text, for a list of commands."""
    return text.partition("\n")[0].partition(". ")[0].rstrip(".") + "."
