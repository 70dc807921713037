"""From three bare machines to the first snapshot, as typed; and that doing it again does no harm."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupjump.operations.enroll.jump_node import Accounts, set_up_script
from lab.enrolling import (
    FINISH,
    INSTALLED,
    NEW,
    Enrolled,
    Transcript,
    accepting,
    block,
    carry_bundle,
    enrol,
    finish,
    invite,
)
from lab.machines import Machines, machines

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

# What a person has there already: a comment, a key, rubbish, and no line end.
FOREIGN = b'# mine\n\nfrom="10.0.0.0/8" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZvcmVpZ24  me@old\nrubbish \xff'
# All that an enrolment writes; what ssh is told lies elsewhere, and is written for each login.
WRITTEN = (
    "/etc/ssh /etc/passwd /home/*/.ssh /home/*/.config /home/*/.local/share /home/backup/.local/state/*/enrolments"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enrolled]:
    with machines(tmp_path_factory.mktemp("enrolment")) as three:
        desktop = three.desktop
        desktop.must("mkdir -m 700 .ssh documents && cd documents && seq 1000 >long && ln -s long link", user="me")
        foreign = base64.b64encode(FOREIGN).decode()
        desktop.must("umask 077 && base64 -d >.ssh/authorized_keys", user="me", paste=foreign)
        yield enrol(three)


def written(three: Machines) -> dict[str, str]:
    """Return of every file of an enrolment its owner, mode, time of its last change, and hash."""
    look = f"find {WRITTEN} -type f -printf '%p %U %m %T@\\n' -exec sha256sum {{}} + 2>/dev/null | sort"
    return {machine.name: machine.run(look).out for machine in three}


def show(said: Transcript, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *said.lines, ""]))


def test_nine_commands_and_two_pastes_lead_from_bare_machines_to_a_snapshot(
    place: Enrolled, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    if pytestconfig.getoption("--all"):
        show(place.said, capsys)

    assert (place.said.commands, place.said.pastes) == (9, 2)
    assert "published" in place.said.lines[-1]
    assert "The Server is done: ok." in place.accept_screen


def test_both_ends_show_the_same_code(place: Enrolled) -> None:
    found = [re.findall(r"code(?: too)?: (\w{4} \w{4})", text) for text in (place.accept_screen, place.finish_screen)]

    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_what_comes_back_is_what_was_there(place: Enrolled) -> None:
    desktop, _, server = place.three
    look = "find documents -printf '%P %y %m %s %l\\n' | sort && cat documents/long"

    server.must("backupjump restore laptop /home/me/documents --to /tmp/back", user="backup")

    there = server.must(f"cd /tmp/back/home/me && {look}", user="backup")
    assert there == desktop.must(look, user="me")


def test_every_line_of_others_stays_byte_for_byte(place: Enrolled) -> None:
    file = place.three.desktop.file("/home/me/.ssh/authorized_keys")

    content = file.read_bytes()

    assert content.startswith(FOREIGN + b"\nrestrict,")
    assert content.count(b"\n") == FOREIGN.count(b"\n") + 2
    assert file.stat().st_mode & 0o777 == 0o600


def test_each_command_typed_again_changes_nothing(place: Enrolled) -> None:
    desktop, _, server = place.three
    before = written(place.three)

    again = [
        server.run(NEW, user="backup"),
        desktop.run("python3 backupjump-desktop.pyz enroll accept --yes --no-wait", user="me", paste=place.invitation),
        server.run(f"{FINISH} --yes --no-wait", user="backup", paste=place.reply),
        server.run("backupjump store init", user="backup"),
    ]

    assert written(place.three) == before
    assert [said.code for said in again] == [2, 0, 0, 1]
    assert "desktop laptop is in the config already" in again[0].err
    assert block("REPLY", again[1].out) == place.reply
    assert "nothing was changed there" in again[2].err
    assert "is a store already" in again[3].err


def test_an_sshd_config_that_sshd_does_not_take_is_taken_back(place: Enrolled) -> None:
    jump = place.three.jump
    before = written(place.three)
    script = set_up_script(Accounts(), [])
    assert script.count("MaxSessions 0") == 1

    said = jump.run("sh -s", paste=script.replace("MaxSessions 0", "MaxSessions none"))

    assert said.code == 1
    assert "it is as it was before" in said.err
    assert written(place.three) == before
    jump.must("sshd -t")


@pytest.mark.long  # ten seconds go by until the Desktop tries its tunnel again
def test_a_further_desktop_takes_three_commands(place: Enrolled) -> None:
    desktop, jump, server = place.three
    desktop.must("useradd --create-home --shell /bin/bash you && cp ~me/backupjump-desktop.pyz ~you")
    desktop.must("echo mine >notes", user="you")
    keys = jump.file("/home/tunnel/.ssh/authorized_keys")
    keys.write_bytes(before := FOREIGN + b"\n" + keys.read_bytes())
    limits = jump.file("/etc/ssh/sshd_config.d/backupjump.conf").stat()
    said = Transcript()

    invitation = block("INVITATION", said.typed(server, "backup", "backupjump enroll new second --read /home/you").out)
    with accepting(said, desktop, invitation, user="you") as (_, reply):
        finish(said, server, f"{FINISH} --run", reply)

    assert (said.commands, said.pastes) == (3, 2)
    assert server.file("/srv/backups/second/second/latest/tree/home/you/notes").read_text() == "mine\n"
    assert keys.read_bytes().startswith(before)
    assert limits == jump.file("/etc/ssh/sshd_config.d/backupjump.conf").stat()


def test_another_file_of_sshd_s_that_takes_the_limits_away_is_told(place: Enrolled) -> None:
    jump = place.three.jump
    other = jump.file("/etc/ssh/sshd_config.d/00-admin.conf")

    other.write_text("Match User tunnel\n  GatewayPorts yes\n")
    said = jump.must("sh -s", paste=set_up_script(Accounts(), []))
    other.unlink()

    assert "warning: for tunnel sshd does not say: gatewayports no; another file in /etc/ssh says otherwise" in said
    assert "warning" not in jump.must("sh -s", paste=set_up_script(Accounts(), []))


@pytest.mark.long
def test_without_apply_the_script_is_pasted_into_a_root_shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with machines(tmp_path) as three:
        desktop, jump, server = three
        said = Transcript(lines=[*INSTALLED], commands=len(INSTALLED))

        invitation = invite(said, server, NEW)
        carry_bundle(said, three)
        with accepting(said, desktop, invitation) as (accept, reply):
            with said.at_terminal(server, "backup", "backupjump enroll finish") as finishing:
                finishing.expect("Paste the reply")
                said.paste(finishing, reply)
                finishing.expect(r"\[y/N\] $")
                finishing.type("yes\n")
                script = finishing.expect(r"^sh <<'(\w+)'\n.*?\n\1\n", seconds=10)[0]
                with said.at_terminal(jump, "root", "bash --norc") as root:
                    said.paste(root, script)
                    root.expect("^sshd: reloaded$")
                assert finishing.end().code == 0
            assert said.typed(server, "backup", "backupjump store init").code == 0
            assert said.typed(server, "backup", "backupjump -v run laptop").code == 0
            assert accept.end().code == 0

        show(said, capsys)
        assert (said.commands, said.pastes) == (10, 3)
