"""All that the Server may say to a Desktop: the closed grammar of SSH_ORIGINAL_COMMAND.

bj1 probe
bj1 hook NAME
bj1 done STATUS RUN_ID [more]
bj1 list [-x] PATH/ [FOLDER/ …]
rsync --server --sender CLUSTER OPTION… . PATH/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from backupjump.gate.folder import normal_folder
from backupjump.gate.pull import Pull, read_pull
from backupjump.gate.refusal import Refused
from backupjump.gate.words import split_words

VOCABULARY = "bj1"

# backupjump.run.Status, which the Desktop's Python 3.9 can't read.
STATUSES = ("ok", "warning", "suspect", "failed", "away", "deferred", "interrupted", "locked", "not-due")

_HOOK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_BARE_NAME = re.compile(r"[^/]+/")
_RUN_ID = re.compile(r"[A-Za-z0-9-]{1,40}")


@dataclass(frozen=True)
class Probe:
    """Tell what a pull will find here."""


@dataclass(frozen=True)
class Hook:
    """Run the program that the policy has under this name."""

    name: str


@dataclass(frozen=True)
class Done:
    """The run is over. `more`: another job of this Desktop is due, so the tunnel should stay open."""

    status: str
    run_id: str
    more: bool = False


@dataclass(frozen=True)
class Listing:
    """Tell what lies in one folder. `path` is absolute and normal, with a slash at its end.

    `omitted` are left out, with all in them: a full path is that one folder below `path`, a bare name every folder of
    that name. Each has a slash at its end. With `one_file_system` no other one is gone into.
    """

    path: str
    omitted: tuple[str, ...] = ()
    one_file_system: bool = False


Request = Union[Probe, Hook, Done, Listing, Pull]  # noqa: UP007 (evaluated, and the floor is 3.9)


def read_request(command: bytes) -> Request:
    """Return what `command` asks for; Refused for all that is not of the grammar."""
    if not command:
        raise Refused("no-command", "this key opens no shell")
    words = split_words(command)
    return _read_word(words[1:]) if words[0] == VOCABULARY else read_pull(words)


def _read_word(words: Sequence[str]) -> Request:
    if list(words) == ["probe"]:
        return Probe()
    if len(words) == 2 and words[0] == "hook" and _HOOK_NAME.fullmatch(words[1]):
        return Hook(words[1])
    if words[0:1] == ("done",) and len(words) in (3, 4):
        status, run_id, *more = words[1:]
        if status in STATUSES and _RUN_ID.fullmatch(run_id) and more in ([], ["more"]):
            return Done(status, run_id, bool(more))
    if words[0:1] == ("list",):
        return _read_listing(words[1:])
    raise Refused("not-understood", "none of the words of the gate")


def _read_listing(words: Sequence[str]) -> Listing:
    one_file_system = words[0:1] == ("-x",)
    path, *omitted = (words[1:] if one_file_system else words) or ("",)
    folder = normal_folder(path)
    return Listing(folder, tuple(_read_omitted(word, folder) for word in omitted), one_file_system)


def _read_omitted(word: str, folder: str) -> str:
    if word.startswith("/"):
        if normal_folder(word).startswith(folder) and word != folder:
            return word
    elif _BARE_NAME.fullmatch(word) and word not in ("./", "../"):
        return word
    raise Refused("not-understood", "neither a folder below the listed one nor the name of one")
