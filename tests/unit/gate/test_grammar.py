import pytest

from backupjump.gate.done import PUBLISHED
from backupjump.gate.grammar import STATUSES, Done, Hook, Listing, Probe, Request, read_request
from backupjump.gate.refusal import Refused
from backupjump.run import Status


@pytest.mark.parametrize(
    ("command", "request_"),
    [
        (b"bj1 probe", Probe()),
        (b"bj1 hook dump-db", Hook("dump-db")),
        (b"bj1 done ok 20261122T023000Z-a1b2c3", Done("ok", "20261122T023000Z-a1b2c3")),
        (b"bj1 done not-due 1 more", Done("not-due", "1", more=True)),
        (b"bj1 list /", Listing("/")),
        (b"bj1 list -x /home/me/", Listing("/home/me/", one_file_system=True)),
        (rb"bj1 list /home/a\ b/ /home/a\ b/c/", Listing("/home/a b/", ("/home/a b/c/",))),
        (b"bj1 list / .cache/ /proc/ -x/ .../", Listing("/", (".cache/", "/proc/", "-x/", ".../"))),
    ],
)
def test_the_words_of_the_server(command: bytes, request_: Request) -> None:
    assert read_request(command) == request_


@pytest.mark.parametrize(
    "command",
    [
        b"bj1",
        b"bj1 ",
        b"bj2 probe",
        b"BJ1 probe",
        b" bj1 probe",
        b"bj1 probe ",
        b"bj1  probe",
        b"bj1 probe now",
        b"bj1 hook",
        b"bj1 hook ../../x",
        b"bj1 hook /bin/sh",
        b"bj1 hook -c",
        b"bj1 hook dump-db arg",
        b"bj1 hook dump-db;id",
        rb"bj1 hook dump\ db",
        b"bj1 hook " + b"x" * 64,
        b"bj1 done",
        b"bj1 done ok",
        b"bj1 done fine 1",
        b"bj1 done ok a/b",
        b"bj1 done ok 1 less",
        b"bj1 done ok 1 more more",
        b"bj1 done ok " + b"1" * 41,
        "bj1 done ok ١".encode(),
        b"bj1 list",
        b"bj1 list -x",
        b"bj1 list ",
        b"bj1 list home/",
        b"bj1 list /home",
        b"bj1 list //",
        b"bj1 list /home//me/",
        b"bj1 list /home/../etc/",
        b"bj1 list /home/./me/",
        b"bj1 list ~/",
        b"bj1 list -X /home/",
        b"bj1 list -x -x /home/",
        b"bj1 list /home/ -x",
        b"bj1 list /home/ cache",
        b"bj1 list /home/ /",
        b"bj1 list /home/ ../",
        b"bj1 list /home/ ./",
        b"bj1 list /home/ a/b/",
        b"bj1 list /home/ /home/",
        b"bj1 list /home/ /home2/",
        b"bj1 list /home/ /etc/",
        b"bj1 list /home/ /home/../etc/",
        b"bj1 list  /home/",
        b"bj1 list /home/ ",
        b"sh",
        b"/bin/sh -c id",
        b"scp -t /tmp",
        b"scp -f /etc/passwd",
        b"/usr/lib/openssh/sftp-server",
        b"internal-sftp",
        b"true",
    ],
)
def test_all_else_is_refused_and_not_repeated(command: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_request(command)

    assert refused.value.word == "not-understood"
    assert command.decode() not in str(refused.value)


def test_no_command_at_all_opens_no_shell() -> None:
    with pytest.raises(Refused, match="no-command"):
        read_request(b"")


def test_the_statuses_are_those_of_a_run() -> None:
    assert set(STATUSES) == {status.value for status in Status}
    assert set(PUBLISHED) == {status.value for status in Status if status.published}
