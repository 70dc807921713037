"""What stands around every command line, the Server's and the Desktop's: streams, logging, errors to exit codes.

The Desktop runs this file: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from backupjump.errors import BackupjumpError, Stopped, UsageError
from backupjump.logs import tell_error
from backupjump.process import TimedOut, signals_as_exceptions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What was said before the command: the config file, how much to tell, whether to be silent, how to log."""

    config: Path | None = None
    verbose: int = 0
    quiet: bool = False
    log: str = "text"


def exit_code_of(body: Callable[[], int]) -> int:
    """Return the exit code of a command; what it raises is told on stderr."""
    try:
        with signals_as_exceptions(Stopped, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            return body()
    except BackupjumpError as error:
        tell_error(str(error), error.hint)
        return error.exit_code
    except TimedOut as error:
        tell_error(f"on this machine, {error}", "is it very busy? the same again; -vv tells more")
        return 1
    except OSError as error:
        # A full disk under stdout, for instance; whatever else can fail is judged where it is done.
        log.debug("it happened here", exc_info=True)
        tell_error(str(error), "backupjump -vv … says where it happened")
        return 1
    except Exception:
        log.exception("backupjump broke; this is a bug in it, and the lines above say where")
        return 1


def check_folder_is_there() -> None:
    """Raise UsageError where the current folder is gone: rsync would not start, a relative path means nothing."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the folder that this was typed in is gone", hint="cd to another one, then again") from error


def no_such_command(word: str, known: Iterable[str], *, program: str) -> str:
    """Return what to say of a `word` that is no command of `program`, with a guess at the one that was meant."""
    near = get_close_matches(word, list(known), n=1)
    guess = f", did you mean {near[0]!r}?" if near else f"; see {program} --help"
    return f"there is no command {word!r}{guess}"


def open_closed_streams() -> None:
    """Give each of stdin, stdout and stderr that the caller closed to /dev/null.

    Else the first file to be opened, a lock or a log, would get its number and what is printed to it.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, so this one
            setattr(sys, name, os.fdopen(fd, mode))
