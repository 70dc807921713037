"""What may stand below `notify`, `ping` and `metrics`."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.config.load import load_server
from backupjump.config.models import Server
from backupjump.config.show import server_as_yaml
from backupjump.config.telling import Happening
from backupjump.errors import ConfigError

EMAIL = "host: mail.example.org, from: b@example.org, to: a@example.org"


def loaded(folder: Path, lines: str) -> Server:
    """Return the Server of a file with these lines."""
    (folder / "backupjump.yaml").write_text(f"store: {{path: /srv/backups}}\n{lines}\n")
    return load_server(folder / "backupjump.yaml")


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        ("notify: [{on: [failed]}]", "notify[0]: needs exactly one of apprise, email and command"),
        (f"notify: [{{email: {{{EMAIL}}}, command: [x]}}]", "needs exactly one of apprise, email and command"),
        ("notify: [{command: [x], on: [faild]}]", "notify[0].on[0]: must be one of: 'failed', 'recovered',"),
        ("notify: [{command: [x], on: []}]", "notify[0].on: needs at least one entry"),
        ("notify: [{command: []}]", "notify[0].command: needs at least one entry"),
        ("notify: [{command: [x], digest: 8}]", "notify[0].digest: is not a clock time"),
        (f"notify: [{{email: {{{EMAIL}, user: me}}}}]", "`user` and `password_file` go together"),
        (
            f"notify: [{{email: {{{EMAIL}, security: none, user: me, password_file: /p}}}}]",
            "a password would travel in the clear",
        ),
        (f'notify: [{{email: {{{EMAIL}, password: "x"}}}}]', "password: unknown key, did you mean 'password_file'?"),
        ("notify: [{email: {host: h, to: a@b}}]", "the key 'from' is missing: the address that the mail comes from"),
        (r'notify: [{email: {host: h, from: "a@b\r\nBcc: c@d", to: a@b}}]', "email.from: is not a plain mail address"),
        ("notify: [{email: {host: h, from: a@b, to: 'A <a@b>'}}]", "email.to: is not a plain mail address"),
        ("notify: [{apprise: {url: ntfy://x}}]", "notify[0].apprise.url: unknown key; known here: url_file"),
        ("ping: {url: https://hc.example/KEY}", "ping: url needs {job} in it, one check a job"),
        ("ping: {url: 'ftp://hc.example/{job}'}", "ping.url: is not a web address; it starts with https://"),
        ("ping: {url: 'https://hc.example/{job}?x=1'}", "ping.url: may have no user, no ? and no #"),
        ("ping: {url: 'https://me:pw@hc.example/{job}'}", "ping.url: may have no user, no ? and no #"),
        ("metrics: {textfile: /var/lib/x.txt}", "metrics.textfile: must end in .prom"),
    ],
)
def test_a_mistake_is_told_at_its_place(tmp_path: Path, lines: str, mistake: str) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(tmp_path, lines)

    assert mistake in str(told.value)


def test_everything_can_be_said_and_is_shown_as_it_reads(tmp_path: Path) -> None:
    server = loaded(
        tmp_path,
        "\n".join([
            "notify:",
            f"  - email: {{{EMAIL}, user: me, password_file: /etc/p, ca_file: /etc/ca}}",
            "    on: [failed, stale]",
            '    digest: "08:00"',
            "    repeat: 3d",
            "  - apprise: {url_file: ~/ntfy}",
            "  - command: [/usr/local/bin/tell, now]",
            "ping: {url: 'https://hc.example/ping/KEY/{job}', start: false}",
            "metrics: {textfile: /var/lib/prometheus/node-exporter/backupjump.prom}",
        ]),
    )  # fmt: skip

    shown = server_as_yaml(server)

    (tmp_path / "backupjump.yaml").write_text(shown.partition("---\n")[0])
    assert load_server(tmp_path / "backupjump.yaml") == server
    mail, service, program = server.notify
    assert (mail.label, program.label) == ("email to a@example.org", "command /usr/local/bin/tell")
    assert service.label == f"apprise by {Path.home()}/ntfy"
    assert (mail.on, service.on) == ((Happening.FAILED, Happening.STALE), tuple(Happening))
    assert mail.email is not None
    assert (mail.email.sender, mail.email.port_used) == ("b@example.org", 587)
