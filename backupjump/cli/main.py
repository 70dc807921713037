"""The command `backupjump`: its commands, its global options, and the one place that turns errors into exit codes."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import click

from backupjump.cli.lazy import LazyGroup
from backupjump.cli.options import Options
from backupjump.desktop_help import LOG
from backupjump.frame import check_folder_is_there, exit_code_of, open_closed_streams
from backupjump.logs import FORMATS, set_up_logging, under_systemd

COMMANDS = {
    "demo": ("backupjump.cli.demo", "demo", "See it work: three roles on this machine, tunnel, two pulls, a restore."),
    "init": ("backupjump.cli.init", "init", "Write a commented config to be edited, for the Server or a Desktop."),
    "config": ("backupjump.cli.config", "config", "Check or show the config; print its schema."),
    "store": ("backupjump.cli.store", "store", "Make the store that the config names."),
    "enroll": (
        "backupjump.cli.enroll",
        "enroll",
        "Set a Desktop up: keys, pinned host keys, port, gate; renew or revoke.",
    ),
    "ssh-config": ("backupjump.cli.ssh_config", "ssh_config", "Print the ssh_config of the way to a Desktop."),
    "doctor": ("backupjump.cli.doctor", "doctor", "Try every hop and precondition; say what mends it."),
    "tunnel": ("backupjump.cli.tunnel", "tunnel", "On the Desktop: open the reverse tunnel to the JumpNode."),
    "run": ("backupjump.cli.run", "run", "Back up jobs now."),
    "serve": ("backupjump.cli.serve", "serve", "Run each job when it is due and its Desktop is there."),
    "timers": ("backupjump.cli.timers", "timers", "Let systemd, cron or launchd start each job when it is due."),
    "status": ("backupjump.cli.status", "status", "How each job stands, and what needs a person."),
    "notify": ("backupjump.cli.notify", "notify", "Try the channels that tell you when something is wrong."),
    "metrics": ("backupjump.cli.metrics", "metrics", "Numbers for Prometheus."),
    "report": ("backupjump.cli.report", "report", "One page to look at: is all well, since when, what to do."),
    "history": ("backupjump.cli.history", "history", "The runs of the past, newest last."),
    "snapshots": ("backupjump.cli.snapshots", "snapshots", "The snapshots of a job."),
    "ls": ("backupjump.cli.ls", "ls", "What is in a snapshot."),
    "versions": ("backupjump.cli.versions", "versions", "Every content that a file has had, and where it is."),
    "diff": ("backupjump.cli.diff", "diff", "What differs between two snapshots."),
    "prune": ("backupjump.cli.prune", "prune", "Delete the snapshots that the job's `keep` does not keep."),
    "hold": ("backupjump.cli.prune", "hold", "Keep a snapshot, whatever `keep` says."),
    "release": ("backupjump.cli.prune", "release", "Let `keep` decide about a held snapshot again."),
    "prepare": ("backupjump.cli.prepare", "prepare", "Make the next run's tree of links ahead of it."),
    "rename": ("backupjump.cli.rename", "rename", "Carry a job's snapshots over to its new name."),
    "ack": ("backupjump.cli.ack", "ack", "Look at what a suspect run changed, and say that it is right."),
    "restore": ("backupjump.cli.restore", "restore", "Bring files back from a snapshot."),
    "verify": ("backupjump.cli.verify", "verify", "Re-read what the store holds, and heal what is damaged."),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Use this config file.")
@click.option("-v", "--verbose", count=True, help="Say each milestone; twice: each command that is run.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--log", type=click.Choice(FORMATS), default="text", help=LOG)
@click.version_option(package_name="backupjump", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, config: Path | None, verbose: int, log: str, *, quiet: bool) -> None:
    """Backups pulled with rsync over a reverse SSH tunnel.

    A Desktop behind NAT opens a tunnel to a JumpNode; the Server comes through it, pulls what changed
    and keeps dated snapshots. The Desktop holds no key to the Server.

    \b
    Examples:
      backupjump demo                                 see all of it on this machine
      backupjump run nightly                          back up one job now
      backupjump restore nightly /home/me/notes.txt --to /tmp/back

    \b
    Exit codes: 0 good, 1 failed, 2 usage or config, 3 published with a warning, 4 damage in the store,
    5 suspect, 11 locked by another run, 75 try later (away, deferred, interrupted), 130/143 by a signal.
    """
    # The journal is read when something went wrong, so the milestones belong there; cron mails, so it gets none.
    verbose = max(verbose, int(under_systemd()))
    context.obj = Options(config=config, verbose=verbose, quiet=quiet, log=log)
    set_up_logging(verbose=verbose, quiet=quiet, form=log)
    check_folder_is_there()


def main() -> None:
    """Run the command line and leave the process with the exit code of what came of it."""
    # Python would look through all that it reads at the start for garbage, time and again, and there is none.
    gc.set_threshold(50_000, 20, 20)
    open_closed_streams()
    sys.exit(run_cli(sys.argv[1:]))


def run_cli(words: list[str]) -> int:
    """Run `words` as the command line and return the exit code; errors are told on stderr."""
    return exit_code_of(lambda: _run_click(words))


def _run_click(words: list[str]) -> int:
    try:
        code = cli.main(words, prog_name="backupjump", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
