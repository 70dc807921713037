"""The remote shell that rsync calls on route nested: it quotes once more than ssh does.

On this route two shells read what rsync says, the JumpNode's and the Desktop's, while rsync and ssh
quote for one. Without this a source named `a b` would arrive as two and `$(touch X)` would run on the
JumpNode. rsync calls `python -I -m backupjump.ssh.second_shell CONFIG JUMP ALIAS host word…`; the host
is ours to ignore, since ALIAS says whom the JumpNode should call.

With `relay: true` a forced command on the JumpNode is that second ssh, its shell evaluates nothing, and
none of this quoting is needed.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

_SECOND_SSH = (
    *("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15"),
    # The JumpNode's own ssh_config may say yes, and rsync compresses where it pays.
    *("-o", "Compression=no"),
    "--",
)


def nested_command(alias: str, command: str) -> str:
    """Return what the JumpNode's shell is to run so that the Desktop's shell gets exactly `command`.

    No terminal on either leg: with one, rsync's stream breaks.
    """
    return "exec " + shlex.join([*_SECOND_SSH, alias, command])


def relay_command(alias: str) -> str:
    """Return the forced command for the JumpNode by which a key leads to the Desktop `alias` and to nothing else.

    What the Server asks for is one word of it, so the JumpNode's shell evaluates nothing of it, and behind `--` no
    part is an option.  Source: sshd(8), command=; ssh(1).
    """
    return f'exec {shlex.join(_SECOND_SSH)} {alias} "$SSH_ORIGINAL_COMMAND"'


def relay_options(alias: str) -> str:
    """Return the options of the key's line in the JumpNode's authorized_keys."""
    command = relay_command(alias).replace('"', '\\"')
    return f'restrict,command="{command}"'


def outer_argv(config: str, jump: str, alias: str, words: Sequence[str]) -> tuple[str, ...]:
    """Return the ssh to the JumpNode that hands the Desktop what `ssh host word…` would have handed it."""
    return ("ssh", "-F", config, "-T", jump, nested_command(alias, " ".join(words)))


def main(arguments: Sequence[str]) -> None:
    """Become the ssh to the JumpNode; called wrongly, say how and end with status 1."""
    if len(arguments) < 5:
        raise SystemExit("second_shell: CONFIG JUMP ALIAS HOST WORD...")
    config, jump, alias, _host, *words = arguments
    argv = outer_argv(config, jump, alias, words)
    os.execvp(argv[0], argv)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
