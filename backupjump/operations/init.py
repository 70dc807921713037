"""Write a commented config to start from. What only the user knows is marked, and `config check` asks for it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from backupjump.config.yaml_file import PLACEHOLDER
from backupjump.errors import UsageError
from backupjump.escape import shown

_HOST_KEY = "the line of /etc/ssh/ssh_host_ed25519_key.pub over there"

_SERVER = f"""\
# backupjump on the Server, the machine that keeps the backups. Every key: backupjump config schema
# Fill in each {PLACEHOLDER}, then: backupjump config check

store:
  path: /srv/backups                            # an existing folder; then once: backupjump store init

# Machines with sshd that the Desktops and this Server can both reach.
jump_nodes:
  jumpnode:
    host: {PLACEHOLDER} with the JumpNode's DNS name or address
    # port: 22
    user: {PLACEHOLDER} with this Server's account there, such as bjserver
    identity_file: ~/.ssh/keys/jumpnode         # `config check` says how to make one
    host_key: {PLACEHOLDER} with {_HOST_KEY}

# Machines to back up, each at the far end of the tunnel that it opens.
desktops:
  desktop:
    jump_node: jumpnode
    port: 2020                                  # the tunnel's end on the JumpNode; one for each Desktop
    user: {PLACEHOLDER} with the account on the Desktop
    identity_file: ~/.ssh/keys/desktop          # another key than the JumpNode's
    host_key: {PLACEHOLDER} with {_HOST_KEY}
    # route: proxyjump                          # or proxycommand, nested, local
    # routes:                                   # several ways, in order, in the place of jump_node, port and route:
    #   - {{route: direct, host: desktop.lan}}    # in the LAN; the Desktop's authorized_keys must allow it
    #   - {{jump_node: jumpnode, port: 2020}}

# Be told when something is wrong; then try it: backupjump notify test
# notify:
#   - email: {{host: localhost, security: none, from: backupjump@localhost, to: you@example.org}}
# ping: {{url: "https://hc-ping.com/KEY/{{job}}"}}  # a dead-man's switch, one check a job
"""

_JOB = f"""\
# One job: what to back up from one Desktop. The file's stem is its name: backupjump run nightly
desktop: desktop                                # a desktop of backupjump.yaml
sources:                                        # folders on the Desktop, none inside another
  - {PLACEHOLDER} with a folder on the Desktop, such as /home/me
exclude: ["*.tmp"]                              # rsync patterns; one that starts with / is a full path
schedule: {{every: day, at: "02:30"}}
# bwlimit: 10 MB/s
# max_size: 4 GB                                # larger files are left out, and named
"""

_DESKTOP = f"""\
# backupjump on the Desktop, the machine that is backed up. It holds no key to the Server.
# Fill in each {PLACEHOLDER}, then: backupjump config check

tunnel:
  jump_node:
    host: {PLACEHOLDER} with the JumpNode's DNS name or address
    # port: 22
    user: {PLACEHOLDER} with the account there that may open this port alone, such as tunnel
    identity_file: ~/.ssh/keys/tunnel           # `config check` says how to make one
    host_key: {PLACEHOLDER} with {_HOST_KEY}
  port: 2020                                    # the tunnel's end on the JumpNode; the Server names the same
  to: localhost:22                              # this machine's sshd
"""

_TASKS = '''\
"""`inv -r jobs pull nightly`: the operations as invoke tasks. Put your own beside this line."""

from backupjump.tasks import ns

__all__ = ["ns"]
'''

_FABFILE = '''\
"""`fab -r jobs pull nightly`: the same tasks for fab, which looks for a file of this name."""

from backupjump.tasks import ns

__all__ = ["ns"]
'''

FILES: Mapping[str, Mapping[str, str]] = {
    "server": {
        "backupjump.yaml": _SERVER,
        "jobs/nightly.yaml": _JOB,
        "jobs/tasks.py": _TASKS,
        "jobs/fabfile.py": _FABFILE,
    },
    "desktop": {"backupjump.yaml": _DESKTOP},
}


_MODE = 0o644


def write_config(kind: str, folder: Path) -> list[Path]:
    """Write the files of a `kind` ("server" or "desktop") into `folder` and return their paths.

    A group may write none of them, whatever the umask, or no run would start. UsageError, and nothing is written,
    when one of them is there already.
    """
    texts = {folder / name: text for name, text in FILES[kind].items()}
    there = [shlex.quote(shown(str(path))) for path in texts if path.exists() or path.is_symlink()]
    if there:
        raise UsageError(
            f"already there: {', '.join(there)}; nothing is written", hint="name another folder: --dir DIR"
        )
    try:
        for path, text in texts.items():
            if not path.parent.exists():
                path.parent.mkdir(parents=True)
                path.parent.chmod(0o755)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(file.fileno(), _MODE)
    except OSError as error:
        raise UsageError(f"{shown(str(error.filename))} can't be written: {error.strerror}") from error
    return list(texts)


def lines_on(written: Sequence[Path], folder: Path) -> list[str]:
    """Return what to tell of the files that were `written` into `folder`, and what to type next."""
    names = [shown(str(path)) for path in written]
    named = "" if folder == Path() else f"--config {names[0]} "
    return [
        *(f"wrote {name}" for name in names),
        f"next: fill in each REPLACE ME, then: backupjump {named}config check",
    ]
