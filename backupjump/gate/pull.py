"""The one rsync that the gate starts: read what the Server asked for, build what is run.

rsync's own parser is not to be trusted with a stranger's words: `-s` brings options that no argv shows, `-L` and
`--copy-devices` read beyond the folder, `--log-file` writes, without `--sender` all is writing. So no word is passed
on; each is looked up here, and the argv is made anew from what was found. Short letters are never dropped: some
frame the wire, and an end that lacks one would hang.
Source: server_options() in options.c; rsync(1), --confine-root.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backupjump.gate.folder import normal_folder
from backupjump.gate.refusal import Refused

_START = ("rsync", "--server", "--sender")
# Not among them: s (options on stdin), L k K (follow links), b (backups), E C u I y (never needed).
_LETTERS = frozenset("lWHogDtpArXzxScnvUdR")
# Letters, then what the Server's rsync can do. `e` takes the rest of the cluster as its value: without the dot the
# next word could become that value.
_CLUSTER = re.compile(r"-([A-Za-df-z]*)e\.([A-Za-z]{0,32})")
_FLAGS = frozenset(
    {"--numeric-ids", "--list-only", "--no-r", "--inplace", "--ignore-errors", "--info=STATS2", "--info=NAME0"}
)
_LIST_FLAGS = frozenset({"--files-from=-", "--from0", "--ignore-missing-args"})
_NUMBERS = frozenset({"--timeout", "--bwlimit", "--compress-level", "--checksum-seed"})
_NUMBER = re.compile(r"[0-9]{1,10}")
_BLOCK_SIZE = re.compile(r"-B([0-9]{1,6})")
_CHOICES = {
    "--checksum-choice": frozenset({"xxh128", "xxh3", "xxh64", "md5"}),
    "--compress-choice": frozenset({"zstd", "lz4", "zlibx", "zlib"}),
}


@dataclass(frozen=True)
class Pull:
    """Send one folder. `path` is absolute and normal, with a slash at its end; `options` are of the closed set."""

    path: str
    letters: str
    abilities: str
    """What the Server's rsync can do, one letter each: looked at by rsync, obeyed by nobody."""
    options: tuple[str, ...] = ()

    @property
    def by_list(self) -> bool:
        """Whether the Server names the files one by one, in the protocol, where no gate can see them."""
        return "--files-from=-" in self.options


def read_pull(words: Sequence[str]) -> Pull:
    """Return what an rsync command asks for; Refused if it is anything but one folder, sent by known options."""
    if tuple(words[:3]) != _START or len(words) < 6:
        raise Refused("not-understood", "not rsync --server --sender")
    cluster, options, dot, path = words[3], words[4:-2], words[-2], words[-1]
    if dot != ".":
        raise Refused("not-understood", "not one folder")
    letters, abilities = _read_cluster(cluster)
    known = tuple(_read_option(option) for option in options)
    if len({option.partition("=")[0] for option in known}) < len(known):
        raise Refused("not-understood", "an option twice")
    pull = Pull(normal_folder(path), letters, abilities, known)
    if not pull.by_list and ("R" in letters or _LIST_FLAGS.intersection(known)):
        raise Refused("not-understood", "an option that needs a list of files")
    return pull


def sender_argv(pull: Pull, *, rsync: str, confine_root: str | None) -> tuple[str, ...]:
    """Return the argv that sends the folder we stand in, `confine_root` being its path if this rsync can be confined.

    `.` and not the path: nothing to expand, no link to follow, and the folder that was checked stays the one that
    is read, whatever takes its name.
    """
    confined = () if confine_root is None else (f"--confine-root={confine_root}",)
    cluster = f"-{pull.letters}e.{pull.abilities}"
    return (rsync, *_START[1:], cluster, *pull.options, *confined, ".", "./")


def _read_cluster(word: str) -> tuple[str, str]:
    found = _CLUSTER.fullmatch(word)
    if found is None:
        raise Refused("not-understood", "not rsync's cluster of letters")
    letters, abilities = found[1], found[2]
    if not _LETTERS.issuperset(letters) or len(set(letters)) < len(letters):
        raise Refused("not-understood", "a letter that is not allowed, or one twice")
    return letters, abilities


def _read_option(word: str) -> str:
    if word in _FLAGS or word in _LIST_FLAGS:
        return word
    if block_size := _BLOCK_SIZE.fullmatch(word):
        return f"-B{int(block_size[1])}"
    name, _, value = word.partition("=")
    if name in _NUMBERS and _NUMBER.fullmatch(value):
        return f"{name}={int(value)}"
    if value in _CHOICES.get(name, ()):
        return f"{name}={value}"
    raise Refused("not-understood", "an option that is not allowed")
