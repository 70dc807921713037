"""Lines of authorized_keys as sshd reads them, and what is amiss with those of the Server's data key. Pure; Python 3.9.

Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Union

from backupjump.operations.enroll.authorized_keys import DATA, Mark, mark_of

IPNetwork = Union[IPv4Network, IPv6Network]  # noqa: UP007 (evaluated, and the floor is 3.9)

# RFC 1918, 3927, 4193, 4291, 6598.
_LANS = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"),
    )
)

_KEY = re.compile(r"((?:ssh|ecdsa|sk)-[a-z0-9@.-]+)\s+([A-Za-z0-9+/]+=*)(?:\s+(.*))?")
_OPTION = re.compile(r'([A-Za-z0-9-]+)(?:="((?:[^"\\]|\\.)*)")?')
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_GATE = re.compile(r"(?:^|/)backupjump-gate$|^backupjump\.gate$|^gate$")
# No `;`, `$`, `~`, `#`: a command that the login shell would make something else of is no gate.
_PLAIN = re.compile(r"""[A-Za-z0-9/_.,:@+=' "-]*""")
# What `restrict` takes away and a later word of the same line gives back.
_GIVEN_BACK = frozenset({"pty", "port-forwarding", "agent-forwarding", "x11-forwarding", "user-rc"})
_SED_SPECIAL = re.compile(r"[\\&|]")


@dataclass(frozen=True)
class KeyLine:
    """One line that admits a key: its type and blob, and `options` by name in lower case (a flag's value is empty)."""

    number: int
    options: tuple[tuple[str, str], ...]
    kind: str
    blob: str
    comment: str

    def option(self, name: str) -> str | None:
        """Return the value of an option, the first one as sshd takes it; None if it is not there."""
        return next((value for key, value in self.options if key == name), None)

    @property
    def gate_argv(self) -> tuple[str, ...]:
        """The words of its forced command if that is the gate, else nothing."""
        command = self.option("command") or ""
        try:
            words = tuple(shlex.split(command)) if _PLAIN.fullmatch(command) else ()
        except ValueError:
            return ()
        return words if any(_GATE.search(word) for word in words) and "--config" in words else ()

    @property
    def ends_on(self) -> date | None:
        """The day of its expiry-time; None where it has none, or one that is no day."""
        try:
            return datetime.strptime((self.option("expiry-time") or "")[:8], "%Y%m%d").date()  # noqa: DTZ007 (a day)
        except ValueError:
            return None

    @property
    def desktop(self) -> str:
        """The name that the Server has for this Desktop, as enrolment noted it; `DESKTOP` where nobody has."""
        mark = self._mark
        return mark.name if mark is not None else "DESKTOP"

    @property
    def is_marked(self) -> bool:
        """Whether enrolment wrote it for the Server's data key."""
        mark = self._mark
        return mark is not None and mark.kind == DATA

    @property
    def _mark(self) -> Mark | None:
        return mark_of(f"{self.public_key} {self.comment}".encode())

    @property
    def public_key(self) -> str:
        """The key as a `.pub` file has it."""
        return f"{self.kind} {self.blob}"


def read_lines(content: bytes) -> tuple[KeyLine, ...]:
    """Return the lines that admit somebody; what sshd would pass over is not among them."""
    lines = enumerate(content.split(b"\n"), start=1)
    found = (_read(number, line.decode("utf-8", "replace").strip()) for number, line in lines)
    return tuple(line for line in found if line is not None)


def data_lines(lines: Iterable[KeyLine]) -> tuple[KeyLine, ...]:
    """Return the lines of the Server's data key: those with our mark or with the gate, and others of the same key."""
    lines = tuple(lines)
    blobs = {line.blob for line in lines if line.is_marked or line.gate_argv}
    return tuple(line for line in lines if line.blob in blobs)


def too_much(line: KeyLine, *, today: date) -> tuple[str, ...]:
    """Return what a data line gives away, in words; nothing if it is as enrolment writes it."""
    given = sorted(name for name, _value in line.options if name in _GIVEN_BACK)
    return (
        *([] if line.gate_argv else ["no forced command that is the gate and nothing else: this key opens a shell"]),
        *([] if line.option("restrict") is not None else ["`restrict` is missing: it may forward ports and agents"]),
        *([f"it gives back {', '.join(given)}"] if given else []),
        *(
            []
            if _only_loopback(line) or lan_sources(line)
            else ["`from` is missing or wider than loopback: it is good from the network too"]
        ),
        *(["sshd takes it no more: its expiry-time is over"] if is_over(line, today=today) else []),
    )


def is_over(line: KeyLine, *, today: date) -> bool:
    """Whether its expiry-time (YYYYMMDD…) is over, as far as the day tells."""
    until = line.option("expiry-time")
    return until is not None and until[:8] <= today.strftime("%Y%m%d")


def right_options(line: KeyLine, *, gate_argv: Sequence[str], sources: Sequence[str] = ()) -> str:
    """Return the options that the line should have; its expiry-time stays. `sources` may come past the tunnel."""
    until = line.option("expiry-time")
    kept = f',expiry-time="{until}"' if until else ""
    allowed = f'from="{",".join(("127.0.0.1", "::1", *sources))}"'
    return f'restrict,{allowed},command="{" ".join(gate_argv)}"{kept}'


def mend_line(line: KeyLine, options: str, *, file: str) -> str:
    """Return a command that gives every line of this key these `options` in `file`, key and comment as they were."""
    return mend_key(line.public_key, options, file=shlex.quote(file))


def mend_key(public_key: str, options: str, *, file: str) -> str:
    """Return a command that gives every line of `public_key` these `options` in `file`, a word for a shell."""
    kind, blob = public_key.split()[:2]
    script = f"/^[[:space:]]*#/!s|^.*\\({kind} {blob}\\)|{_SED_SPECIAL.sub(_escaped, options)} \\1|"
    return f"sed -i {shlex.quote(script)} {file}"


def append_line(line: str, *, file: str) -> str:
    """Return a command that adds `line` to `file`, a word for a shell; never to a last line that has no end."""
    ended = f"if tail -c1 {file} 2>/dev/null | grep -q .; then echo; fi"
    return f"{{ {ended}; echo {shlex.quote(line)}; }} >> {file}"


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]


def _read(number: int, text: str) -> KeyLine | None:
    options: list[tuple[str, str]] = []
    rest = text
    if not _KEY.fullmatch(text):
        while found := _OPTION.match(rest):
            options.append((found[1].lower(), (found[2] or "").replace('\\"', '"')))
            rest = rest[found.end() :]
            if not rest.startswith(","):
                break
            rest = rest[1:]
    key = _KEY.fullmatch(rest.strip())
    return KeyLine(number, tuple(options), key[1], key[2], key[3] or "") if key else None


def lan_sources(line: KeyLine) -> tuple[str, ...]:
    """Return the addresses and networks beside loopback from which a line lets its key in, for route direct.

    Empty if there are none, or one that is neither an address nor inside a private network: no such way needs that.
    """
    allowed = line.option("from")
    others = [each for each in (allowed or "").split(",") if each not in _LOOPBACK]
    return tuple(others) if all(map(_is_narrow, others)) else ()


def _is_narrow(source: str) -> bool:
    with suppress(ValueError):
        found = ip_network(source, strict=False)
        # is_private of 0.0.0.0/0 is True in older Pythons: both its ends are.
        return found.num_addresses == 1 or any(_lies_in(found, lan) for lan in _LANS)
    return False


def _lies_in(one: IPNetwork, other: IPNetwork) -> bool:
    return one.version == other.version and one.prefixlen >= other.prefixlen and one[0] in other


def _only_loopback(line: KeyLine) -> bool:
    allowed = line.option("from")
    return allowed is not None and _LOOPBACK.issuperset(allowed.split(","))
