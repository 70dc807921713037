"""Completion of job names and snapshot ids on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def job_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of jobs that start with `incomplete`; none when there is no config to be found.

    The stems of the job files are the names, so no YAML is read while someone presses TAB.
    """
    from backupjump.config.find import find_config
    from backupjump.errors import BackupjumpError

    try:
        config = find_config(context.find_root().params.get("config"))
    except BackupjumpError:
        return []
    return sorted(path.stem for path in (config.parent / "jobs").glob("*.yaml") if path.stem.startswith(incomplete))


def snapshot_ids(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return what names a snapshot of the job that was typed and starts with `incomplete`; none of an unknown job."""
    from backupjump.config.find import find_config
    from backupjump.config.load import load_server
    from backupjump.errors import BackupjumpError
    from backupjump.store.layout import JobFolder, read_id

    try:
        server = load_server(find_config(context.find_root().params.get("config")), check_keys=False)
        job = server.jobs[context.params["job"]]
        names = [each.name for each in JobFolder(server.store.path, job.desktop, job.name).snapshots.iterdir()]
    except (BackupjumpError, KeyError, OSError):
        return []
    ids = sorted(name for name in names if read_id(name) is not None)
    return [each for each in ("latest", *ids) if each.startswith(incomplete)]
