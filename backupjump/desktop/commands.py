"""The commands of a Desktop: the same operations as behind click, with the same words, messages and exit codes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from backupjump import desktop_help
from backupjump.desktop import enroll, tunnel
from backupjump.desktop.parser import Command, read_command, read_options
from backupjump.desktop.said import in_colour, say, warn
from backupjump.errors import UsageError
from backupjump.frame import (
    Options,
    check_folder_is_there,
    exit_code_of,
    open_closed_streams,
)
from backupjump.logs import set_up_logging, under_systemd
from backupjump.operations.installed import keep_ready


def obey(words: Sequence[str]) -> int:
    """Obey a command line and return the exit code; errors are told on stderr. SystemExit for help and wrong words."""
    open_closed_streams()
    options, behind = read_options(words, COMMANDS)
    command, said = read_command(behind, COMMANDS)
    set_up_logging(verbose=max(options.verbose, int(under_systemd())), quiet=options.quiet, form=options.log)

    def body() -> int:
        check_folder_is_there()
        keep_ready()
        return command.run(options, said)

    return exit_code_of(body)


def _tunnel_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--for",
        dest="length",
        default=desktop_help.TUNNEL_OPEN_LENGTH,
        metavar="TIME",
        help=f"{desktop_help.TUNNEL_OPEN_FOR} [default: %(default)s]",
    )


def _tunnel_open(options: Options, said: argparse.Namespace) -> int:
    from backupjump.operations.tunnel_open import keep_tunnel_open

    return keep_tunnel_open(options.config, said.length, quiet=options.quiet, say=say, warn=warn)


def _config_check(options: Options, _said: argparse.Namespace) -> int:
    from backupjump.config.desktop import is_desktop_file
    from backupjump.config.find import find_config
    from backupjump.config.yaml_file import read_document
    from backupjump.operations.config_check import check_desktop

    document = read_document(find_config(options.config))
    if document.whole and not is_desktop_file(document):
        raise UsageError(
            f"{document.path} is not a Desktop's config: it has neither `tunnel:` nor `gate:`",
            hint="a Server's is checked by the backupjump that is installed there",
        )
    for line in check_desktop(document):
        say(line)
    return 0


def _init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", dest="folder", type=Path, default=Path(), metavar="DIR", help=desktop_help.INIT_DIR)


def _init_desktop(_options: Options, said: argparse.Namespace) -> int:
    from backupjump.operations.init import lines_on, write_config

    for line in lines_on(write_config("desktop", said.folder), said.folder):
        say(line)
    return 0


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", dest="as_json", action="store_true", help=desktop_help.DOCTOR_JSON)


def _doctor(options: Options, said: argparse.Namespace) -> int:
    from backupjump.config.find import find_config
    from backupjump.operations.doctor.on_desktop import look
    from backupjump.operations.doctor.told import tell

    findings = look(find_config(options.config))
    return tell(findings, say=say, as_json=said.as_json, quiet=options.quiet, colour=in_colour())


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


COMMANDS: Mapping[str, Command] = {
    "enroll accept": Command(desktop_help.ENROLL_ACCEPT, enroll.accept_arguments, enroll.accept),
    "enroll repin": Command(desktop_help.ENROLL_REPIN, enroll.repin_arguments, enroll.repin),
    "enroll revoke": Command(desktop_help.ENROLL_REVOKE, enroll.revoke_arguments, enroll.revoke),
    "doctor": Command(desktop_help.DOCTOR, _doctor_arguments, _doctor),
    "tunnel open": Command(desktop_help.TUNNEL_OPEN, _tunnel_arguments, _tunnel_open),
    **tunnel.COMMANDS,
    "config check": Command(desktop_help.CONFIG_CHECK, _no_arguments, _config_check),
    "init desktop": Command(desktop_help.INIT, _init_arguments, _init_desktop),
}
