"""The command `backupjump`: its commands, its global options, and the one place that turns errors into exit codes."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import ClassVar

import click

from backupjump.cli.lazy import LazyGroup
from backupjump.cli.options import Options
from backupjump.errors import BackupjumpError, Stopped, UsageError
from backupjump.process import signals_as_exceptions

log = logging.getLogger(__name__)

COMMANDS = {
    "demo": ("backupjump.cli.demo", "demo", "See it work: three roles on this machine, tunnel, two pulls, a restore."),
    "init": ("backupjump.cli.init", "init", "Write a commented config to be edited, for the Server or a Desktop."),
    "config": ("backupjump.cli.config", "config", "Check or show the config; print its schema."),
    "store": ("backupjump.cli.store", "store", "Make the store that the config names."),
    "ssh-config": ("backupjump.cli.ssh_config", "ssh_config", "Print the ssh_config of the way to a Desktop."),
    "tunnel": ("backupjump.cli.tunnel", "tunnel", "On the Desktop: open the reverse tunnel to the JumpNode."),
    "run": ("backupjump.cli.run", "run", "Back up jobs now."),
    "status": ("backupjump.cli.history", "status", "How each job stands, and what needs a person."),
    "history": ("backupjump.cli.history", "history", "The runs of the past, newest last."),
    "snapshots": ("backupjump.cli.snapshots", "snapshots", "The snapshots of a job."),
    "ls": ("backupjump.cli.snapshots", "ls", "What is in a snapshot."),
    "prune": ("backupjump.cli.prune", "prune", "Delete the snapshots that the job's `keep` does not keep."),
    "hold": ("backupjump.cli.prune", "hold", "Keep a snapshot, whatever `keep` says."),
    "release": ("backupjump.cli.prune", "release", "Let `keep` decide about a held snapshot again."),
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
@click.version_option(package_name="backupjump", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, config: Path | None, verbose: int, *, quiet: bool) -> None:
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
    context.obj = Options(config=config, verbose=verbose, quiet=quiet)
    _set_up_logging(verbose=verbose, quiet=quiet)
    try:
        Path.cwd()
    except FileNotFoundError as error:
        # rsync would not start in it, and a relative path would mean nothing.
        raise UsageError("the folder that this was typed in is gone", hint="cd to another one, then again") from error


def main() -> None:
    """Run the command line and leave the process with the exit code of what came of it."""
    _open_closed_streams()
    sys.exit(run_cli(sys.argv[1:]))


def run_cli(words: list[str]) -> int:
    """Run `words` as the command line and return the exit code; errors are told on stderr."""
    try:
        with signals_as_exceptions(Stopped, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            code = cli.main(words, prog_name="backupjump", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BackupjumpError as error:
        tell_error(error)
        return error.exit_code
    except OSError as error:
        # A full disk under stdout, for instance; whatever else can fail is judged where it is done.
        log.debug("it happened here", exc_info=True)
        tell_error(BackupjumpError(str(error), hint="backupjump -vv … says where it happened"))
        return 1
    except Exception:
        log.exception("backupjump broke; this is a bug in it, and the lines above say where")
        return 1


def _open_closed_streams() -> None:
    """Give each of stdin, stdout and stderr that the caller closed to /dev/null.

    Else the first file to be opened, a lock or a log, would get its number and what is printed to it.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, so this one
            setattr(sys, name, os.fdopen(fd, mode))


def tell_error(error: BackupjumpError) -> None:
    """Print what happened, and what to type next, on stderr."""
    click.echo(f"backupjump: {error}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)


def _set_up_logging(*, verbose: int, quiet: bool) -> None:
    level = logging.ERROR if quiet else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    ours = logging.getLogger("backupjump")
    ours.handlers = [_handler()]
    ours.setLevel(level)
    ours.propagate = False
    # paramiko logs each failed login with a traceback; we tell what it means ourselves.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    logging.getLogger("paramiko").propagate = False


class _JournalFormatter(logging.Formatter):
    """Lines as the journal wants them: a priority in angle brackets first. Source: sd-daemon(3)."""

    _PRIORITIES: ClassVar = {
        logging.DEBUG: 7,
        logging.INFO: 6,
        logging.WARNING: 4,
        logging.ERROR: 3,
        logging.CRITICAL: 2,
    }

    def format(self, record: logging.LogRecord) -> str:
        return f"<{self._PRIORITIES.get(record.levelno, 5)}>{super().format(record)}"


def _handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    if under_systemd():
        handler.setFormatter(_JournalFormatter("%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    return handler


def under_systemd() -> bool:
    """Whether stderr goes straight to the journal. Source: systemd.exec(5), $JOURNAL_STREAM."""
    stream = os.environ.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{status.st_dev}:{status.st_ino}"
