"""What `config check` tells of a Desktop's file. Python 3.9, the standard library and yaml."""

from __future__ import annotations

from backupjump.config.desktop import load_desktop
from backupjump.config.yaml_file import Document
from backupjump.escape import shown


def check_desktop(document: Document) -> list[str]:
    """Return the lines that tell a person that a Desktop's file is good; ConfigError tells all of its mistakes."""
    found = load_desktop(document.path, check_keys=True)
    parts = []
    if found.tunnel_or_none is not None:
        parts.append(f"a tunnel to {counted(len(found.tunnel.jump_nodes), 'JumpNode')}")
    if found.gate is not None:
        folders = counted(len(found.gate.read), "folder")
        parts.append(f"a gate with {folders} and {counted(len(found.gate.hooks), 'hook')}")
    return [f"{shown(str(document.path))}: good: {', '.join(parts)}"]


def counted(number: int, noun: str) -> str:
    """Write `1 job`, `2 jobs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
