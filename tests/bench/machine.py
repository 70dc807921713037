"""On what a benchmark ran: the machine, and the version of each program."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

# What each prints its version by; ssh does it on stderr.
_ASK: Mapping[str, Sequence[str]] = {
    "rsync": ("rsync", "--version"),
    "OpenSSH": ("ssh", "-V"),
    "rsnapshot": ("rsnapshot", "version"),
    "borg": ("borg", "--version"),
    "restic": ("restic", "version"),
    "backupjump": ("git", "describe", "--always", "--dirty", "--tags"),
}
_CHECKOUT = Path(__file__).parents[2]


def this_machine() -> dict[str, str]:
    """Return what it is, in words."""
    cpu = [line.partition(": ")[2] for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    release = platform.freedesktop_os_release()
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "processors": f"{os.cpu_count()} × {cpu[0] if cpu else platform.machine()}",
        "memory": f"{memory[0] / 1024 / 1024:.0f} GiB" if memory else "",
        "system": f"{release.get('PRETTY_NAME', '')}, {platform.system()} {platform.release()}",
        "disk": f"images in files, below them {_filesystem()}",
        "Python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the first line that each program says of its version; those that are not there are left out."""
    return {name: said for name, words in _ASK.items() if (said := _said(words))}


def _said(words: Sequence[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=_CHECKOUT)
    except FileNotFoundError:
        return ""
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def _filesystem() -> str:
    return _said(("findmnt", "--noheadings", "--output", "FSTYPE", "--target", "/var/tmp"))


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines()
