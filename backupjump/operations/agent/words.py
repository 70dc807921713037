"""What a person says to the agent, and what it answers: `tunnel agent`, `status`, `pause`, `resume`. Python 3.9."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from backupjump.config.desktop import DesktopConfig, load_desktop
from backupjump.config.find import find_config
from backupjump.config.state import state_dir
from backupjump.config.times import read_duration, write_duration
from backupjump.errors import Stopped, UsageError
from backupjump.escape import shown, shown_lines
from backupjump.gate.veto import HELD, PAUSED
from backupjump.operations.agent import memory
from backupjump.operations.agent.decide import When
from backupjump.operations.agent.lock import holding, is_held
from backupjump.operations.agent.memory import Told


def run_agent(config: Path | None) -> int:
    """Keep the tunnel as the config and the owner want it until a signal comes; return 0 after TERM.

    JobLocked when the tunnel is another process's.
    """
    from backupjump.operations.agent.agent import Agent

    path = find_config(config)
    found = load_desktop(path, check_keys=True)
    state = state_dir(found.state_dir)
    try:
        with holding(state):
            Agent(found.tunnel, config=path, state=state, folder=state / "tunnel").run()
    except Stopped as stopped:
        # How a service is ended in order.  Source: systemd.kill(5).
        return 0 if stopped.exit_code == 143 else stopped.exit_code
    return 0


def pause(config: Path | None, length: str) -> str:
    """Let the agent open no tunnel for `length` (such as 2h), and close one that stands; return what to say.

    What `tunnel open` asked of it before is over: the later word counts.
    """
    found = _load(config)
    state, until = state_dir(found.state_dir), _now() + _read_length(length)
    memory.write_until(state, PAUSED, until)
    memory.write_until(state, HELD, None)
    return f"paused until {_local(until)}; to end it: backupjump tunnel resume{_unless_agent(state)}"


def resume(config: Path | None) -> str:
    """End a pause; return what to say."""
    found = _load(config)
    state = state_dir(found.state_dir)
    until = memory.read_until(state, PAUSED)
    memory.write_until(state, PAUSED, None)
    if until is None or until <= _now():
        return "it was not paused"
    return f"it is no longer paused{_unless_agent(state)}"


def status_lines(config: Path | None) -> tuple[list[str], int]:
    """Return how the tunnel and the backups of this Desktop stand, and 1 if that needs a person, else 0.

    It does when the last backup is too old, or the JumpNode refuses us or we it.
    """
    found = _load(config)
    state, now = state_dir(found.state_dir), _now()
    published_at = memory.read_published_at(state)
    told, running = memory.read_told(state), is_held(state)
    lines = _agent_lines(told, running=running, now=now)
    paused = memory.read_until(state, PAUSED)
    if paused is not None and paused > now:
        lines.append(f"paused until {_local(paused)}; to end it: backupjump tunnel resume")
    lines += _backup_lines(state, published_at, now)
    too_old = published_at is not None and now - published_at > found.tunnel.max_age
    if too_old:
        lines.append(f"that is older than {write_duration(found.tunnel.max_age)}: is the backup server running?")
    refused = running and told is not None and told.pid != 0 and told.needs_person
    return lines, int(too_old or refused)


def _agent_lines(told: Told | None, *, running: bool, now: datetime) -> list[str]:
    if not running:
        return ["tunnel: no agent is running; start it: backupjump tunnel agent (or: backupjump tunnel open)"]
    if told is None or not told.pid:
        return ["tunnel: opened by hand"]
    until = f" until {_local(told.until)}" if told.until is not None and told.until > now else ""
    where = f" on JumpNode {shown(told.jump_node)}" if told.jump_node else ""
    lines = [f"tunnel: {told.phase}{where}: {told.why}{until}"]
    if told.phase == "open" and told.nodelay is False:
        lines.append("slow: its sshd holds messages back on it, up to 40 ms each; to mend it: backupjump doctor")
    if told.trouble:
        lines += f"the last try failed: {shown_lines(told.trouble, lines=4)}".splitlines()
        lines += [f"hint: {shown(told.hint)}"] if told.hint else []
    return lines


def _backup_lines(state: Path, published_at: When, now: datetime) -> list[str]:
    done = memory.read_done(state)
    if done is None:
        return ["last backup: none yet"]
    lines = [
        f"last backup: {_local(published_at)}, {_ago(published_at, now)}" if published_at else "last backup: none yet"
    ]
    if not done.published:
        lines.append(f"last run: {_local(done.at)}, it did not succeed; the server's history tells why")
    return lines


def _unless_agent(state: Path) -> str:
    """Return what to add where no agent hears of it."""
    if not is_held(state):
        return "; no agent is running here"
    told = memory.read_told(state)
    return "" if told is not None and told.pid else "; the tunnel that was opened by hand stays: Ctrl-C closes it there"


def _load(config: Path | None) -> DesktopConfig:
    found = load_desktop(find_config(config))
    _ = found.tunnel  # ConfigError when the file has none
    return found


def _read_length(text: str) -> timedelta:
    try:
        return read_duration(text)
    except ValueError as error:
        raise UsageError(f"{text!r} {error}") from error


def _local(at: When) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at is not None else "never"


def _ago(at: datetime, now: datetime) -> str:
    hours = (now - at) / timedelta(hours=1)
    return f"{hours:.0f} hours ago" if hours < 48 else f"{hours / 24:.0f} days ago"


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)  # noqa: UP017 (datetime.UTC needs 3.11)
