"""The Desktop's words made out with argparse; what a command is, and how its help looks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from backupjump import desktop_help
from backupjump.frame import Options, no_such_command
from backupjump.logs import FORMATS

PROGRAM = "backupjump"

_ON_THE_SERVER = ("enroll new", "enroll finish", "enroll rotate", "run", "restore", "snapshots", "status", "store")

_ABOUT = """\
What a Desktop needs of backupjump: its tunnel, its gate, its enrolment.

The Server pulls backups through the tunnel that is opened here; this machine holds no key to the Server.
"""
_BEHIND = """\
examples:
  backupjump enroll accept                        take part: paste the Server's invitation
  backupjump doctor                               is everything right here?
  backupjump tunnel open --for 30m                let the Server, or a person, in

exit codes: 0 good, 1 failed, 2 usage or config, 75 try later, 130/143 by a signal.
"""


@dataclass(frozen=True)
class Command:
    """A command: its help text, a function that adds its arguments to a parser, and one that obeys them."""

    about: str
    arguments: Callable[[argparse.ArgumentParser], Any]
    run: Callable[[Options, argparse.Namespace], int]


def read_options(words: Sequence[str], commands: Mapping[str, Command]) -> tuple[Options, list[str]]:
    """Return what stands before the command, and the words from the command on."""
    parser = _parser(PROGRAM, _ABOUT, epilog=f"{_listed(commands)}\n\n{_BEHIND}")
    parser.usage = f"{PROGRAM} [--config FILE] [-v] [-q] [--log FORMAT] COMMAND ..."
    parser.add_argument("--config", type=Path, metavar="FILE", help=desktop_help.CONFIG)
    parser.add_argument("-v", "--verbose", action="count", default=0, help=desktop_help.VERBOSE)
    parser.add_argument("-q", "--quiet", action="store_true", help=desktop_help.QUIET)
    parser.add_argument("--log", choices=FORMATS, default="text", help=desktop_help.LOG)
    parser.add_argument("--version", action=_Version, nargs=0, help="Show the version.")
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    found = parser.parse_args(words)
    if not found.words:
        parser.print_help()
        parser.exit()
    return Options(config=found.config, verbose=found.verbose, quiet=found.quiet, log=found.log), found.words


def read_command(words: Sequence[str], commands: Mapping[str, Command]) -> tuple[Command, argparse.Namespace]:
    """Return the command that `words` name, with its arguments; a wrong word ends the process with 2."""
    name = next((name for name in commands if name.split() == list(words[: len(name.split())])), None)
    if name is None:
        _refuse(words, commands)
    command = commands[name]
    parser = _parser(f"{PROGRAM} {name}", command.about)
    command.arguments(parser)
    return command, parser.parse_args(words[len(name.split()) :])


def _refuse(words: Sequence[str], commands: Mapping[str, Command]) -> NoReturn:
    """Say what was wrong with the first words, or what a group of commands has; never returns."""
    group = {name: command for name, command in commands.items() if name.split()[0] == words[0]}
    program = f"{PROGRAM} {words[0]}" if group else PROGRAM
    parser = _parser(program, "", epilog=_listed(group or commands))
    parser.usage = f"{program} COMMAND ..."
    behind = words[1:] if group else words
    if not behind or behind[0] in ("-h", "--help"):
        parser.print_help()
        parser.exit(0 if behind else 2)
    if " ".join(words[:2]) in _ON_THE_SERVER or words[0] in _ON_THE_SERVER:
        parser.error(f"{behind[0]!r} is typed on the Server; this is the Desktop's program")
    parser.error(
        no_such_command(behind[0], [name.split()[1 if group else 0] for name in group or commands], program=program)
    )


def _parser(program: str, about: str, *, epilog: str = "") -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=program,
        description=about.replace("\b\n", ""),
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _listed(commands: Mapping[str, Command]) -> str:
    return "commands:\n" + "\n".join(f"  {name:<16}{desktop_help.summary(commands[name].about)}" for name in commands)


class _Version(argparse.Action):
    """Print the version; reading it takes a moment, so only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_arguments: Any) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"{PROGRAM} {version('backupjump')}\n")
        parser.exit()
