"""Who is told, for real: a mail server, a web server and one that never answers, on loopback."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "backups", "a secret of many words"


@dataclass
class Mailbox:
    """A mail server and what it has taken."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def subjects(self) -> list[str]:
        """The subjects, without the name of this machine."""
        return [str(mail["Subject"]).partition("] ")[2] for mail in self.mails]

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        """Take a mail."""
        self.raw.append(envelope.content)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return "250 taken"


@contextmanager
def mail_server(*, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Mailbox]:
    """Give a mail server; with `tls` it takes mail only after STARTTLS and a login."""
    box = Mailbox(port=port or free_port())
    login = {"auth_required": True, "require_starttls": True, "authenticator": _let_in} if tls is not None else {}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, tls_context=tls, **login)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def _let_in(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@dataclass
class Website:
    """A web server, what it has been sent, and what it says to it: statuses in turn, then 200."""

    port: int = 0
    requests: list[tuple[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    redirect: str = ""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order, without what stands behind the `?`."""
        return [path.partition("?")[0] for path, _body in self.requests]


@contextmanager
def web_server() -> Iterator[Website]:
    """Give a web server."""
    site = Website()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            site.requests.append((self.path, body))
            self.send_response(site.answers.pop(0) if site.answers else 200)
            if site.redirect:
                self.send_header("Location", site.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 (where a redirect leads)

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mute_server() -> Iterator[int]:
    """Give the port of a server that lets everybody in and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield listening.getsockname()[1]


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def own_ca(folder: Path, name: str = "127.0.0.1") -> tuple[Path, ssl.SSLContext]:
    """Return the certificate of a CA of our own, and what a server named `name` shows that it has signed."""
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA of the test")])
    ca = _certificate(ca_name, ca_name, ca_key, ca_key, x509.BasicConstraints(ca=True, path_length=None))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    shown = _certificate(subject, ca_name, server_key, ca_key, x509.SubjectAlternativeName([_general(name)]))
    pem = serialization.Encoding.PEM
    key = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(key + shown.public_bytes(pem))
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return folder / "ca.pem", context


def _general(name: str) -> x509.GeneralName:
    return x509.IPAddress(IPv4Address(name)) if name[0].isdigit() else x509.DNSName(name)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: Any, signed_by: Any, extension: x509.ExtensionType
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(extension, critical=False)
        .sign(signed_by, hashes.SHA256())
    )
