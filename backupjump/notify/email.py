"""Tell by mail: the only home of smtplib."""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError
from backupjump.escape import shown
from backupjump.notify.secret import read_secret
from backupjump.run import utc_now

if TYPE_CHECKING:
    from backupjump.config.telling import Email
    from backupjump.notify.message import Message

_SECONDS = 10.0


def send(email: Email, message: Message) -> None:
    """Send `message`; raise when the mail server did not take it for all who are to get it."""
    password = read_secret(email.password_file) if email.password_file is not None else None
    try:
        with _connected(email) as server:
            if email.user is not None and password is not None:
                server.login(email.user, password)
            refused = server.send_message(mail_of(email, message))
    except smtplib.SMTPException as error:
        raise BackupjumpError(f"{email.host}: {_said(error)}") from error
    except OSError as error:
        raise BackupjumpError(f"{email.host} port {email.port_used}: {error.strerror or error}") from error
    if refused:
        raise BackupjumpError(f"{email.host} took it, but not for {', '.join(refused)}")


def mail_of(email: Email, message: Message) -> EmailMessage:
    """Return the mail; the head's lines are one line each, or EmailMessage refuses them."""
    mail = EmailMessage()
    mail["From"] = email.sender
    mail["To"] = ", ".join(email.to)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(utc_now())
    # Without a domain it would ask the name server for ours.
    mail["Message-ID"] = make_msgid(domain=email.sender.partition("@")[2] or "localhost")
    mail["Auto-Submitted"] = "auto-generated"  # so that no holiday note answers. Source: RFC 3834
    mail.set_content(message.body)
    return mail


def _connected(email: Email) -> smtplib.SMTP:
    """Return a connection that is as safe as `security` says; the server's certificate is checked, always."""
    where = (email.host, email.port_used)
    if email.security == "none":
        return smtplib.SMTP(*where, local_hostname=_our_name(), timeout=_SECONDS)
    trusted = ssl.create_default_context(cafile=email.ca_file)
    if email.security == "tls":
        return smtplib.SMTP_SSL(*where, local_hostname=_our_name(), timeout=_SECONDS, context=trusted)
    server = smtplib.SMTP(*where, local_hostname=_our_name(), timeout=_SECONDS)
    try:
        server.starttls(context=trusted)
    except BaseException:
        server.close()
        raise
    return server


def _our_name() -> str:
    """Return what we call ourselves in EHLO; smtplib would ask the name server, which may not answer."""
    name = socket.gethostname()
    return name if name.isascii() and "." in name else "[127.0.0.1]"


def _said(error: smtplib.SMTPException) -> str:
    """Return what a mail server said against it, on one line, safe to show."""
    code: int
    text: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        return shown(str(error), limit=200)
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return shown(f"{code} {' '.join(said.split())}", limit=200)
