"""What a single value of a config may be: shared by the Server's models and the Desktop's dataclasses.

Each function takes what YAML gave, returns the value to use, or raises ValueError with words that go on
from "<the key>: ". The Desktop runs this file: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import ipaddress
import os
import re
from datetime import date
from pathlib import Path, PurePosixPath

# One alphabet for all that ends up in an ssh_config, an argv or a folder's name. `%`, `$`, quotes and a
# leading dash have meant code in ssh before (CVE-2023-51385, CVE-2025-61984).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_KEY_TYPES = "ssh-ed25519|ecdsa-sha2-nistp256|ecdsa-sha2-nistp384|ecdsa-sha2-nistp521|ssh-rsa"
_HOST_KEY = re.compile(rf"({_KEY_TYPES}) [A-Za-z0-9+/]{{40,}}={{0,2}}( [\w.@:+-]*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%", re.ASCII)


def read_text(value: object) -> str:
    """Accept text that is not empty."""
    if not isinstance(value, str):
        raise ValueError("must be text" + ("; put it in quotes" if isinstance(value, (int, float)) else ""))
    if not value:
        raise ValueError("is empty")
    return value


def read_argument(value: object) -> str:
    """Accept one word of an argv, an empty one too."""
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("must be text without a NUL; numbers go in quotes")
    return value


def read_flag(value: object) -> bool:
    """Accept true or false, not yes, on or 1."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def read_number(value: object, *, low: int, high: int) -> int:
    """Accept a whole number from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("must be a whole number")
    if not low <= value <= high:
        raise ValueError(f"must be from {low} to {high}")
    return value


def read_port(value: object) -> int:
    """Accept a TCP port."""
    return read_number(value, low=1, high=65535)


def read_tunnel_port(value: object) -> int:
    """Accept a port that an account without privileges may listen on."""
    port = read_port(value)
    if port < 1024:
        raise ValueError("must be from 1024 to 65535: only root may listen below 1024 on the JumpNode")
    return port


def read_name(value: object) -> str:
    """Accept a name that is safe in a path, an argv and an ssh_config."""
    if not _NAME.fullmatch(text := read_text(value)):
        raise ValueError("may hold letters, digits and . _ - only, starts with a letter or digit, 63 at most")
    return text


def read_host(value: object) -> str:
    """Accept a DNS name or an IP address, nothing that ssh could read as an option or a token."""
    text = read_text(value)
    if _HOST.fullmatch(text):
        return text
    try:
        # ip_address takes any text behind the % of an IPv6 zone, and ssh expands % in many places.
        return str(ipaddress.ip_address(text if "%" not in text else ""))
    except ValueError:
        raise ValueError("is not a host name or an IP address (no user, no port, no ssh tokens)") from None


def read_host_key(value: object) -> str:
    """Accept a public host key as a `.pub` file has it: the type, the key, perhaps a comment (dropped)."""
    return _read_key(value, "public host key", "copy the line of /etc/ssh/ssh_host_ed25519_key.pub over there")


def read_public_key(value: object) -> str:
    """Accept the public half of a key pair as its `.pub` file has it; the comment is dropped."""
    return _read_key(value, "public key", "copy the line of the .pub file beside the key")


def _read_key(value: object, what: str, advice: str) -> str:
    text = read_text(value).strip()
    if not _HOST_KEY.fullmatch(text):
        raise ValueError(f"is not a {what}; {advice}")
    kind, key = text.split()[:2]
    # ssh passes over such a line of known_hosts in silence, and then says that it knows no key at all.
    if not _is_whole_key(kind.encode(), key):
        raise ValueError(f"is a {what} with a part missing or altered; copy the whole line once more")
    return f"{kind} {key}"


def _is_whole_key(kind: bytes, key: str) -> bool:
    """Whether `key` is a chain of strings, each behind its length, the first of them `kind`.  Source: RFC 4253, 6.6."""
    try:
        blob = base64.b64decode(key, validate=True)
    except binascii.Error:
        return False
    parts, start = [], 0
    while start < len(blob):
        end = start + 4 + int.from_bytes(blob[start : start + 4], "big")
        parts.append(blob[start + 4 : end])
        start = end
    return start == len(blob) and parts[0] == kind and len(parts) > 1


def read_host_keys(value: object) -> tuple[str, ...]:
    """Accept one public host key or a list of them (current and spare)."""
    keys = value if isinstance(value, list) else [value]
    if not keys:
        raise ValueError("needs at least one entry")
    return tuple(read_host_key(key) for key in keys)


def read_folder(value: object) -> Path:
    """Read an absolute folder of this machine, `~` expanded."""
    # os.path.expanduser leaves an unknown ~name as it is, where Path.expanduser raises RuntimeError.
    text = os.path.expanduser(value) if isinstance(value, (str, Path)) else ""  # noqa: PTH111
    if not text.startswith("/"):
        raise ValueError("must be an absolute path, or start with ~/")
    if _CONTROL.search(text):
        raise ValueError("may not hold control characters")
    return Path(text)


def read_key_path(value: object) -> Path:
    """Read a path to a key, `~` expanded; refuses what ssh_config can't carry in quotes."""
    path = read_folder(value)
    if re.search(r'["$\\]', str(path)):
        raise ValueError("may not hold a quote, $ or \\: ssh_config has no way to write those")
    return path


def read_source(value: object) -> str:
    """Accept an absolute, normal path on the Desktop and return it without a trailing slash."""
    text = read_text(value)
    path = PurePosixPath(text)
    if not text.startswith("/") or text.startswith("//"):
        raise ValueError("must be an absolute path on the Desktop, such as /home/me")
    if ".." in path.parts:
        raise ValueError("may not contain ..")
    if _CONTROL.search(text):
        raise ValueError("may not hold control characters; name the folder above it")
    if "`" in text:
        # rsync 3.2.7 escapes every other character for the Desktop's shell, but not this one (measured).
        raise ValueError("may not hold a backtick, which rsync lets the Desktop's shell run; name the folder above it")
    if path.parts[1:2] in (("proc",), ("sys",)):
        raise ValueError("/proc and /sys are not files to back up")
    return str(path)


def read_sources_apart(sources: tuple[str, ...]) -> tuple[str, ...]:
    """Accept sources of which none is inside another: each file must have one place in a snapshot."""
    for number, inner in enumerate(sources):
        for other, outer in enumerate(sources):
            if number < other and inner == outer:
                raise ValueError(f"source {inner!r} is there twice")
            if number != other and PurePosixPath(outer) in PurePosixPath(inner).parents:
                raise ValueError(f"source {inner!r} is inside {outer!r}: name one of them")
    return sources


def read_date(value: object) -> date:
    """Read a day such as `2027-12-31`."""
    if isinstance(value, date):
        return value
    # The pattern first: from Python 3.11 on, fromisoformat takes 20271231 and 2027-W52-5 as well.
    if isinstance(value, str) and re.fullmatch(r"20\d\d-\d\d-\d\d", value, re.ASCII):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError("is not a day of this century; write it as 2027-12-31")


def read_share(value: object) -> float:
    """Read `25%` as 0.25; from 0% to 100%."""
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise ValueError("is not a share; write a percentage from 0% to 100%, such as 25%")
    return float(match[1]) / 100


def write_share(value: float) -> str:
    """Write 0.25 as `25%`."""
    return f"{value * 100:.12f}".rstrip("0").rstrip(".") + "%"
