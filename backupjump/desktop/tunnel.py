"""The words of `tunnel` on a Desktop, behind argparse."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from backupjump import desktop_help
from backupjump.desktop.parser import Command
from backupjump.frame import Options


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def _pause_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("length", metavar="TIME", help="how long, such as 2h")


def _agent(options: Options, _said: argparse.Namespace) -> int:
    from backupjump.operations.agent.words import run_agent

    return run_agent(options.config)


def _status(options: Options, _said: argparse.Namespace) -> int:
    from backupjump.operations.agent.words import status_lines

    lines, code = status_lines(options.config)
    sys.stdout.write("\n".join(lines) + "\n")
    return code


def _pause(options: Options, said: argparse.Namespace) -> int:
    from backupjump.operations.agent.words import pause

    sys.stdout.write(f"{pause(options.config, said.length)}\n")
    return 0


def _resume(options: Options, _said: argparse.Namespace) -> int:
    from backupjump.operations.agent.words import resume

    sys.stdout.write(f"{resume(options.config)}\n")
    return 0


COMMANDS: Mapping[str, Command] = {
    "tunnel agent": Command(desktop_help.TUNNEL_AGENT, _no_arguments, _agent),
    "tunnel status": Command(desktop_help.TUNNEL_STATUS, _no_arguments, _status),
    "tunnel pause": Command(desktop_help.TUNNEL_PAUSE, _pause_arguments, _pause),
    "tunnel resume": Command(desktop_help.TUNNEL_RESUME, _no_arguments, _resume),
}
