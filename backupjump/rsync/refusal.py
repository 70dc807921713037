"""Read why the gate of a Desktop would not do what it was asked to: its stderr, and the words for a folder.

    backupjump-gate: refused: outside: no folder that the gate of this Desktop allows
    backupjump-gate: failed: there is no rsync on this Desktop: …

The words are API of the gate (backupjump.gate.refusal); a later one may have more of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backupjump.errors import BackupjumpError, DesktopUnfit, GateRefused, SourceMissing
from backupjump.escape import shown

_SAID = re.compile(rb"backupjump-gate: (?:refused: (?P<word>[a-z][a-z-]{0,29}): )?(?P<reason>.*)", re.DOTALL)
_FOLDER_WORDS = {
    "absent": ("does not exist there", "is a disk not mounted there?"),
    "link": ("is a symbolic link there, or lies behind one", "name the folder that it leads to"),
    "not-a-folder": ("is not a folder there", "name the folder that it lies in"),
    "closed": ("may not be entered by the account of the gate", "let that account in, or take it off the job"),
}
_UPDATE = "is the gate there older than this Server? on the Desktop, install the current backupjump"
_ELSE = {
    "unconfined": "install rsync 3.5.0 or newer on the Desktop",
    "no-hook": "look at gate.hooks in the Desktop's config",
    "not-understood": _UPDATE,
    "no-command": _UPDATE,
}


def refusal(lines: Iterable[bytes], *, host: str, source: str | None = None) -> BackupjumpError | None:
    """Return the error that a gate told on stderr, None if none speaks there.

    `source` is the folder that was to be read. GateRefused for what the policy does not allow, SourceMissing for a
    folder that is not there, DesktopUnfit for a gate that is itself in trouble.
    """
    said = next((found for line in lines if (found := _SAID.fullmatch(line.rstrip(b"\r\n")))), None)
    if said is None:
        return None
    reason = shown(said["reason"], limit=300)
    if said["word"] is None:
        return DesktopUnfit(
            f"{host}: its gate can't answer: {reason}", hint="see there: backupjump config check, and the system's log"
        )
    word = said["word"].decode("ascii")
    if source is not None and word == "outside":
        return outside(source, host=host)
    if source is not None and word in _FOLDER_WORDS:
        return not_a_folder(word, source, host=host)
    return GateRefused(f"{host}: its gate refused: {word}: {reason}", hint=_ELSE.get(word, _UPDATE))


def outside(source: str, *, host: str) -> GateRefused:
    """Return the error for a source that no folder of the gate's policy covers."""
    return GateRefused(
        f"{host}: its gate does not let {shown(source)} be read; nothing was pulled",
        hint=f"on the Desktop, add {shown(source)} to gate.read in its backupjump.yaml, or take it off the job",
    )


def not_a_folder(word: str, source: str, *, host: str) -> SourceMissing:
    """Return the error for a source of which the gate says `word` (absent, link, not-a-folder, closed)."""
    what, advice = _FOLDER_WORDS.get(word, (f"can't be read: {shown(word, limit=100)}", "ask the Desktop's owner"))
    return SourceMissing(
        f"{host}: source {shown(source)} {what}, says its gate; nothing was published",
        hint=f"{advice} (`sources:` of the job)",
    )
