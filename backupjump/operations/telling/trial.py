"""Send a trial message by each channel: whether it works is found out before it is needed."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from backupjump.errors import UsageError
from backupjump.escape import shown
from backupjump.notify.channels import labelled, send_all
from backupjump.notify.message import trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backupjump.config.telling import Channel
    from backupjump.operations.site import Site


def try_channels(site: Site, wanted: str | None) -> dict[str, str]:
    """Send a trial by each channel, or by the `wanted` ones; return by label why one failed, nothing where it did not.

    `wanted` is a number, counted from 1 as in the config, or a part of a label. UsageError where it fits none.
    """
    channels = chosen(labelled(site.server.notify), wanted)
    message = trial(host=socket.gethostname())
    return send_all({label: (channel, message) for label, channel in channels.items()})


def chosen(channels: Mapping[str, Channel], wanted: str | None) -> dict[str, Channel]:
    """Return the channels that are meant by `wanted`; all of them for None."""
    if not channels:
        raise UsageError("the config has no channel to tell anybody by", hint="add `notify:` to it; see README.md")
    found = {
        label: channel
        for number, (label, channel) in enumerate(channels.items(), start=1)
        if wanted is None or wanted == str(number) or (not wanted.isdigit() and wanted in label)
    }
    if not found:
        known = "; ".join(f"{number} {label}" for number, label in enumerate(channels, start=1))
        raise UsageError(f"there is no channel {shown(wanted or '')!r}", hint=f"there are: {known}")
    return found
