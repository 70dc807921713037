"""What a person reads, whatever a Desktop has put into it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.telling import Email, Happening
from backupjump.notify.email import mail_of
from backupjump.notify.happenings import Event, Standing
from backupjump.notify.message import MOST_LINES, Message, compose, one_line, trial

AT = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)
GOOD = datetime(2026, 11, 27, 2, 31, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
EMAIL = Email.model_validate({"host": "mail.example.org", "from": "b@example.org", "to": ["a@example.org", "root"]})


def event(kind: Happening = Happening.FAILED, **changes: object) -> Event:
    """Return something that happened to the job nightly, with some of it changed."""
    values = {
        "job": "nightly",
        "desktop": "laptop",
        "reason": "disk-full",
        "what": "the disk of /srv/backups is full",
        "help": "make room; see: backupjump prune nightly --dry-run",
        "last_good_at": GOOD,
        **changes,
    }
    repeat = bool(values.pop("repeat", False))
    return Event(kind=kind, standing=Standing(**values), since=AT, repeat=repeat)  # type: ignore[arg-type]


def composed(*events: Event, host: str = "srv1", notes: tuple[str, ...] = ()) -> Message:
    """Return the message of `events`, in the time of Paris."""
    return compose(events, host=host, notes=notes, zone=PARIS)


@pytest.mark.parametrize(
    ("told", "subject"),
    [
        (
            event(),
            "nightly: FAILED since 2026-11-28 03:30, last good backup 2026-11-27 03:31: the disk of /srv/backups is "
            "full; type: backupjump prune nightly --dry-run",
        ),
        (
            event(last_good_at=None, help="", repeat=True, what="no store"),
            "nightly: still FAILED since 2026-11-28 03:30, no good backup known: no store; "
            "type: backupjump history nightly",
        ),
        (
            event(Happening.SUSPECT, what="90 % of the files are gone"),
            "nightly: SUSPECT since 2026-11-28 03:30: 90 % of the files are gone; type: backupjump ack nightly",
        ),
        (
            event(Happening.STALE, what="no good backup for too long", help="then: backupjump run nightly"),
            "nightly: STALE since 2026-11-28 03:30, last good backup 2026-11-27 03:31: no good backup for too long; "
            "type: backupjump run nightly",
        ),
        (
            event(Happening.RECOVERED),
            "nightly: safe again, last backup 2026-11-27 03:31; it was not since 2026-11-28 03:30",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind.value,
)
def test_one_line_says_whether_all_is_safe_since_when_what_is_wrong_and_what_to_type(told: Event, subject: str) -> None:
    assert composed(told).subject == f"[backupjump srv1] {subject}"


def test_the_body_says_a_little_more_and_ends_with_what_else_is_wrong() -> None:
    body = composed(event(), notes=("Nobody was told by email to you since 2026-11-27 03:31: refused.",)).body

    assert body == (
        "nightly (desktop laptop): failed since 2026-11-28 03:30\n"
        "  last good backup: 2026-11-27 03:31\n"
        "  what is wrong: the disk of /srv/backups is full\n"
        "  what helps: make room; see: backupjump prune nightly --dry-run\n"
        "  type: backupjump prune nightly --dry-run\n"
        "\n"
        "Nobody was told by email to you since 2026-11-27 03:31: refused.\n"
        "Server: srv1\n"
    )


def test_many_jobs_are_counted_the_worst_first_and_fit_on_a_screen() -> None:
    events = [event(job=f"job{number:02}") for number in range(30)]
    message = composed(*events, event(Happening.SUSPECT, job="z"), event(Happening.RECOVERED, job="a"))

    assert message.subject.startswith("[backupjump srv1] jobs: 1 suspect, 30 failed, 1 recovered (z, job00, job01, ")
    assert message.subject.endswith("; type: backupjump status")
    assert message.kind is Happening.SUSPECT
    assert len(message.body.splitlines()) == MOST_LINES
    assert "\nand 15 more: backupjump status\n" in message.body
    assert len(message.json["jobs"]) == 32


HOSTILE = st.one_of(
    st.text(max_size=200),
    st.sampled_from(["a\r\nBcc: eve@example.org\r\n\r\nhello", "\x1b[2J\x1b]0;x\x07", "\u202egpj", "x" * 100_000]),
)


@given(HOSTILE, HOSTILE, HOSTILE, st.sampled_from(list(Happening)))
def test_whatever_a_desktop_says_is_bounded_and_no_line_of_the_head(
    what: str, help_: str, name: str, kind: Happening
) -> None:
    message = composed(event(kind, what=what, help=help_, desktop=name), host=name, notes=(what, help_))
    mail = mail_of(EMAIL, message)
    raw = bytes(mail)

    assert len(message.subject) <= 200
    assert message.subject.isprintable()
    assert len(message.body.splitlines()) <= MOST_LINES
    assert all(line.isprintable() and len(line) <= 350 for line in message.body.split("\n"))
    assert len(raw) < 40_000
    assert mail["Bcc"] is None
    assert sorted(mail.keys()) == sorted(
        ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type")
        + ("Content-Transfer-Encoding", "MIME-Version")
    )
    assert kind is Happening.RECOVERED or "; type: backupjump " in message.subject


def test_what_was_escaped_once_is_not_escaped_again() -> None:
    assert one_line(r"a\x1b b\\c") == r"a\x1b b\\c"
    assert one_line("a\x1bb\nc") == r"a\x1bb c"


def test_a_trial_says_that_nothing_has_happened() -> None:
    message = trial(host="srv\n1")

    assert message.subject == "[backupjump srv 1] a trial: this channel works"
    assert "Nothing has happened." in message.body
    assert message.json["event"] == "test"
