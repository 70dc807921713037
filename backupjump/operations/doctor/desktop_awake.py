"""What keeps this Desktop awake while it is pulled from, how it is fed, and when its keys end. Python 3.9."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from backupjump.gate.awake import INHIBITOR
from backupjump.gate.power import SUPPLIES, Power, read_power
from backupjump.operations.doctor.finding import OK, SKIP, WARN, Finding
from backupjump.operations.enroll.expiry import is_ending, renewal, when_it_ends
from backupjump.operations.enroll.polkit import NAME, RULES, rule_text

_BOOTED = Path("/run/systemd/system")


def check_awake(
    user: str, *, inhibitor: Path = INHIBITOR, booted: Path = _BOOTED, rules: Path = RULES
) -> Iterator[Finding]:
    """Look whether the gate may hold this machine awake, started as it is by a login that nobody sits at."""
    if not (inhibitor.exists() and booted.exists()):
        yield Finding("desktop.awake", SKIP, "no systemd here; should this machine fall asleep, the next run goes on")
        return
    if user == "root":
        yield Finding("desktop.awake", OK, "root may always hold this machine awake")
        return
    yield judge_rule(user, _there(rules / NAME), rules)


def judge_rule(user: str, there: bool | None, rules: Path) -> Finding:  # noqa: FBT001 (three answers: None is unknown)
    """Return what it means that polkit's rule is there, is not, or can't be looked for by this account."""
    if there:
        return Finding("desktop.awake", OK, f"{rules / NAME} lets the gate hold this machine awake during a pull")
    if there is None:
        return Finding("desktop.awake", SKIP, f"only root may look into {rules}; is {NAME} there?")
    why = "polkit does not let the gate hold this machine awake: it may fall asleep in the middle of a pull"
    text = " ".join(shlex.quote(line) for line in rule_text(user).splitlines())
    sudo = "" if os.geteuid() == 0 else "sudo "
    return Finding("desktop.awake", WARN, why, f"printf '%s\\n' {text} | {sudo}tee {rules / NAME} >/dev/null")


def check_power(supplies: Path = SUPPLIES) -> Finding:
    """Tell how the machine is fed."""
    return judge_power(read_power(supplies))


def judge_power(power: Power) -> Finding:
    """Return it in words; a battery is nothing to mend."""
    level = "" if power.percent is None else f", battery at {power.percent} %"
    return Finding("desktop.power", OK, f"{'on battery' if power.on_battery else 'plugged in'}{level}")


def check_expiry(expires: date | None, *, desktop: str, today: date) -> Finding:
    """Look when the keys of this Desktop end; `desktop` is the name that the Server has for it."""
    if expires is None:
        return Finding("desktop.expiry", OK, "its keys never end")
    told = f"its keys {when_it_ends(expires, today=today)}"
    if not is_ending(expires, today=today):
        return Finding("desktop.expiry", OK, told)
    return Finding("desktop.expiry", WARN, told, f"on the Server: {renewal(desktop)}")


def check_clock() -> Finding:
    """Say who compares the clock: there is nothing here to compare it with."""
    return Finding("desktop.clock", SKIP, "the Server compares it with its own")


def _there(rule: Path) -> bool | None:
    """Whether the rule is there; None where this account may not look: the folder is polkitd's own."""
    try:
        return rule.name in os.listdir(rule.parent)  # noqa: PTH208 (Path.iterdir is lazy about the error)
    except FileNotFoundError:
        return False
    except OSError:
        return None
