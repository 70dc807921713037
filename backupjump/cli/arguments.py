"""Completion of job names on the command line."""

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
