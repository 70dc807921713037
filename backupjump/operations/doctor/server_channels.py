"""doctor on the Server: whether what is to be told gets through, as far as that is known without sending anything."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from backupjump.errors import ConfigError
from backupjump.notify.channels import labelled
from backupjump.notify.secret import read_secret
from backupjump.operations.doctor.finding import FAIL, OK, WARN, Finding
from backupjump.operations.doctor.server_words import command_in, evidence_of
from backupjump.operations.telling.look import unreached_channels
from backupjump.run import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backupjump.config.models import Server
    from backupjump.config.telling import Channel
    from backupjump.notify.memory import Unreached


def look_at_channels(server: Server, state: Path) -> Iterator[Finding]:
    """Yield a finding for each channel of `notify`."""
    unreached = unreached_channels(server, state)
    for label, channel in labelled(server.notify).items():
        yield channel_finding(label, channel, unreached.get(label))


def channel_finding(label: str, channel: Channel, unreached: Unreached | None) -> Finding:
    """Return what can be said of a channel that did not take its last message, or did."""
    check = "notify.channel"
    try:
        for path in _secrets(channel):
            read_secret(path)
    except ConfigError as error:
        return Finding(check, FAIL, f"{label}: {evidence_of(error)}", command_in(str(error)))
    if unreached is not None:
        test = f"backupjump notify test --channel {shlex.quote(label)}"
        return Finding(check, WARN, f"{label}: took no message since {rfc3339(unreached.since)}: {unreached.why}", test)
    return Finding(check, OK, f"{label}: nothing has failed to get through")


def _secrets(channel: Channel) -> Iterator[Path]:
    if channel.email is not None and channel.email.password_file is not None:
        yield channel.email.password_file
    if channel.apprise is not None:
        yield channel.apprise.url_file
