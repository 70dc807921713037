"""Tell by a service that the library apprise knows: its only home."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from backupjump.config.telling import Happening
from backupjump.errors import BackupjumpError
from backupjump.escape import shown
from backupjump.notify.secret import read_secret

if TYPE_CHECKING:
    from backupjump.config.telling import Apprise
    from backupjump.notify.message import Message

_KINDS = {Happening.RECOVERED: "success", None: "info"}


def send(service: Apprise, message: Message) -> None:
    """Send `message`; raise when the service did not take it. The URL, which is a secret, is in no message."""
    url = read_secret(service.url_file)
    try:
        import apprise  # an extra, and heavy
    except ImportError as error:
        raise BackupjumpError("apprise is not installed; type: pip install 'backupjump[notify]'") from error
    teller = apprise.Apprise()
    if not teller.add(url):
        raise BackupjumpError(f"apprise does not understand the URL in {shown(str(service.url_file))}")
    kind = apprise.NotifyType(_KINDS.get(message.kind, "failure"))
    text = apprise.NotifyFormat.TEXT
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        took_it = teller.notify(title=message.subject, body=message.body, notify_type=kind, body_format=text)
        why = said.getvalue().strip().replace(url, "(its URL)")
    if not took_it:
        raise BackupjumpError(f"the service did not take it: {shown(' '.join(why.split()), limit=200) or 'no reason'}")
