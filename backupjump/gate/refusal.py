"""Why the gate says no: one stable word for the Server, one sentence for people, never the input itself."""

from __future__ import annotations

# sysexits.h, EX_USAGE: no status of rsync, and none that ssh has for itself.
REFUSED = 64


class Refused(Exception):
    """The command is not among those that this Desktop allows; nothing was done.

    `word` is API: `not-understood`, `no-command`, `outside` (no allowed folder holds the path), `no-hook`, `absent`,
    `link`, `not-a-folder`, `closed` (this account may not enter it), `unconfined` (this rsync could be led outside).
    """

    def __init__(self, word: str, reason: str) -> None:
        super().__init__(f"{word}: {reason}")
        self.word = word
