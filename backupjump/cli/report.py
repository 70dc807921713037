"""`backupjump report`: the state of all backups as one page to look at."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from backupjump.cli.options import Options

log = logging.getLogger(__name__)


@click.command(short_help="One page to look at: is all well, since when, what to do.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    required=True,
    metavar="FILE",
    help="Write the page there; - is standard output.",
)
@click.option(
    "--weeks", type=click.IntRange(1, 53), default=13, show_default=True, help="How many weeks of days it shows."
)
@click.pass_obj
def report(options: Options, output: Path, weeks: int) -> None:
    """Write one HTML page that tells how all backups stand.

    At the top whether all is well; then what needs a person, with the command to type; all jobs; how full the
    store is and when it will be; and of each job its days, sizes and times, snapshots with the reasons for
    which they stay, and what the last runs had to say.

    The page is one file without a script. It opens without a network, on a phone, in dark mode and on paper, and
    is replaced whole or not at all. It names files of your Desktops, so only you may read it; change the mode of
    FILE once to let others, and the next page keeps it. A page does not renew itself: let cron or a timer do it.

    \b
    Examples:
      backupjump report -o report.html
      backupjump report -o - --weeks 26 | ssh me@desktop 'cat > backups.html'
      0 7 * * * backupjump report -o /srv/www/backups.html           (a line for cron; it prints nothing)

    \b
    Exit codes: 0 the page was written, whatever it tells; 1 there is no store; 2 usage, config, or no such folder.
    """
    from backupjump.operations.page.facts import read_facts
    from backupjump.operations.page.file import write_page
    from backupjump.operations.page.render import render
    from backupjump.operations.page.view import page_of
    from backupjump.operations.site import open_site

    page = page_of(read_facts(open_site(options.config), weeks=weeks))
    text = render(page)
    if str(output) == "-":
        click.echo(text.encode("utf-8"), nl=False)
        return
    write_page(output, text)
    log.info("%s: %s", output, page.headline.verdict)
