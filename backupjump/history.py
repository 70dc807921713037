"""The runs of one store, quick to ask: SQLite beside the state, derived from the runs.jsonl files in the store.

It may be deleted at any time. What the store tells and it lacks, it takes over when it is opened: a run
whose last step a crash took, a job that was renamed. A database that is damaged, of another shape or
locked for ever is set aside and made anew; where none can be kept (a full or read-only disk) one in memory
does for this process. So nothing here ever stops a backup.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from backupjump.escape import shown
from backupjump.run import Run, Status, rfc3339

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

_BUSY_SECONDS = 5.0
_ALL = -1  # Source: sqlite.org/lang_select.html, a negative LIMIT is none
_VERSION = 3  # user_version of the file; 2 had no table of logs, 0 is a new file
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, job TEXT NOT NULL, status TEXT NOT NULL, ended_at TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_of_a_job ON runs (job, ended_at);
CREATE TABLE IF NOT EXISTS logs (name TEXT PRIMARY KEY, mark TEXT NOT NULL);
"""
_INSERT = "INSERT OR REPLACE INTO runs (run_id, job, status, ended_at, body) VALUES (?, ?, ?, ?, ?)"
# These say nothing about the file's content: another one in its place would fare no better.
_NO_PLACE = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY}
)

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class RunLog:
    """The runs of one job as the store keeps them.

    `runs_after` gives those behind a mark, and the mark behind them; with an empty one it gives all. What
    can't be read is left out, and the mark stays.
    """

    name: str
    runs_after: Callable[[str], tuple[Sequence[Run], str]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended, and when, and no more of it."""

    status: Status
    ended_at: datetime


@dataclass(frozen=True, kw_only=True)
class FreeSpace:
    """What was left on the store's disk at a time."""

    at: datetime
    free_bytes: int


class History:
    """The recorded runs of one store; use it with `with`.

    What the `logs` have and the database lacks is taken over each time that it is opened.
    """

    def __init__(self, path: Path, *, logs: Sequence[RunLog] = ()) -> None:
        self._path = path
        self._logs = logs
        self._connection = self._open()

    def append(self, run: Run) -> None:
        """Record `run`; the same run twice is one entry. A failure is logged, never raised."""
        self._ask(lambda connection: _insert(connection, [run]))

    def latest(self, job: str) -> Run | None:
        """Return the last run of `job` that tried something (not `locked`, not `not-due`), or None."""
        idle = (Status.LOCKED.value, Status.NOT_DUE.value)
        newest = "job = ? AND status NOT IN (?, ?) ORDER BY ended_at DESC, rowid DESC LIMIT 1"
        return next(iter(self._ask(lambda connection: _select(connection, newest, (job, *idle))) or ()), None)

    def since(self, job: str | None = None, *, limit: int | None = None) -> tuple[Run, ...]:
        """Return the last `limit` runs of `job`, or of every job, oldest first; not those that were not due."""
        newest_first = "(?1 IS NULL OR job = ?1) AND status != ?2 ORDER BY ended_at DESC, rowid DESC LIMIT ?3"
        values = (job, Status.NOT_DUE.value, _ALL if limit is None else limit)
        runs = self._ask(lambda connection: _select(connection, newest_first, values)) or ()
        return tuple(reversed(runs))

    def reached(self, job: str, *, limit: int) -> tuple[Run, ...]:
        """Return the last `limit` runs of `job` in which its Desktop may have been reached, newest first."""
        idle = (Status.AWAY.value, Status.LOCKED.value, Status.NOT_DUE.value)
        newest = "job = ? AND status NOT IN (?, ?, ?) ORDER BY ended_at DESC, rowid DESC LIMIT ?"
        return self._ask(lambda connection: _select(connection, newest, (job, *idle, limit))) or ()

    def outcomes(self, job: str, *, since: datetime, limit: int) -> tuple[Outcome, ...]:
        """Return how the runs of `job` ended since a time, the last `limit` of them, oldest first.

        Not those that never began (`locked`, `not-due`). No run is read whole for it.
        """
        idle = (Status.LOCKED.value, Status.NOT_DUE.value)
        newest = (
            "SELECT status, ended_at FROM runs WHERE job = ? AND ended_at >= ? AND status NOT IN (?, ?)"
            " ORDER BY ended_at DESC, rowid DESC LIMIT ?"
        )
        values = (job, rfc3339(since), *idle, limit)
        found = self._ask(lambda asked: [_outcome(*row) for row in asked.execute(newest, values)]) or ()
        return tuple(reversed(found))

    def free_space(self, *, since: datetime) -> tuple[FreeSpace, ...]:
        """Return what the store's disk had left at the end of the last run of each day since a time, oldest first."""
        # Of all columns beside a max() SQLite takes those of its row. Source: sqlite.org/lang_select.html, bare columns
        last_of_each_day = (
            "SELECT max(ended_at), json_extract(body, '$.store_free_bytes') AS free FROM runs"
            " WHERE ended_at >= ? AND free IS NOT NULL GROUP BY substr(ended_at, 1, 10) ORDER BY ended_at"
        )
        values = (rfc3339(since),)
        return tuple(
            self._ask(lambda asked: [_free_space(*row) for row in asked.execute(last_of_each_day, values)]) or ()
        )

    def count(self) -> int:
        """Return how many runs there are."""
        counted = self._ask(lambda connection: connection.execute("SELECT count(*) FROM runs").fetchone()[0])
        return int(counted or 0)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
        """Return the answer; a file that can't give one is replaced and asked again, then given up with None."""
        try:
            return question(self._connection)
        except (sqlite3.Error, ValueError) as error:
            self._connection.close()
            self._connection = self._open_instead(error)
        try:
            return question(self._connection)
        except (sqlite3.Error, ValueError) as error:
            log.warning("the history can't be asked: %s", shown(str(error), limit=200))
            return None

    def _open(self) -> sqlite3.Connection:
        try:
            return self._prepared(_connect(self._path))
        except sqlite3.Error as error:
            return self._open_instead(error)

    def _open_instead(self, problem: Exception) -> sqlite3.Connection:
        if getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in _NO_PLACE:
            log.warning("the history %s is made anew from the store: %s", self._path, shown(str(problem), limit=200))
            with contextlib.suppress(OSError, sqlite3.Error):
                set_aside(self._path)
                return self._prepared(_connect(self._path))
        log.warning("the history can't be kept in %s: %s", self._path, shown(str(problem), limit=200))
        return self._prepared(_connect(None))

    def _prepared(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Return `connection` with tables, and with the store's runs that it lacked; closed if that fails."""
        try:
            if _version(connection) == 0:
                # This wants the file for itself and does not wait for it. Where it fails another process is at it.
                with contextlib.suppress(sqlite3.OperationalError):
                    connection.execute("PRAGMA journal_mode = WAL")
            if _version(connection) < _VERSION:
                connection.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
            _forget_marks(connection, [each.name for each in self._logs])
            for each in self._logs:
                _catch_up(connection, each)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        # Its runs tell names of the Desktop's files. SQLite gives the files beside it the same mode.
        with contextlib.suppress(OSError):
            path.touch(mode=0o600)
    return sqlite3.connect(path or ":memory:", timeout=_BUSY_SECONDS)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def set_aside(path: Path) -> Path | None:
    """Move the database and what SQLite keeps beside it out of the way; return where to, None when there is none.

    One that was set aside before is lost.
    """
    if not path.exists():
        return None
    aside = path.with_name(f"{path.name}.old")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(aside.with_name(aside.name + suffix))
    return aside


def _forget_marks(connection: sqlite3.Connection, there: Sequence[str]) -> None:
    """Forget how far a log was read that is gone; should a job get its old name back, all of it is read again."""
    gone = [row for row in connection.execute("SELECT name FROM logs").fetchall() if row[0] not in there]
    if gone:
        with connection:
            connection.executemany("DELETE FROM logs WHERE name = ?", gone)


def _catch_up(connection: sqlite3.Connection, log_: RunLog) -> None:
    row = connection.execute("SELECT mark FROM logs WHERE name = ?", (log_.name,)).fetchone()
    mark = str(row[0]) if row is not None else ""
    runs, new_mark = log_.runs_after(mark)
    if new_mark == mark:
        return
    with connection:
        connection.executemany(_INSERT, _rows(runs))
        connection.execute("INSERT OR REPLACE INTO logs (name, mark) VALUES (?, ?)", (log_.name, new_mark))


def _insert(connection: sqlite3.Connection, runs: Iterable[Run]) -> None:
    with connection:
        connection.executemany(_INSERT, _rows(runs))


def _rows(runs: Iterable[Run]) -> list[tuple[str, ...]]:
    return [(run.run_id, run.job, run.status.value, rfc3339(run.ended_at), json.dumps(run.to_json())) for run in runs]


def _outcome(status: str, ended_at: str) -> Outcome:
    return Outcome(status=Status(status), ended_at=datetime.fromisoformat(ended_at))


def _free_space(at: str, free_bytes: int) -> FreeSpace:
    return FreeSpace(at=datetime.fromisoformat(at), free_bytes=int(free_bytes))


def _select(connection: sqlite3.Connection, which: str, values: tuple[object, ...]) -> tuple[Run, ...]:
    rows = connection.execute(f"SELECT body FROM runs WHERE {which}", values).fetchall()  # noqa: S608 (our own words)
    return tuple(Run.from_json(json.loads(body)) for (body,) in rows)
