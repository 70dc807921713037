"""`enroll accept`, `enroll repin` and `enroll revoke` on the Desktop."""

from __future__ import annotations

import argparse
from pathlib import Path

from backupjump import desktop_help
from backupjump.desktop.said import warn
from backupjump.frame import Options


def accept_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of `enroll accept`."""
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help=desktop_help.ENROLL_ACCEPT_FILE)
    parser.add_argument("--user-config", type=Path, metavar="FILE", help=desktop_help.ENROLL_ACCEPT_CONFIG)
    parser.add_argument("--read", action="append", default=[], metavar="DIR", help=desktop_help.ENROLL_ACCEPT_READ)
    parser.add_argument("--hooks", choices=["none"], help=desktop_help.ENROLL_ACCEPT_HOOKS)
    to = f"{desktop_help.ENROLL_ACCEPT_TO} [default: %(default)s]"
    parser.add_argument("--to", default="localhost:22", metavar="HOST:PORT", help=to)
    parser.add_argument("--authorized-keys", type=Path, metavar="FILE", help=desktop_help.ENROLL_ACCEPT_KEYS)
    parser.add_argument("--no-wait", action="store_true", help=desktop_help.ENROLL_ACCEPT_NO_WAIT)
    parser.add_argument("--yes", action="store_true", help=desktop_help.ENROLL_ACCEPT_YES)


def accept(options: Options, said: argparse.Namespace) -> int:
    """Take an invitation and return the exit code."""
    from backupjump.operations.enroll.accept import accept as accept_invitation
    from backupjump.operations.enroll.accept_plan import Wishes

    wishes = Wishes(
        text=said.file,
        config=said.user_config or options.config,
        read=tuple(said.read),
        hooks=said.hooks is None,
        to=said.to,
        authorized_keys=said.authorized_keys,
        wait=not said.no_wait,
        yes=said.yes,
    )
    return accept_invitation(wishes)


def repin_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of `enroll repin`."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="the JumpNode's host; may be left out where there is one"
    )
    parser.add_argument("--fingerprint", metavar="SHA256:...", help=desktop_help.ENROLL_REPIN_FINGERPRINT)
    parser.add_argument("--yes", action="store_true", help=desktop_help.ENROLL_REPIN_YES)


def repin(options: Options, said: argparse.Namespace) -> int:
    """Pin the JumpNode's new host key and return the exit code."""
    from backupjump.config.find import find_config
    from backupjump.operations.enroll.repin import Consent
    from backupjump.operations.enroll.repin_on_desktop import repin_jump_node

    consent = Consent(yes=said.yes, fingerprint=said.fingerprint)
    lines = repin_jump_node(find_config(options.config), said.name, consent)
    if not options.quiet:
        _warn(*lines)
    return 0


def revoke_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words of `enroll revoke`."""
    parser.add_argument("--authorized-keys", type=Path, metavar="FILE", help=desktop_help.ENROLL_ACCEPT_KEYS)
    parser.add_argument("--yes", action="store_true", help=desktop_help.ENROLL_REVOKE_YES)


def revoke(options: Options, said: argparse.Namespace) -> int:
    """Let the Server in no more and return the exit code."""
    from backupjump.config.find import find_config
    from backupjump.operations.enroll.revoke_on_desktop import withdraw

    withdraw(find_config(options.config), authorized_keys=said.authorized_keys, yes=said.yes, say=_warn)
    return 0


def _warn(*lines: str) -> None:
    for line in lines:
        warn(line)
