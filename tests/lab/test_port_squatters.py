"""Somebody on the JumpNode listens where the Desktop's tunnel should end: the Server sees it, and gives him nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.admitted import LAPTOP_PORT, Admitted, admitted
from lab.attacker import listening
from lab.machines import RELOAD_SSHD, Machine
from program import Said, until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

# An sshd that lets everybody in who holds the data key, and writes down that he came.
_IMPOSTOR = """ListenAddress {address}
HostKey /tmp/impostor/key
PidFile none
UsePAM no
StrictModes no
AuthorizedKeysFile /tmp/impostor/authorized_keys
ForceCommand touch /tmp/impostor/somebody-came
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admitted]:
    with admitted(tmp_path_factory.mktemp("squatters")) as running:
        running.three.jump.must("useradd --create-home --password '*' me")
        yield running


@contextmanager
def impostor(place: Admitted, address: str) -> Iterator[None]:
    """Have an sshd of somebody else's listen on `address` of the JumpNode, with an account `me`."""
    jump = place.three.jump
    jump.must("cd /tmp && rm -rf impostor && mkdir -m 777 impostor && ssh-keygen -q -t ed25519 -N '' -f impostor/key")
    jump.file("/tmp/impostor/config").write_text(_IMPOSTOR.format(address=address))
    data_key = place.three.server.must("cat .ssh/data.pub", user="backup")
    jump.file("/tmp/impostor/authorized_keys").write_text(data_key)
    with jump.running("exec /usr/sbin/sshd -D -f /tmp/impostor/config"):
        until(lambda: address in listening(jump), what="the impostor")
        yield


def run(server: Machine) -> Said:
    return server.run("backupjump run laptop --json", user="backup")


def snapshots(server: Machine) -> str:
    return server.must("ls /srv/backups/laptop/laptop/snapshots 2>/dev/null || true")


def test_an_impostor_on_the_port_is_told_by_his_host_key(place: Admitted) -> None:
    desktop, jump, server = place.three
    before = snapshots(server)

    with impostor(place, f"127.0.0.1:{LAPTOP_PORT}"):
        said = run(server)
        tunnel = desktop.run(
            f"timeout 20 ssh -F .ssh/as-laptop -N -o ExitOnForwardFailure=yes"
            f" -R 127.0.0.1:{LAPTOP_PORT}:localhost:22 there",
            user="me",
        )

    assert (said.code, said.json["error"]["code"]) == (1, "host-key")
    assert said.json["attempts"] == 0
    assert not jump.file("/tmp/impostor/somebody-came").exists()
    assert snapshots(server) == before
    assert "remote port forwarding failed" in tunnel.err


def test_whoever_pins_no_host_key_tells_an_impostor_his_secrets(place: Admitted) -> None:
    with impostor(place, f"127.0.0.1:{LAPTOP_PORT}"):
        said = place.data.prints("ssh {as} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null there bj1 probe")

        assert place.three.jump.file("/tmp/impostor/somebody-came").exists(), said


def test_an_impostor_on_the_other_loopback_address_is_not_asked(place: Admitted) -> None:
    _, jump, server = place.three
    before = snapshots(server)

    with impostor(place, f"[::1]:{LAPTOP_PORT}"), place.tunnel_open():
        said = run(server)

    assert said.code == 0, said
    assert not jump.file("/tmp/impostor/somebody-came").exists()
    assert snapshots(server) != before


@pytest.mark.long
def test_doctor_names_a_stranger_on_the_port_and_pins_nobody_unasked(place: Admitted) -> None:
    server = place.three.server
    config = server.file("/home/backup/.config/backupjump/backupjump.yaml")
    before = config.read_bytes()

    with impostor(place, f"127.0.0.1:{LAPTOP_PORT}"):
        doctor = server.run("backupjump doctor --json", user="backup")
        (finding,) = (finding for finding in doctor.json if finding["verdict"] == "fail")
        with server.terminal(finding["fix"], user="backup") as terminal:
            terminal.expect(r"\[y/N\] $")
            terminal.type("n\n")
            repin = terminal.end()

    assert (doctor.code, finding["check"]) == (1, "desktop.host-key")
    assert "a stranger on that port" in finding["evidence"]
    assert repin.code == 1
    assert "nothing was changed" in repin.out
    assert config.read_bytes() == before


@pytest.mark.long
def test_a_cut_line_frees_the_port_by_itself(place: Admitted) -> None:
    port = f"127.0.0.1:{LAPTOP_PORT}"

    with place.tunnel_open():
        place.three.cut()
        try:
            until(lambda: port not in listening(place.three.jump), seconds=20, what="the port's freedom")
        finally:
            place.three.mend()

    with place.tunnel_open():
        assert port in listening(place.three.jump)


def test_a_desktop_with_another_host_key_is_left_alone_and_asked_once(place: Admitted) -> None:
    desktop, _, server = place.three
    before = snapshots(server)
    desktop.must(f"rm /etc/ssh/ssh_host_* && ssh-keygen -A && : >/var/log/sshd.log && {RELOAD_SSHD}")
    until(lambda: "listening" in desktop.file("/var/log/sshd.log").read_text())

    with place.tunnel_open():
        said = run(server)

    log = desktop.file("/var/log/sshd.log").read_text()
    assert (said.code, said.json["error"]["code"]) == (1, "host-key")
    assert log.count("Connection") == 1
    assert snapshots(server) == before
