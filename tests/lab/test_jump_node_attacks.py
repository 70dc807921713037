"""Stolen keys at the real sshd of a JumpNode, and of a Desktop. A key without limits shows that each try can work."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lab.admitted import LAPTOP_PORT, OTHER_PORT, THIRD_PORT, Admitted, admitted
from lab.attacker import SECRET_PORT, SECRET_SOCKET, secret_service
from lab.machines import DESKTOP_ADDRESS, JUMP_ADDRESS
from program import until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

HOLDERS = ("tunnel", "hop", "data")

# The line to type, and what is printed if it works; `{as}` is where ssh is told who logs in, to the Host `there`.
SESSIONS = {
    "a shell": ("sh -c \"echo 'echo \\$((6*7))' | ssh -T {as} there\"", r"^42$"),
    "a command": ("ssh {as} there 'echo $((6*7))'", r"^42$"),
    "a terminal": ("ssh {as} -tt there tty", r"^/dev/pts/"),
    "sftp": ("sh -c 'echo pwd | sftp {as} -b - there'", r"^Remote working directory"),
    "scp from there": ("scp {as} there:/etc/hostname /tmp/got && cat /tmp/got", r"^(jumpnode|desktop)$"),
    "scp to there": ("scp -O {as} /etc/hosts there:/tmp/put && ssh {as} there cat /tmp/put", r"localhost"),
    "the agent": ("ssh-agent ssh {as} -A there 'echo $SSH_AUTH_SOCK'", r"^/tmp/ssh-"),
    "X11": ("env DISPLAY=:9 ssh {as} -Y there 'echo $DISPLAY'", r"^localhost:"),
    "a locale": ("env LC_ALL=sto/len ssh {as} -o SendEnv=LC_ALL there 'echo $LC_ALL'", r"^sto/len$"),
}
# The short form tries all of them with the tunnel key, which is the one that is easiest to steal.
ESSENTIAL = ("a command", "a terminal", "sftp", "the agent")
BANNER, SECRET = "SSH-2.0", "SECRET."
# Where to from the attacked machine, and what answers there.
CONNECTIONS = {
    "127.0.0.1:22": BANNER,
    "localhost:22": BANNER,
    "[::1]:22": BANNER,
    f"{JUMP_ADDRESS}:22": BANNER,
    f"127.0.0.1:{SECRET_PORT}": SECRET,
    f"localhost:{SECRET_PORT}": SECRET,
    f"127.0.0.1:{LAPTOP_PORT}": BANNER,
    f"localhost:{LAPTOP_PORT}": BANNER,
    SECRET_SOCKET: SECRET,
}
# Of the connections above, those that the key is there for.
OWN_CONNECTIONS = {"hop": {f"127.0.0.1:{LAPTOP_PORT}": BANNER, f"localhost:{LAPTOP_PORT}": BANNER}}
WIDE = ("*", "0.0.0.0", JUMP_ADDRESS, "[::]", "[::1]")  # noqa: S104
LISTENERS = (
    *(f"{host}:{OTHER_PORT}" for host in WIDE),  # the tunnel key's own port, for others to reach
    f"127.0.0.1:{THIRD_PORT}",
    f"localhost:{THIRD_PORT}",
    "127.0.0.1:8022",
    "127.0.0.1:0",
    "*:0",
    "/tmp/asked.sock",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admitted]:
    with (
        admitted(tmp_path_factory.mktemp("attacks")) as running,
        secret_service(running.three.jump),
        secret_service(running.three.desktop),
        running.tunnel_open(),
    ):
        yield running


@pytest.mark.parametrize(
    ("holder", "what"),
    [
        pytest.param(holder, what, marks=() if holder == "tunnel" or what in ESSENTIAL else pytest.mark.long)
        for holder in HOLDERS
        for what in SESSIONS
    ],
)
def test_a_stolen_key_gets_no_session(place: Admitted, holder: str, what: str) -> None:
    line, success = SESSIONS[what]

    printed = getattr(place, holder).prints(line)

    assert re.search(success, printed, re.MULTILINE) is None, printed


def test_the_one_session_of_the_tunnel_key_says_no_to_whatever_is_asked_for(place: Admitted) -> None:
    command = place.tunnel.prints("ssh -T {as} there 'touch /tmp/ran'")
    terminal = place.tunnel.prints("ssh -tt {as} there 'touch /tmp/ran'")
    files = place.tunnel.prints("ssh -s {as} there sftp </dev/null")

    assert "This account is currently not available." in command
    assert terminal == "PTY allocation request failed on channel 0\n"
    assert "This account is currently not available." in files
    assert not place.three.jump.file("/tmp/ran").exists()
    running = "ps -u tunnel -o stat=,comm= | awk '$1 !~ /^Z/ { print $2 }' | sort -u"
    until(lambda: place.three.jump.must(running).split() == ["sshd"], what="the end of nologin")


@pytest.mark.long
@pytest.mark.parametrize("what", SESSIONS)
def test_a_key_without_limits_gets_each_session(place: Admitted, what: str) -> None:
    line, success = SESSIONS[what]

    printed = place.free.prints(line)

    assert re.search(success, printed, re.MULTILINE), printed


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_stolen_key_connects_to_nothing_but_its_own_port(place: Admitted, holder: str) -> None:
    nothing = dict.fromkeys(CONNECTIONS, "")

    assert getattr(place, holder).reads_through(list(CONNECTIONS)) == nothing | OWN_CONNECTIONS.get(holder, {})


def test_a_key_without_limits_connects_everywhere(place: Admitted) -> None:
    assert place.free.reads_through(list(CONNECTIONS)) == CONNECTIONS


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_stolen_key_listens_nowhere_else(place: Admitted, holder: str) -> None:
    assert getattr(place, holder).gets_listeners(LISTENERS) == set()


def test_a_key_without_limits_listens_everywhere(place: Admitted) -> None:
    ends = {f"{host}:{3030 + number}" for number, host in enumerate((*WIDE, "127.0.0.1"))}

    got = place.free.gets_listeners([*sorted(ends), "127.0.0.1:0", "/tmp/free.sock"])

    both = {"0.0.0.0:3030", "[::]:3030"}  # what `*` becomes
    assert ends - {"*:3030"} | both | {"/tmp/free.sock"} <= got
    assert len(got) == len(ends) + 3


@pytest.mark.parametrize(
    ("far_end", "got"),
    [
        (f"127.0.0.1:{OTHER_PORT}", {f"127.0.0.1:{OTHER_PORT}"}),
        (f"localhost:{OTHER_PORT}", {f"127.0.0.1:{OTHER_PORT}", f"[::1]:{OTHER_PORT}"}),
    ],
)
def test_the_tunnel_key_listens_on_its_own_port_of_loopback(place: Admitted, far_end: str, got: set[str]) -> None:
    assert place.tunnel.gets_listeners([far_end]) == got


def test_a_key_that_has_ended_is_not_let_in(place: Admitted) -> None:
    # Laptop's, whose tunnel stands, has an end as well: in 2037.
    assert "Permission denied" in place.ended.prints("ssh -N {as} there")


@pytest.mark.long  # the only one that needs /dev/net/tun
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_stolen_key_gets_no_network_device(place: Admitted, holder: str) -> None:
    attacker = getattr(place, holder)
    # Root can make the device at this end; what he gets at the other is the key's.
    attacker.machine.must(f"cp -a /home/{attacker.user}/.ssh /root/ && chown -R root: ~root/.ssh")

    said = attacker.machine.run(f"timeout 5 ssh -v -F {attacker.config} -w any -N there")

    assert "Server has rejected tunnel device forwarding" in said.err
    assert "tun" not in attacker.target.must("ls /sys/class/net").split()


def test_the_data_key_is_refused_from_elsewhere_than_the_tunnel(place: Admitted) -> None:
    desktop = place.three.desktop
    desktop.must(
        "install -o me -m 600 /dev/stdin /tmp/data", paste=place.three.server.must("cat .ssh/data", user="backup")
    )
    line = "ssh -i /tmp/data -o HostKeyAlias=laptop -o UserKnownHostsFile=~/.ssh/known -o BatchMode=yes me@{} bj1 probe"

    from_the_lan = desktop.run(line.format(DESKTOP_ADDRESS), user="me")
    from_loopback = desktop.run(line.format("127.0.0.1"), user="me")

    assert (from_the_lan.code, from_the_lan.out) == (255, "")
    assert "Permission denied (publickey" in from_the_lan.err
    assert from_loopback.json["gate"]
