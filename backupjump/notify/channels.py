"""Send a message by channels, all at once: one that hangs holds up neither the others nor anybody for long."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from backupjump.notify.in_time import InTime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backupjump.config.telling import Channel
    from backupjump.notify.message import Message

SECONDS = 12.0


def labelled(channels: Sequence[Channel]) -> dict[str, Channel]:
    """Return the channels by their labels; a second one of the same label gets a number."""
    found: dict[str, Channel] = {}
    for channel in channels:
        same = sum(each.label == channel.label for each in found.values())
        found[f"{channel.label} ({same + 1})" if same else channel.label] = channel
    return found


def send_all(messages: Mapping[str, tuple[Channel, Message]]) -> dict[str, str]:
    """Send each message by its channel, and return of each by its label why it failed: nothing where it did not.

    It takes 12 seconds at the most, whatever hangs.
    """
    begun = {
        label: InTime(partial(_send, channel, message), name=f"tell {label}", seconds=SECONDS)
        for label, (channel, message) in messages.items()
    }
    return {label: sending.why_not() for label, sending in begun.items()}


def _send(channel: Channel, message: Message) -> None:
    """Send by one channel. What only some of them need is imported here: a good run tells nobody, and pays nothing."""
    if channel.email is not None:
        from backupjump.notify import email

        email.send(channel.email, message)
    elif channel.apprise is not None:
        from backupjump.notify import apprise

        apprise.send(channel.apprise, message)
    elif channel.command is not None:
        from backupjump.notify import command

        command.send(channel.command, message)
