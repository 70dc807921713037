"""The forced command of the Server's key on a Desktop: `backupjump-gate --config FILE`.

sshd starts it for whatever the Server asks for (sshd(8), command=), and puts that into SSH_ORIGINAL_COMMAND. The gate
reads it by a closed grammar, does what the policy allows, and refuses all else with exit 64.
"""

from __future__ import annotations

import argparse
import os
import pwd
import signal
import sys
from datetime import datetime, timezone
from pathlib import Path

from backupjump.config.desktop import DesktopConfig, Gate, load_desktop
from backupjump.config.state import state_dir
from backupjump.errors import BackupjumpError, ConfigError
from backupjump.escape import shown
from backupjump.gate.awake import hold_awake
from backupjump.gate.done import note_done
from backupjump.gate.folder import check_allowed, open_folder
from backupjump.gate.grammar import Done, Hook, Probe, read_request
from backupjump.gate.hook import answer_hook
from backupjump.gate.log import log_line, send_to_syslog
from backupjump.gate.power import SUPPLIES, read_power
from backupjump.gate.probe import answer_probe
from backupjump.gate.pull import Pull, sender_argv
from backupjump.gate.refusal import REFUSED, Refused
from backupjump.gate.rsync_here import ask_rsync, find_rsync

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main() -> int:
    """Obey one command and return the exit code; a pull does not return, this process becomes rsync."""
    command = os.environb.get(b"SSH_ORIGINAL_COMMAND", b"")
    _clear_environment()
    path = _read_arguments()
    try:
        request = read_request(command)
        config, policy = _read_policy(path)
        if isinstance(request, Pull):
            _become_rsync(request, policy)
        elif isinstance(request, Done):
            note_done(request, state=state_dir(config.state_dir), now=_now())
        else:
            sys.stdout.write(_answer(request, policy) + "\n")
    except Refused as refused:
        return _tell(f"refused: {refused}", command, REFUSED)
    except ConfigError as error:
        # What stands in the file is none of the Server's business.
        send_to_syslog(log_line(str(error), command))
        return _tell("its config can't be used; on the Desktop: backupjump config check", command, error.exit_code)
    except (BackupjumpError, OSError) as error:
        return _tell(f"failed: {error}", command, 1)
    return 0


def _answer(request: Probe | Hook, policy: Gate) -> str:
    if isinstance(request, Probe):
        rsync = ask_rsync(find_rsync(policy.rsync))
        return answer_probe(rsync, roots=policy.read, hooks=policy.hooks, power=read_power(SUPPLIES), now=_now())
    argv = policy.hooks.get(request.name)
    if argv is None:
        raise Refused("no-hook", "this Desktop offers no hook of that name")
    return answer_hook(request.name, argv)


def _become_rsync(pull: Pull, policy: Gate) -> None:
    """Send the folder. The environment and the argv are ours, the folder is held by its descriptor."""
    check_allowed(pull.path, policy.read)
    rsync = ask_rsync(find_rsync(policy.rsync))
    if pull.by_list and not rsync.confines:
        # rsync before 3.5.0 follows a link in the middle of a listed name: `link/secret` (measured).
        raise Refused("unconfined", "a list of files needs rsync 3.5.0 or newer on this Desktop")
    os.fchdir(open_folder(pull.path))
    argv = sender_argv(pull, rsync=rsync.path, confine_root=str(Path.cwd()) if rsync.confines else None)
    _held = hold_awake()
    # Python ignores SIGPIPE, and what is ignored stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # rsync reads ~/.cvsignore.
    os.execve(rsync.path, argv, {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent"})  # noqa: S606


def _clear_environment() -> None:
    """Keep nothing of what the login brought: RSYNC_*, PATH and LD_* would change what is run."""
    account = pwd.getpwuid(os.getuid())
    os.environ.clear()
    os.environ.update(
        {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
    )


def _read_arguments() -> Path:
    parser = argparse.ArgumentParser(
        prog="backupjump-gate",
        description="The forced command of the Server's key in authorized_keys on a Desktop; never typed.",
        epilog='example: restrict,from="127.0.0.1,::1",command="backupjump-gate --config /etc/backupjump/desktop.yaml"',
        allow_abbrev=False,
    )
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the Desktop's config")
    config: Path = parser.parse_args().config
    return config


def _read_policy(path: Path) -> tuple[DesktopConfig, Gate]:
    found = path.stat() if path.exists() else None
    if found and (found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022):
        raise ConfigError(f"other accounts may write {path}", hint=f"chmod go-w {path}")
    config = load_desktop(path)
    if config.gate is None:
        raise ConfigError(f"{path} has no `gate:`", hint="backupjump init desktop shows what one looks like")
    return config, config.gate


def _tell(message: str, command: bytes, code: int) -> int:
    send_to_syslog(log_line(message, command))
    sys.stderr.write(f"backupjump-gate: {shown(message, limit=300)}\n")
    return code


def _now() -> datetime:
    return datetime.now(timezone.utc)  # noqa: UP017 (datetime.UTC needs 3.11)
