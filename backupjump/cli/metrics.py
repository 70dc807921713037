"""`backupjump metrics`: numbers for Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from backupjump.cli.options import Options


@click.command(short_help="Numbers for Prometheus, as node_exporter's textfile collector reads them.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write them there, at once.")
@click.pass_obj
def metrics(options: Options, output: Path | None) -> None:
    """Print numbers of each job and of the store for Prometheus, or write them to FILE, for everybody to read.

    With `metrics: {textfile: FILE}` in the config each run writes them by itself, and so does `serve`.

    \b
    Examples:
      backupjump metrics
      backupjump metrics -o /var/lib/prometheus/node-exporter/backupjump.prom

    \b
    An alarm that catches every way to have no backup:
      time() - backupjump_last_success_timestamp_seconds > 3 * 86400 or backupjump_store_up == 0
    """
    from backupjump.operations.metrics import metrics_of, write_metrics
    from backupjump.operations.site import open_site

    site = open_site(options.config)
    if output is None:
        click.echo(metrics_of(site), nl=False)
    else:
        write_metrics(site, output)
