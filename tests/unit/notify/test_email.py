"""Mail, through a real mail server: with STARTTLS and a login, and against whatever stands in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.config.telling import Email
from backupjump.errors import BackupjumpError
from backupjump.notify.email import send
from backupjump.notify.message import trial
from tell_world import PASSWORD, USER, free_port, mail_server, own_ca

TRIAL = trial(host="srv1")


def email(port: int, **more: object) -> Email:
    """Return the settings for a mail server on loopback."""
    plain = {"host": "127.0.0.1", "port": port, "from": "b@localhost", "to": ["me@localhost", "you@localhost"]}
    return Email.model_validate({**plain, **more})


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    path.chmod(0o600)
    return path


def test_a_mail_goes_out_over_starttls_after_a_login(tmp_path: Path, password_file: Path) -> None:
    ca, context = own_ca(tmp_path)
    with mail_server(tls=context) as box:
        send(email(box.port, user=USER, password_file=str(password_file), ca_file=str(ca)), TRIAL)

    assert box.subjects == ["a trial: this channel works"]
    assert "Nothing has happened." in box.mails[0].get_content()
    assert PASSWORD.encode() not in box.raw[0]


def test_a_certificate_that_nobody_we_trust_has_signed_gets_neither_password_nor_mail(
    tmp_path: Path, password_file: Path
) -> None:
    _ca, context = own_ca(tmp_path)
    with mail_server(tls=context) as box, pytest.raises(BackupjumpError, match="certificate verify failed"):
        send(email(box.port, user=USER, password_file=str(password_file)), TRIAL)

    assert box.mails == []


def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    ca, context = own_ca(tmp_path, name="mail.example.org")
    with mail_server(tls=context) as box, pytest.raises(BackupjumpError, match="certificate verify failed"):
        send(email(box.port, ca_file=str(ca)), TRIAL)


def test_a_server_without_starttls_gets_nothing(password_file: Path) -> None:
    with mail_server() as box, pytest.raises(BackupjumpError, match="STARTTLS"):
        send(email(box.port, user=USER, password_file=str(password_file)), TRIAL)

    assert box.mails == []


def test_a_wrong_password_is_told_without_it(tmp_path: Path, password_file: Path) -> None:
    ca, context = own_ca(tmp_path)
    password_file.write_text("mistyped\n")
    with mail_server(tls=context) as box, pytest.raises(BackupjumpError, match=r"127\.0\.0\.1: 535 ") as told:
        send(email(box.port, user=USER, password_file=str(password_file), ca_file=str(ca)), TRIAL)

    assert "mistyped" not in str(told.value)


def test_a_port_where_nobody_listens_is_named() -> None:
    port = free_port()

    with pytest.raises(BackupjumpError, match=f"127.0.0.1 port {port}: Connection refused"):
        send(email(port, security="none"), TRIAL)
