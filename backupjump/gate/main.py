"""The forced command of the Server's key on a Desktop: `backupjump-gate --config FILE`.

sshd starts it for whatever the Server asks for (sshd(8), command=), and puts that into SSH_ORIGINAL_COMMAND. The gate
reads it by a closed grammar, does what the policy allows, and refuses all else with exit 64. Each run of a job starts
it several times, so each word imports what it needs by itself.
"""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, ConfigError
from backupjump.escape import shown
from backupjump.gate.grammar import Done, Hook, Listing, Probe, read_request
from backupjump.gate.pull import Pull
from backupjump.gate.refusal import REFUSED, Refused

if TYPE_CHECKING:
    from backupjump.config.desktop import DesktopConfig, Gate

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main(words: Sequence[str] | None = None) -> int:
    """Obey one command and return the exit code; a pull does not return, this process becomes rsync.

    `words` are those behind the program's name, by default of this very process.
    """
    command = os.environb.get(b"SSH_ORIGINAL_COMMAND", b"")
    _clear_environment()
    said = _read_arguments(words)
    try:
        return obey(command, said.config, enrolment=said.enrolment)
    except Refused as refused:
        return _tell(f"refused: {refused}", command, REFUSED)
    except ConfigError as error:
        # What stands in the file is none of the Server's business.
        _log(str(error), command)
        return _tell("its config can't be used; on the Desktop: backupjump config check", command, error.exit_code)
    except (BackupjumpError, OSError) as error:
        return _tell(f"failed: {error}", command, 1)


def obey(command: bytes, config_file: Path, *, enrolment: str | None = None) -> int:
    """Do what `command` asks for as far as the policy in `config_file` goes, and return 0; else Refused.

    `enrolment` is the one whose key came in, where its line of authorized_keys says so.
    """
    request = read_request(command)
    config, policy = _read_policy(config_file)
    if isinstance(request, Pull):
        from backupjump.gate.send import become_rsync

        become_rsync(request, policy)
    elif isinstance(request, Listing):
        from backupjump.gate.send_list import send_list

        send_list(request, policy, sys.stdout.buffer)
    elif isinstance(request, Done):
        from backupjump.config.state import state_dir
        from backupjump.gate.done import note_done

        if enrolment is not None:
            from backupjump.gate.enrolment import note_enrolment

            note_enrolment(enrolment, state=state_dir(config.state_dir))
        note_done(request, state=state_dir(config.state_dir))
    else:
        sys.stdout.write(_answer(request, config, policy) + "\n")
    return 0


def _answer(request: Probe | Hook, config: DesktopConfig, policy: Gate) -> str:
    if isinstance(request, Probe):
        from backupjump.gate.probe import answer_probe

        return answer_probe(config, policy)
    from backupjump.gate.hook import answer_hook

    argv = policy.hooks.get(request.name)
    if argv is None:
        raise Refused("no-hook", "this Desktop offers no hook of that name")
    return answer_hook(request.name, argv)


def _clear_environment() -> None:
    """Keep nothing of what the login brought: RSYNC_*, PATH and LD_* would change what is run."""
    account = pwd.getpwuid(os.getuid())
    os.environ.clear()
    os.environ.update(
        {"PATH": PATH, "LANG": "C.UTF-8", "HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
    )


def _read_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="backupjump-gate",
        description="The forced command of the Server's key in authorized_keys on a Desktop; never typed.",
        epilog='example: restrict,from="127.0.0.1,::1",command="backupjump-gate --config /etc/backupjump/desktop.yaml"',
        allow_abbrev=False,
    )
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the Desktop's config")
    parser.add_argument("--enrolment", metavar="ID", help="which renewal of keys wrote the line, to be noted at `done`")
    return parser.parse_args(words)


def _read_policy(path: Path) -> tuple[DesktopConfig, Gate]:
    from backupjump.config.desktop import load_desktop

    found = path.stat() if path.exists() else None
    if found and (found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022):
        raise ConfigError(f"other accounts may write {path}", hint=f"chmod go-w {path}")
    config = load_desktop(path)
    if config.gate is None:
        raise ConfigError(f"{path} has no `gate:`", hint="backupjump init desktop shows what one looks like")
    return config, config.gate


def _tell(message: str, command: bytes, code: int) -> int:
    _log(message, command)
    sys.stderr.write(f"backupjump-gate: {shown(message, limit=300)}\n")
    return code


def _log(message: str, command: bytes) -> None:
    from backupjump.gate.log import log_line, send_to_syslog

    send_to_syslog(log_line(message, command))
