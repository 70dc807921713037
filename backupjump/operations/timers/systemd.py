"""Timers of systemd: root's are the system's, another account's are its own. Only files that we wrote are touched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.errors import BackupjumpError, UsageError
from backupjump.escape import shown, shown_lines
from backupjump.operations.timers.change import Change
from backupjump.operations.timers.plan import owner_of, plan_timers, program
from backupjump.timing.sandbox import Needs, sandbox_lines
from backupjump.timing.systemd import PREFIX, Unit, units
from backupjump.whole_files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backupjump.operations.site import Site
    from backupjump.timing.slots import Timer

_MARK = "# Written by: backupjump timers systemd, for the config "
_SECONDS = 60.0
_LIMIT_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Manager:
    """The systemd that gets the units: where they lie, the words before each of systemctl's, whether it runs."""

    folder: Path
    systemctl: tuple[str, ...]
    runs: bool

    @property
    def system(self) -> bool:
        """Whether it is the system's, not a user's."""
        return "--user" not in self.systemctl


def manager_here(environ: Mapping[str, str]) -> Manager:
    """Return root's or this user's systemd.  Source: systemd.unit(5), UNIT FILE LOAD PATH; sd_booted(3)."""
    if os.geteuid() == 0:
        runs = Path("/run/systemd/system").exists()
        return Manager(folder=Path("/etc/systemd/system"), systemctl=("systemctl",), runs=runs)
    home = Path(os.path.expanduser("~"))  # noqa: PTH111
    settings = Path(named) if (named := environ.get("XDG_CONFIG_HOME", "")).startswith("/") else home / ".config"
    runs = (Path(environ.get("XDG_RUNTIME_DIR", "/nowhere")) / "systemd/private").exists()
    return Manager(folder=settings / "systemd/user", systemctl=("systemctl", "--user"), runs=runs)


def unit_files(site: Site, timers: Sequence[Timer], manager: Manager) -> dict[Path, str]:
    """Return the text of each unit by its path. UsageError for a path that no unit can hold."""
    files: dict[Path, str] = {}
    edit = "systemctl edit" if manager.system else "systemctl --user edit"
    for timer in timers:
        unit = Unit(
            timer=timer,
            marks=(_MARK + owner_of(site), f"# For lines of your own: {edit} {PREFIX}{timer.job}.service"),
            sandbox=sandbox_lines(_needs(site, timer, system=manager.system)),
            mounts=site.server.store.path,
            system=manager.system,
        )
        files |= {manager.folder / name: text for name, text in units(unit).items()}
    return files


def plan_install(site: Site, manager: Manager, *, environ: Mapping[str, str]) -> tuple[Change, ...]:
    """Return what has to change so that the units are those of the config; a job that has gone loses its own.

    UsageError when somebody else's file is in the way.
    """
    wanted = unit_files(site, plan_timers(site, environ=environ).timers, manager)
    ours = _ours(manager, owner_of(site))
    changes = [Change(where=str(path), before=text, after=None) for path, text in ours.items() if path not in wanted]
    for path, text in wanted.items():
        if path not in ours and os.path.lexists(path):
            raise UsageError(
                f"{shown(str(path))} is there, and was not written for this config; it is left alone",
                hint="rename the job, or move that file away",
            )
        if ours.get(path) != text:
            changes.append(Change(where=str(path), before=ours.get(path), after=text))
    return tuple(changes)


def plan_remove(site: Site, manager: Manager) -> tuple[Change, ...]:
    """Return the units of this config, all of which go."""
    return tuple(
        Change(where=str(path), before=text, after=None) for path, text in _ours(manager, owner_of(site)).items()
    )


def carry_out(changes: Sequence[Change], manager: Manager) -> None:
    """Make `changes`: timers that go are stopped first; a run that is under way goes on to its end.

    A systemd that does not run is not asked. Raises BackupjumpError.
    """
    going = [change for change in changes if change.after is None]
    _systemctl(manager, "disable", "--now", timers=going)
    try:
        for change in changes:
            if change.after is None:
                Path(change.where).unlink(missing_ok=True)
                _link_of(Path(change.where)).unlink(missing_ok=True)
            else:
                _write(Path(change.where), change.after)
    except OSError as error:
        raise BackupjumpError(f"{shown(str(error.filename))} can't be changed: {error.strerror}") from error
    if changes and manager.runs:
        _run([*manager.systemctl, "daemon-reload"])


def start(paths: Sequence[Path], manager: Manager) -> str:
    """Let the timers among `paths` run, now and after each boot; return what a person still has to type, or ""."""
    names = sorted(path.name for path in paths if path.suffix == ".timer")
    words = [*manager.systemctl, "enable", "--now", *names]
    if not names:
        return ""
    if not manager.runs:
        reload = " ".join([*manager.systemctl, "daemon-reload"])
        return f"no systemd runs here for this account; where one does: {reload} && {' '.join(words)}"
    _run(words)
    return "" if manager.system or _lingers() else "loginctl enable-linger    # else they run only while you are there"


def _needs(site: Site, timer: Timer, *, system: bool) -> Needs:
    job = site.job(timer.job)
    desktop = site.desktop_of(job)
    keys = [desktop.identity_file, *(each.identity_file for each in site.server.jump_nodes.values())]
    metrics = site.server.metrics
    secrets = [each.apprise.url_file for each in site.server.notify if each.apprise is not None]
    secrets += [path for each in site.server.notify if each.email for path in (each.email.password_file,) if path]
    return Needs(
        writes=(site.server.store.path, site.state, *([metrics.textfile.parent] if metrics is not None else [])),
        reads=(Path(program()[0]), site.config_file.absolute(), *(key for key in keys if key is not None), *secrets),
        own_programs=any(job.server_hooks.model_dump().values()),
        system=system,
    )


def _ours(manager: Manager, owner: str) -> dict[Path, str]:
    """Return the units that were written for the config `owner`: regular files that begin with our mark."""
    found = {}
    for path in sorted(manager.folder.glob(f"{PREFIX}*")):
        if path.suffix in (".service", ".timer") and path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                text = file.read(_LIMIT_BYTES).decode("utf-8", "replace")
            if text.startswith(f"{_MARK}{owner}\n"):
                found[path] = text
    return found


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with replacing(path, mode=0o644) as file:
        file.write(text.encode("utf-8"))


def _link_of(timer: Path) -> Path:
    """Return the link that `systemctl enable` makes; a systemd that does not run has not taken it away."""
    return timer.parent / "timers.target.wants" / timer.name


def _systemctl(manager: Manager, *words: str, timers: Sequence[Change]) -> None:
    names = [Path(change.where).name for change in timers if change.where.endswith(".timer")]
    if names and manager.runs:
        _run([*manager.systemctl, *words, *names])


def _run(argv: Sequence[str]) -> None:
    try:
        done = process.run(argv, timeout=_SECONDS)
    except process.TimedOut as error:
        raise BackupjumpError(str(error), hint="is systemd well? try: systemctl status") from error
    if done.status != 0:
        said = shown_lines(done.stderr, lines=3)
        raise BackupjumpError(
            f"{process.shown_argv(argv)} failed: {said}", hint="what is not done yet is done by the same again"
        )


def _lingers() -> bool:
    name = process.run(["id", "-un"], timeout=_SECONDS).stdout.decode("utf-8", "replace").strip()
    return (Path("/var/lib/systemd/linger") / (name or "?")).exists()
