"""A config written back as YAML with every default filled in; what it writes, the loader reads as the same."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import yaml

from backupjump.config.checks import write_share
from backupjump.config.desktop import DesktopConfig, Tunnel
from backupjump.config.machines import KINDS
from backupjump.config.models import Job, Server
from backupjump.config.routes import WAY_KEYS
from backupjump.config.scalars import PATTERNS
from backupjump.config.times import read_every, write_duration, write_every


def server_as_yaml(server: Server, *, own_files: Collection[str] = ()) -> str:
    """Return the Server's file, then those of its machines and jobs, as one YAML stream; a comment names each file.

    `own_files` names the machines that have one, such as desktops/laptop.yaml; the others stand in the first.
    """
    top = _plain(server.model_dump(mode="json", by_alias=True, exclude={"jobs"}))
    apart = []
    for kind in KINDS:
        for name, below in list(top[kind].items()):
            del below["name"]
            if below.get("routes"):  # what a way says of itself has no default at the top then
                top[kind][name] = {key: value for key, value in below.items() if key not in WAY_KEYS}
            if (file := f"{kind}/{name}.yaml") in own_files:
                apart.append(f"# {file}\n{_as_yaml(top[kind].pop(name))}")
    parts = [f"# backupjump.yaml\n{_as_yaml(top)}", *apart]
    parts += [f"# jobs/{name}.yaml\n{_as_yaml(_job(job))}" for name, job in server.jobs.items()]
    return "---\n".join(parts)


def desktop_as_yaml(config: DesktopConfig) -> str:
    """Return a Desktop's file."""
    top: dict[str, Any] = {}
    if config.tunnel_or_none is not None:
        top["tunnel"] = _tunnel(config.tunnel_or_none)
    if config.gate is not None:
        hooks = {name: list(argv) for name, argv in config.gate.hooks.items()}
        top["gate"] = {"read": list(config.gate.read), "hooks": hooks}
        if config.gate.rsync is not None:
            top["gate"]["rsync"] = str(config.gate.rsync)
    if config.state_dir is not None:
        top["state_dir"] = str(config.state_dir)
    return f"# backupjump.yaml\n{_as_yaml(_plain(top))}"


def _job(job: Job) -> dict[str, Any]:
    value: dict[str, Any] = _plain(job.model_dump(mode="json", exclude={"name"}))
    if job.max_age is None and job.schedule is not None:
        value["max_age"] = write_duration(3 * read_every(job.schedule.every).longest)
    return value


def _tunnel(tunnel: Tunnel) -> dict[str, Any]:
    host = f"[{tunnel.to_host}]" if ":" in tunnel.to_host else tunnel.to_host
    windows = [
        {"every": write_every(window.every), "at": window.at, "for": write_duration(window.length)}
        for window in tunnel.windows
    ]
    return {
        "jump_node": [
            {
                "host": jump.host,
                "port": jump.port,
                "user": jump.user,
                "identity_file": str(jump.identity_file),
                "host_key": list(jump.host_keys),
                **({} if jump.tunnel_port == tunnel.port else {"tunnel_port": jump.tunnel_port}),
            }
            for jump in tunnel.jump_nodes
        ],
        "port": tunnel.port,
        "to": f"{host}:{tunnel.to_port}",
        "open": windows or tunnel.opens,
        "every": write_duration(tunnel.every),
        "max_age": write_duration(tunnel.max_age),
        "unless": {"battery_below": write_share(tunnel.unless.battery_below), "metered": tunnel.unless.metered},
        **({} if tunnel.expires is None else {"expires": tunnel.expires.isoformat()}),
    }


def _plain(value: Any) -> Any:
    """Return `value` with `${` written so that the loader does not look for a variable."""
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


class _Dumper(yaml.SafeDumper):
    """PyYAML's writer, that quotes what either YAML 1.1 or 1.2 would read as something else than text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


for _tag, _pattern in PATTERNS.items():
    # PyYAML asks for a match at the beginning only.
    _Dumper.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern.pattern})\Z"), None)


def _as_yaml(value: dict[str, Any]) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
