"""Let the gate keep this Desktop awake while a pull runs: logind asks polkit, and nobody sits at an ssh login.

Python 3.9.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backupjump.config.checks import read_name
from backupjump.gate.awake import INHIBITOR
from backupjump.operations.enroll.fresh_file import write_new_file

RULES = Path("/etc/polkit-1/rules.d")
NAME = "50-backupjump.rules"


@dataclass(frozen=True)
class AwakeRule:
    """The rule for one account: where its text is written, and the line that puts it where polkit reads it."""

    path: Path
    text: str
    to_type: str


def awake_rule(user: str, config_folder: Path, *, rules: Path = RULES, inhibitor: Path = INHIBITOR) -> AwakeRule | None:
    """Return the rule that `user` needs, None for root, who is always allowed, and where there is no logind to ask."""
    if user == "root" or not (inhibitor.exists() and rules.parent.exists()) or _is_seen(rules / NAME):
        return None
    path = config_folder / NAME
    install = f"sudo install -m 644 '{path}' {rules / NAME}"
    return None if path.exists() else AwakeRule(path, rule_text(user), install)


def _is_seen(path: Path) -> bool:
    # Debian lets only polkit look into the folder; what can't be seen is said once more.
    try:
        return path.exists()
    except PermissionError:
        return False


def rule_text(user: str) -> str:
    """Return the rule: this account alone, this one action.  Source: polkit(8), AUTHORIZATION RULES."""
    return f"""\
// Written by backupjump: its gate may keep this machine awake while a backup is being pulled.
polkit.addRule(function(action, subject) {{
    if (action.id == "org.freedesktop.login1.inhibit-block-sleep" && subject.user == "{read_name(user)}") {{
        return polkit.Result.YES;
    }}
}});
"""


def write_rule(rule: AwakeRule) -> None:
    """Write the rule beside the config; only root could put it where it counts."""
    write_new_file(rule.path, rule.text, mode=0o644)
