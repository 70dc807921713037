"""What one run came to: the value that the record, the screen and the JSON line are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from backupjump.errors import BackupjumpError

RUN_SCHEMA = 1


class Status(StrEnum):
    """How a run ended. The words and their exit codes are API."""

    OK = "ok"
    WARNING = "warning"
    SUSPECT = "suspect"
    FAILED = "failed"
    AWAY = "away"
    DEFERRED = "deferred"
    INTERRUPTED = "interrupted"
    LOCKED = "locked"
    NOT_DUE = "not-due"

    @property
    def published(self) -> bool:
        """Whether a run that ends so has left a snapshot."""
        return self in (Status.OK, Status.WARNING, Status.SUSPECT)

    @property
    def good(self) -> bool:
        """Whether its snapshot counts as a good one: `latest` may name it, retention may count it."""
        return self in (Status.OK, Status.WARNING)


_EXIT_CODES = {
    Status.OK: 0,
    Status.WARNING: 3,
    Status.SUSPECT: 5,
    Status.FAILED: 1,
    Status.AWAY: 75,
    Status.DEFERRED: 75,
    Status.INTERRUPTED: 75,
    Status.LOCKED: 11,
    Status.NOT_DUE: 0,
}

# Of several jobs the first of these that occurs is the exit code of the whole command.
_WORST_FIRST = (130, 143, 2, 1, 5, 4, 3, 11, 75)


@dataclass(frozen=True, kw_only=True)
class RunError:
    """Why a run did not publish: a stable word, what happened, and what to type next."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a run found and moved. Files are regular files; linked ones share an inode with an older snapshot.

    Copied ones have the content that they had in the base and yet take up space again; they are among the
    new bytes. An inode with several names counts once in `bytes_new` and `bytes_copied`, else by name. In a btrfs
    store linked ones share their content, and `hard_linked_names` are the names with another one in the tree.
    """

    files_total: int = 0
    bytes_total: int = 0
    files_new: int = 0
    files_changed: int = 0
    files_deleted: int = 0
    files_linked: int = 0
    bytes_new: int = 0
    bytes_linked: int = 0
    files_copied: int = 0
    bytes_copied: int = 0
    hard_linked_names: int = 0


@dataclass(frozen=True, kw_only=True)
class Run:
    """One try to back up one job, whatever came of it. Times are aware and in UTC.

    `route` and `jump_node` (None without one) are the way by which the Desktop was reached last, else the first that
    was tried. `snapshot` is the id of what was published, else None. `attempts` counts the tries of the transfer,
    `bytes_received` what came in over all of them, broken ones included. `store_free_bytes` is what the store's
    disk had left when the run ended, None where that was not asked for.
    """

    run_id: str
    job: str
    desktop: str
    route: str
    status: Status
    exit_code: int
    snapshot: str | None
    started_at: datetime
    ended_at: datetime
    attempts: int
    files_total: int = 0
    bytes_total: int = 0
    files_new: int = 0
    files_changed: int = 0
    files_deleted: int = 0
    files_linked: int = 0
    bytes_new: int = 0
    bytes_linked: int = 0
    bytes_received: int = 0
    store_free_bytes: int | None = None
    warnings: tuple[str, ...] = ()
    error: RunError | None = None
    jump_node: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON values, `schema` first; the keys are API."""
        values = asdict(self)
        values["started_at"], values["ended_at"] = rfc3339(self.started_at), rfc3339(self.ended_at)
        values["warnings"] = list(self.warnings)
        return {"schema": RUN_SCHEMA, **values}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Run:
        """Read a run that this version or an older one wrote, whose later keys have their defaults.

        A key that every version has and that is missing, or one of the wrong kind, raises ValueError.
        """
        try:
            error = values["error"]
            plain = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
            return cls(
                **{name: value for name, value in plain.items() if name not in _CONVERTED},
                status=Status(values["status"]),
                started_at=datetime.fromisoformat(values["started_at"]),
                ended_at=datetime.fromisoformat(values["ended_at"]),
                warnings=tuple(values["warnings"]),
                error=RunError(**{name: error[name] for name in RunError.__dataclass_fields__}) if error else None,
            )
        except (KeyError, TypeError) as problem:
            raise ValueError(f"not a run of schema {RUN_SCHEMA}: {problem}") from problem

    def with_error(self, error: BackupjumpError, *, ended_at: datetime) -> Run:
        """Return this run as it ends with `error`."""
        return replace(
            self,
            status=Status(error.status),
            exit_code=error.exit_code,
            ended_at=ended_at,
            error=RunError(code=error.code, message=str(error), hint=error.hint),
        )


_CONVERTED = frozenset({"status", "started_at", "ended_at", "warnings", "error"})


def exit_code_of(status: Status) -> int:
    """Return the exit code of a run that ended with `status` on its own (a signal gives its own code)."""
    return _EXIT_CODES[status]


def worst_exit_code(codes: Iterable[int]) -> int:
    """Return the exit code of a command that ran several jobs; 0 when all of them were content."""
    seen = set(codes) - {0}
    return next((code for code in _WORST_FIRST if code in seen), max(seen, default=0))


def rfc3339(at: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, to the second: 2026-11-22T02:30:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_now() -> datetime:
    """Return the time now, aware, in UTC, cut to whole seconds as every record keeps it."""
    return datetime.now(UTC).replace(microsecond=0)


def mtime_at(mtime_ns: int) -> datetime:
    """Return a file's time, aware, to the second; one that no calendar here has becomes the first or last that is.

    A Desktop may have chosen it, and a btrfs keeps 64 bits of seconds.
    """
    try:
        return datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        # A day less each way, so that it can be told in any time zone.
        return datetime(9999, 12, 30, tzinfo=UTC) if mtime_ns > 0 else datetime(1, 1, 2, tzinfo=UTC)
