"""The files that enrolment writes on the Server: the config of a bare one, a JumpNode's, a Desktop's, a job's."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.find import find_config
from backupjump.config.load import load_server
from backupjump.errors import ConfigError, UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.fresh_file import write_new_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backupjump.config.models import Server
    from backupjump.operations.enroll.invitation import Invitation
    from backupjump.operations.enroll.reply import Reply


def server_config_path(explicit: Path | None) -> Path:
    """Return the config of this Server, also where one is to be written: --config, $BACKUPJUMP_CONFIG, what is found,
    else /etc/backupjump for root and ~/.config/backupjump for others.
    """
    named = explicit or (Path(value) if (value := os.environ.get("BACKUPJUMP_CONFIG")) else None)
    if named is not None:
        return named.absolute()
    try:
        return find_config(None).absolute()
    except ConfigError:
        folder = Path("/etc") if os.geteuid() == 0 else Path(os.path.expanduser("~/.config"))  # noqa: PTH111
        return folder / "backupjump/backupjump.yaml"


def server_text(store: Path) -> str:
    """Return backupjump.yaml of a Server that has nothing yet."""
    return f"""\
# backupjump on the Server, written by `backupjump enroll new`; yours to edit. Every key: backupjump config schema
# Each JumpNode has a file in jump_nodes/, each Desktop one in desktops/, each job one in jobs/.
store:
  path: {_quoted(store)}                       # an existing folder; then once: backupjump store init
"""


def jump_node_text(*, host: str, port: int, user: str, identity_file: Path, host_key: str) -> str:
    """Return jump_nodes/NAME.yaml."""
    return f"""\
# A JumpNode, written by `backupjump enroll new`; yours to edit. The file's stem is its name.
host: {_quoted(host)}
port: {port}
user: {_quoted(user)}                                  # this Server's account there
identity_file: {_quoted(identity_file)}
host_key: {host_key}
"""


def desktop_text(invitation: Invitation, reply: Reply, *, jump_node: str | None, identity_file: Path) -> str:
    """Return desktops/NAME.yaml; without a JumpNode its tunnel ends on this Server."""
    keys = reply.host_keys
    expires = f"expires: {invitation.expires}\n" if invitation.expires else ""
    here = "tunnel_ends_here: true                        # the key of its tunnel is a key to this Server"
    ends = f"jump_node: {_quoted(jump_node)}" if jump_node else here
    return f"""\
# A Desktop, written by `backupjump enroll finish`; yours to edit. The file's stem is its name.
{ends}
route: {invitation.route}
port: {invitation.port}                                    # the tunnel's end on the JumpNode
user: {_quoted(reply.user)}
identity_file: {_quoted(identity_file)}
host_key: {_list(keys) if len(keys) > 1 else keys[0]}
tunnel_key: {reply.tunnel_key}
{expires}"""


def job_text(reply: Reply) -> str:
    """Return jobs/NAME.yaml: all that the Desktop allows, each night, with room for what its owner may want."""
    hooks = f"before: [{_quoted(reply.hooks[0])}]" if reply.hooks else "before: [NAME]"
    offers = ", ".join(reply.hooks) or "none yet: gate.hooks in its config"
    return f"""\
# A job, written by `backupjump enroll finish`; yours to edit. The file's stem is its name.
desktop: {_quoted(reply.desktop)}
sources: {_list(reply.read)}
# rsync patterns; one that starts with / is a full path there. The tunnel's private key stays where it lives.
exclude: ["*.tmp", ".config/backupjump/keys/"]
schedule: {{every: day, at: "02:30"}}             # when it is due: backupjump run --if-due
keep: {{last: 3, daily: 7, weekly: 4, monthly: 12}}   # what stays; without it everything
# hooks: {{{hooks}}}                  # what the Desktop offers: {offers}
"""


def write_and_load(config: Path, texts: Mapping[Path, str]) -> Server:
    """Write the new files `texts` and return the Server that the config then tells of; else none of them stays."""
    written: list[Path] = []
    try:
        for path, text in texts.items():
            write_new_file(path, text)
            written.append(path)
        return load_server(config)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def refuse_a_desktop(config: Path, *, is_desktop: bool) -> None:
    """Refuse a config that is a Desktop's; the Server needs another one."""
    if is_desktop:
        raise UsageError(
            f"{shown(str(config))} is a Desktop's config, and this is for the Server",
            hint="on a machine that is both, name a file for the Server: backupjump --config FILE enroll …",
        )


def _quoted(value: Path | str) -> str:
    # JSON is YAML; `${` would be taken for a variable.
    return json.dumps(str(value).replace("${", "$${"), ensure_ascii=False)


def _list(texts: Sequence[str]) -> str:
    return "[" + ", ".join(_quoted(text) for text in texts) + "]"
