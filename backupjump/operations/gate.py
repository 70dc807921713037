"""Speak with the gate of a Desktop, if there is one: `bj1 probe`, `bj1 hook NAME`, `bj1 done`.

A Desktop without a gate answers as its shell does to a word that it does not know. What a gate answers is a
stranger's text: bounded by the connection to 64 KiB, of the types below or refused, and escaped before it is shown.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backupjump.errors import DesktopUnfit, LinkLost
from backupjump.escape import shown, shown_lines
from backupjump.rsync.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backupjump.run import Run, Status
    from backupjump.ssh.control import Control

_PROBE_SECONDS = 30.0
# The gate itself gives a hook 3600 s.
_HOOK_SECONDS = 3660.0
_ALIVE_SECONDS = 15.0
_DONE_SECONDS = 10.0
# A run that has not published changes nothing for the Desktop, and somebody may be waiting after Ctrl-C.
_UNDONE_SECONDS = 3.0
_LATEST_THINKABLE = 1_000_000
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, kw_only=True)
class DesktopTunnel:
    """What a Desktop says of its tunnel: when it opens (`when-due`, `always`, `windows`), and what its owner put off.

    `deferred_at` is since when, until a backup has been made, even if it is over; aware. `veto` is why he would have no
    backup now, empty if he would, None from an older gate. Texts are as they came: not for a screen.
    """

    opens: str
    every: str
    windows: tuple[tuple[str, str, str], ...] = ()
    deferred_at: datetime | None = None
    deferred_why: str = ""
    veto: str | None = None
    asks_session: bool = False


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a gate says of itself and its Desktop. `roots` are the folders that it lets be read, each with its state.

    `rsync_said` is what `rsync --version` prints there. `confines`: that rsync can be kept inside a folder, so the
    gate takes lists of files. `clock` is aware. `tunnel` is None where the gate's config has none, or an older gate
    does not tell. `lists`: it knows the word `list`. `aes`: whether its processor has instructions for it, None if
    that is not known. States and names are as they came: not for a screen.
    """

    version: int
    rsync_said: str
    confines: bool
    roots: Mapping[str, str]
    clock: datetime
    hooks: tuple[str, ...]
    tunnel: DesktopTunnel | None = None
    lists: bool = False
    aes: bool | None = None


@dataclass(frozen=True, kw_only=True)
class HookEnded:
    """How a hook on the Desktop ended: its status, and its last lines on one line for people, or nothing."""

    status: int
    said: str


def ask_gate(desktop: Control, *, host: str) -> Gate | None:
    """Return the gate of the Desktop, None where there is none; raises as `read_gate`, and LinkLost."""
    done = desktop.run(["bj1", "probe"], timeout=_PROBE_SECONDS)
    return read_gate(done.status, done.stdout, done.stderr, host=host)


def read_gate(status: int, stdout: bytes, stderr: bytes, *, host: str) -> Gate | None:
    """Return the gate that answered a probe, None where a shell did that does not know the word.

    Keys that are not known here are a later gate's, and passed over. GateRefused or DesktopUnfit for a gate that
    refuses or fails, and DesktopUnfit for an answer that is none.
    """
    if status != 0:
        if (error := refusal(stderr.splitlines(), host=host)) is not None:
            raise error
        return None
    try:
        return _gate_of(_json(stdout))
    except _NoAnswerError as why:
        last = stdout.rstrip().rpartition(b"\n")[2]
        if last != stdout.rstrip() and last.startswith(b'{"gate"'):
            raise talkative(stdout, host=host) from why
        raise _no_answer(host, "bj1 probe", why, stdout) from why


def run_hook(desktop: Control, name: str, *, host: str) -> HookEnded:
    """Run the hook `name` on the Desktop to its end; LinkLost, GateRefused or DesktopUnfit if that can't be."""
    done = desktop.run(["bj1", "hook", name], timeout=_HOOK_SECONDS)
    return read_hook(done.status, done.stdout, done.stderr, name=name, host=host)


def read_hook(status: int, stdout: bytes, stderr: bytes, *, name: str, host: str) -> HookEnded:
    """Return how a hook ended from what the gate answered; raises as `run_hook`."""
    if status != 0:
        raise refusal(stderr.splitlines(), host=host) or DesktopUnfit(
            f"{host}: its gate ended with {status} at hook {shown(name)}: {shown_lines(stderr, lines=2)}",
            hint="try it again; then look at the system's log there",
        )
    try:
        answer = _json(stdout)
        ended = _number(answer, "status", 0, 255)
        lines = _texts(answer, "said")
    except _NoAnswerError as why:
        raise _no_answer(host, f"bj1 hook {name}", why, stdout) from why
    # The gate has escaped its lines once; what a second time is left to double are their backslashes.
    last = " / ".join(shown(line, limit=200).replace("\\\\", "\\") for line in lines[-3:])
    return HookEnded(status=ended, said=last)


def check_alive(desktop: Control) -> None:
    """Log in anew if the Desktop does not answer at once; raise LinkLost or DesktopAway if it is gone.

    A hook may take an hour, a dead connection must not. The transfer may have gone on by a new tunnel meanwhile.
    """
    try:
        desktop.run(["bj1", "probe"], timeout=_ALIVE_SECONDS)
    except LinkLost:
        desktop.reopen(seconds=_ALIVE_SECONDS)


def tell_done(desktop: Control, status: Status, run: Run, *, more: bool) -> None:
    """Tell the Desktop that the run is over. `more`: another job of it is due, so its tunnel should stay open.

    Of a run that has published it should hear even by a new tunnel, or it would soon open the next one. LinkLost,
    DesktopAway, GateRefused or DesktopUnfit if it could not take note.
    """
    words = ["bj1", "done", status.value, run.run_id, *(["more"] if more else [])]
    try:
        done = desktop.run(words, timeout=_DONE_SECONDS if status.published else _UNDONE_SECONDS)
    except LinkLost:
        if not status.published:
            raise
        desktop.reopen(seconds=_ALIVE_SECONDS)
        done = desktop.run(words, timeout=_DONE_SECONDS)
    if done.status != 0:
        host = f"desktop {run.desktop}"
        raise refusal(done.stderr.splitlines(), host=host) or DesktopUnfit(f"{host}: its gate ended with {done.status}")


def talkative(stdout: bytes, *, host: str) -> DesktopUnfit:
    """Return the error for a login shell that prints text before every command."""
    return DesktopUnfit(
        f"{host}: its login shell prints text before every command: {shown(stdout.strip(), limit=80)}",
        hint="keep ~/.bashrc and the like silent there when they are not interactive; rsync can't work otherwise",
    )


class _NoAnswerError(Exception):
    """What came is not what a gate answers."""


def _no_answer(host: str, asked: str, why: Exception, stdout: bytes) -> DesktopUnfit:
    return DesktopUnfit(
        f"{host}: what answers `{asked}` is no gate: {why}: {shown(stdout.strip(), limit=80) or 'nothing'}",
        hint="look at the line of this Server's key in ~/.ssh/authorized_keys there: which command= does it have?",
    )


def _json(stdout: bytes) -> dict[str, Any]:
    try:
        found = json.loads(stdout.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _NoAnswerError("not JSON") from error
    if not isinstance(found, dict):
        raise _NoAnswerError("not a JSON object")
    return found


def _gate_of(answer: Mapping[str, Any]) -> Gate:
    rsync = _of(answer, "rsync", dict)
    roots = _of(answer, "roots", list)
    if not all(isinstance(root, dict) for root in roots):
        raise _NoAnswerError("its `roots` is of the wrong type")
    return Gate(
        version=_number(answer, "gate", 1, _LATEST_THINKABLE),
        rsync_said=_of(rsync, "said", str),
        confines=_of(rsync, "confines", bool),
        roots={_of(root, "path", str): _of(root, "state", str) for root in roots},
        clock=_time(_of(answer, "clock", str)),
        hooks=_texts(answer, "hooks"),
        tunnel=_tunnel(_of(answer, "tunnel", dict)) if answer.get("tunnel") is not None else None,
        lists="list" in (_texts(answer, "words") if answer.get("words") is not None else ()),
        aes=_of(answer, "aes", bool) if answer.get("aes") is not None else None,
    )


def _tunnel(told: Mapping[str, Any]) -> DesktopTunnel:
    windows = _of(told, "windows", list)
    if not all(isinstance(window, dict) for window in windows):
        raise _NoAnswerError("its `windows` is of the wrong type")
    return DesktopTunnel(
        opens=_of(told, "opens", str),
        every=_of(told, "every", str),
        windows=tuple((_every(each), _of(each, "at", str), _of(each, "for", str)) for each in windows),
        deferred_at=_time(_of(told, "deferred_at", str)) if told.get("deferred_at") is not None else None,
        deferred_why=_of(told, "deferred_why", str) if told.get("deferred_why") is not None else "",
        veto=_of(told, "veto", str) if told.get("veto") is not None else None,
        asks_session="nodelay" in told,
    )


def _every(window: Mapping[str, Any]) -> str:
    """Return a cadence as one text; that of several weekdays comes as a list."""
    found = window.get("every")
    return " ".join(_texts(window, "every")) if isinstance(found, list) else str(_of(window, "every", str))


def _of(values: Mapping[str, Any], key: str, kind: type) -> Any:
    found = values.get(key)
    if type(found) is not kind:  # a bool is an int too
        raise _NoAnswerError(f"its `{key}` is missing or of the wrong type")
    return found


def _number(values: Mapping[str, Any], key: str, least: int, most: int) -> int:
    found: int = _of(values, key, int)
    if not least <= found <= most:
        raise _NoAnswerError(f"its `{key}` is out of range")
    return found


def _texts(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = _of(values, key, list)
    if not all(isinstance(each, str) for each in found):
        raise _NoAnswerError(f"its `{key}` is of the wrong type")
    return tuple(found)


def _time(text: str) -> datetime:
    try:
        if _TIME.fullmatch(text):
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise _NoAnswerError("its `clock` is no time") from error
    raise _NoAnswerError("its `clock` is no time")
