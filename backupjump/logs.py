"""What the program says of itself on stderr: plain lines, lines with a priority for the journal, or lines of JSON.

The Desktop runs this file: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import ClassVar

FORMATS = ("text", "json")

_FIELDS: ContextVar[Mapping[str, str]] = ContextVar("fields", default={})  # noqa: B039 (never written to)


def set_up_logging(*, verbose: int, quiet: bool, form: str = "text") -> None:
    """Send our log to stderr: warnings, milestones from `verbose` 1 on, each argv from 2 on; errors alone if quiet.

    `form` is one of FORMATS; JSON is what the caller asked for, so it goes to a journal without priorities too.
    """
    level = logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    ours = logging.getLogger("backupjump")
    ours.handlers = [_handler(form)]
    ours.setLevel(level)
    ours.propagate = False
    # paramiko logs each failed login with a traceback; we tell what it means ourselves.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    logging.getLogger("paramiko").propagate = False


def form_in_force() -> str:
    """Return which of FORMATS our log has now."""
    ours = logging.getLogger("backupjump")
    return "json" if any(isinstance(each.formatter, JsonFormatter) for each in ours.handlers) else "text"


def under_systemd() -> bool:
    """Whether stderr goes straight to the journal. Source: systemd.exec(5), $JOURNAL_STREAM."""
    stream = os.environ.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{status.st_dev}:{status.st_ino}"


def tell_error(message: str, hint: str) -> None:
    """Say on stderr what ended the command, and what to type next (`hint`, may be empty)."""
    if form_in_force() == "json":
        logging.getLogger("backupjump").error("%s", message, extra={"hint": hint})
        return
    sys.stderr.write(f"backupjump: {message}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Put `fields`, such as job and run_id, into each JSON line that the block logs; plain lines stay as they are."""
    token = _FIELDS.set({**_FIELDS.get(), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, ASCII only: `at` (RFC 3339, UTC), `level`, `message`, `logger`; `hint`, `job`, `run_id`
    and `traceback` where there is one. The keys are API.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`."""
        line = {
            "at": datetime.fromtimestamp(record.created, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),  # noqa: UP017
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            **_FIELDS.get(),
        }
        if hint := getattr(record, "hint", ""):
            line["hint"] = hint
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


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


def _handler(form: str) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonFormatter())
    elif under_systemd():
        handler.setFormatter(_JournalFormatter("%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    return handler
