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
from typing import ClassVar

from backupjump.errors import BackupjumpError, Stopped, UsageError
from backupjump.process import TimedOut, signals_as_exceptions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What was said before the command: the config file, how much to tell, and whether to be silent."""

    config: Path | None = None
    verbose: int = 0
    quiet: bool = False


def exit_code_of(body: Callable[[], int]) -> int:
    """Return the exit code of a command; what it raises is told on stderr."""
    try:
        with signals_as_exceptions(Stopped, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            return body()
    except BackupjumpError as error:
        tell_error(error)
        return error.exit_code
    except TimedOut as error:
        tell_error(BackupjumpError(f"on this machine, {error}", hint="is it very busy? the same again; -vv tells more"))
        return 1
    except OSError as error:
        # A full disk under stdout, for instance; whatever else can fail is judged where it is done.
        log.debug("it happened here", exc_info=True)
        tell_error(BackupjumpError(str(error), hint="backupjump -vv … says where it happened"))
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


def tell_error(error: BackupjumpError) -> None:
    """Print what happened, and what to type next, on stderr."""
    sys.stderr.write(f"backupjump: {error}\n")
    if error.hint:
        sys.stderr.write(f"hint: {error.hint}\n")


def set_up_logging(*, verbose: int, quiet: bool) -> None:
    """Send our log to stderr: warnings, milestones from `verbose` 1 on, each argv from 2 on; errors alone if quiet."""
    level = logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    ours = logging.getLogger("backupjump")
    ours.handlers = [_handler()]
    ours.setLevel(level)
    ours.propagate = False
    # paramiko logs each failed login with a traceback; we tell what it means ourselves.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    logging.getLogger("paramiko").propagate = False


class _JournalFormatter(logging.Formatter):
    """Lines as the journal wants them: a priority in angle brackets first. Source: sd-daemon(3)."""

    _PRIORITIES: ClassVar = {
        logging.DEBUG: 7,
        logging.INFO: 6,
        logging.WARNING: 4,
        logging.ERROR: 3,
        logging.CRITICAL: 2,
    }

    def format(self, record: logging.LogRecord) -> str:
        return f"<{self._PRIORITIES.get(record.levelno, 5)}>{super().format(record)}"


def _handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    if under_systemd():
        handler.setFormatter(_JournalFormatter("%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    return handler


def under_systemd() -> bool:
    """Whether stderr goes straight to the journal. Source: systemd.exec(5), $JOURNAL_STREAM."""
    stream = os.environ.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{status.st_dev}:{status.st_ino}"
