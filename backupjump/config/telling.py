"""The nouns of being told: the channels of `notify`, the dead-man's switch of `ping`, the file of `metrics`.

A secret never stands in the config: a password and an apprise URL, which nearly always holds one, lie in a file of
their own. `${VAR}` would do too, and stop every backup on the day that cron's environment lacks it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from backupjump.config.checks import read_folder
from backupjump.config.fields import Argv, Clock, Flag, Host, Port, as_sequence
from backupjump.config.noun import Noun
from backupjump.config.units import Duration

# No display name, no comma, no line break: what stands here goes into the head of a mail and into SMTP's words.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}(@[A-Za-z0-9.:\[\]-]{1,253})?", re.ASCII)
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Happening(StrEnum):
    """What can be told of a job. The words are API.

    failed: a run failed, or damage was found. stale: no good snapshot for longer than `max_age`. suspect: a
    snapshot waits for `ack`. recovered: all is well again, of what was told before.
    """

    FAILED = "failed"
    RECOVERED = "recovered"
    STALE = "stale"
    SUSPECT = "suspect"


def _read_address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("is not a plain mail address such as me@example.org")
    return value


def _read_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("is not a web address; it starts with https://")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("may have no user, no ? and no #: /start, /fail and the like are put behind it")
    return value.rstrip("/")


def _read_textfile(path: Path) -> Path:
    if path.suffix != ".prom":
        raise ValueError("must end in .prom: node_exporter reads no other file")
    return path


Address = Annotated[str, AfterValidator(_read_address)]
Addresses = Annotated[
    tuple[Address, ...], BeforeValidator(as_sequence, json_schema_input_type=str | list[str]), Field(min_length=1)
]
Url = Annotated[str, AfterValidator(_read_url)]
File = Annotated[Path, BeforeValidator(read_folder, json_schema_input_type=str)]
TextFile = Annotated[File, AfterValidator(_read_textfile)]
Happenings = Annotated[tuple[Happening, ...], Field(min_length=1)]


class Email(Noun):
    """Mail by a plain SMTP server."""

    host: Host
    """The mail server's name, which its certificate must have."""
    port: Port | None = None
    """Its port; by default 587, 465 for security tls, 25 for none."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """starttls, tls, or none for a mail server on this machine."""
    sender: Address = Field(alias="from")
    """The address that the mail comes from."""
    to: Addresses
    """The address that it goes to, or a list."""
    user: str | None = None
    """The account on the mail server; without it nobody logs in."""
    password_file: File | None = None
    """A file of mode 0600 whose one line is its password."""
    ca_file: File | None = None
    """Certificates to trust instead of this machine's, for a mail server that signed its own."""

    @property
    def port_used(self) -> int:
        """The port, the default one if none is set."""
        return self.port or _PORTS[self.security]

    @model_validator(mode="after")
    def _password_travels_safely(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("`user` and `password_file` go together")
        if self.user is not None and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("a password would travel in the clear: take security: starttls or tls")
        return self


class Apprise(Noun):
    """Any of the services that the library apprise knows; installed by `pip install 'backupjump[notify]'`."""

    url_file: File
    """A file of mode 0600 whose one line is the service's apprise URL, such as ntfy://ntfy.sh/my-topic."""


class Channel(Noun):
    """One way to tell somebody, and what of. Exactly one of apprise, email and command."""

    on: Happenings = tuple(Happening)
    """What is told: failed, recovered, stale, suspect; by default all of it."""
    apprise: Apprise | None = None
    """By a service that apprise knows."""
    email: Email | None = None
    """By mail."""
    command: Argv | None = None
    """By a program of this Server, which gets what happened as JSON on stdin; a timer's unit shuts it in."""
    repeat: Duration = timedelta(days=7)
    """How long after the last message about a job that is still not well the next one comes."""
    digest: Clock | None = None
    """Tell once a day, at the first look after this clock time, of all that is not well or has come right."""

    @model_validator(mode="after")
    def _has_one_way(self) -> Self:
        if sum(way is not None for way in (self.apprise, self.email, self.command)) != 1:
            raise ValueError("needs exactly one of apprise, email and command")
        return self

    @property
    def label(self) -> str:
        """Return what a person knows it by; no secret."""
        if self.email is not None:
            return f"email to {', '.join(self.email.to)}"
        if self.apprise is not None:
            return f"apprise by {self.apprise.url_file}"
        assert self.command is not None
        return f"command {self.command[0]}"


class Ping(Noun):
    """A dead-man's switch that speaks the protocol of healthchecks.io: it alarms when no good run is told in time."""

    url: Url
    """The check's ping address; `{job}` in it stands for the job's name."""
    start: Flag = True
    """Tell the beginning too, once the Desktop has been reached: it measures runs, and notes one that hangs."""


def one_check_a_job(ping: Ping) -> Ping:
    """Refuse a Server's ping that all jobs would share: the one that still runs would hide the one that died."""
    if "{job}" not in ping.url:
        raise ValueError("url needs {job} in it, one check a job; or put `ping` into each job's file")
    return ping


class Metrics(Noun):
    """Numbers for Prometheus."""

    textfile: TextFile
    """The file that node_exporter's textfile collector reads; written after each run and by `serve`."""
