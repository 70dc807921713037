"""What comes after an enrolment, on real machines: new keys while the old ones go on, and keys taken back for good."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.attacker import listening
from lab.enrolling import FINISH, QUESTION, Enrolled, Transcript, accepting, block, enrol, finish
from lab.machines import JUMP_NAME, machines
from program import until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root, pytest.mark.long]

JUMP_KEYS, DESKTOP_KEYS = "/home/tunnel/.ssh/authorized_keys", "/home/me/.ssh/authorized_keys"


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enrolled]:
    with machines(tmp_path_factory.mktemp("later")) as three:
        yield enrol(three)


def ids(text: str) -> list[str]:
    return re.findall(r"backupjump:(?:data|tunnel):laptop:(\w{8})$", text, re.MULTILINE)


def test_new_keys_take_the_place_of_the_old_ones_once_they_are_proven(place: Enrolled) -> None:
    desktop, jump, server = place.three
    (old,) = ids(desktop.file(DESKTOP_KEYS).read_text())
    said = Transcript()

    invitation = block("INVITATION", said.typed(server, "backup", "backupjump enroll rotate laptop").out)
    with accepting(said, desktop, invitation) as (accept, reply):
        assert server.run("backupjump run laptop", user="backup").code == 75, "no tunnel is open, so it is away"
        finish(said, server, FINISH, reply)
        accept.end()

    (new,) = ids(jump.file(JUMP_KEYS).read_text())
    assert new != old
    assert new in ids(desktop.file(DESKTOP_KEYS).read_text())
    with desktop.running("backupjump tunnel open", user="me"):
        until(lambda: "127.0.0.1:2020" in listening(jump))
        assert server.run("backupjump run laptop", user="backup").code == 0
        assert server.run("backupjump doctor", user="backup").code == 0
    assert ids(desktop.file(DESKTOP_KEYS).read_text()) == [new]
    assert "/home/me/.local/share/backupjump/" in desktop.file(DESKTOP_KEYS).read_text()


def test_a_jump_node_that_is_installed_anew_is_pinned_and_set_up_again(place: Enrolled) -> None:
    desktop, jump, server = place.three
    jump.must("userdel -r tunnel; userdel -r bjserver; rm /etc/ssh/sshd_config.d/backupjump.conf /etc/ssh/ssh_host_*")
    jump.must("ssh-keygen -A")
    jump.stop_sshd()
    jump.start_sshd()
    said = Transcript()

    with said.at_terminal(server, "backup", "backupjump enroll repin jumpnode") as repin:
        repin.expect(QUESTION)
        repin.type("yes\n")
        assert repin.end().code == 0, repin.text
    with said.at_terminal(jump, "root", "bash --norc") as root:
        script = re.search(r"^sh <<'(\w+)'\n.*?\n\1$", repin.text, re.MULTILINE | re.DOTALL)
        assert script is not None
        said.paste(root, script[0])
        root.expect("^sshd: reloaded$")
    with said.at_terminal(desktop, "me", "backupjump enroll repin") as repin:
        repin.expect(QUESTION)
        repin.type("yes\n")
        assert repin.end().code == 0, repin.text

    assert (said.commands, said.pastes) == (3, 1)
    with desktop.running("backupjump tunnel open", user="me"):
        until(lambda: "127.0.0.1:2020" in listening(jump))
        assert server.run("backupjump run laptop", user="backup").code == 0
        assert server.run("backupjump doctor", user="backup").code == 0


def test_root_enrols_root_to_back_up_a_whole_machine(tmp_path: Path) -> None:
    with machines(tmp_path) as three:
        enrolled = enrol(three, by="root", me="root")
        doctors = [machine.run("backupjump doctor --json") for machine in (three.desktop, three.server)]

    assert "published" in enrolled.said.lines[-1]
    assert [doctor.code for doctor in doctors] == [0, 0]
    amber = {finding["check"] for doctor in doctors for finding in doctor.json if finding["verdict"] == "warn"}
    assert amber == {"sshd.password", "store.marker", "tunnel.open"}


def test_a_stolen_laptop_is_shut_out_at_once_and_its_snapshots_stay(place: Enrolled) -> None:
    desktop, jump, server = place.three

    with desktop.running("backupjump tunnel open", user="me"):
        until(lambda: "127.0.0.1:2020" in listening(jump))
        revoked = server.run(f"backupjump enroll revoke laptop --yes --apply root@{JUMP_NAME}", user="backup")
        until(lambda: "127.0.0.1:2020" not in listening(jump), what="the end of the tunnel")
    again = desktop.run("backupjump tunnel open", user="me")

    assert revoked.code == 0, revoked
    assert again.code == 1
    assert ids(jump.file(JUMP_KEYS).read_text()) == []
    assert server.run("backupjump run laptop", user="backup").code != 0
    assert server.run("backupjump restore laptop --to /tmp/back", user="backup").code == 0
