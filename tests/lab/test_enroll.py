"""Enrolment on real sshds: from nothing to the first snapshot, and each command once more."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from backupjump.config.load import load_server
from backupjump.demo.lab import Lab
from backupjump.operations.enroll.accept_wait import keep_tunnel_until_done
from lab.enrolled import FOREIGN, Enrolment, enrolment, good
from program import until

pytestmark = pytest.mark.lab


@pytest.fixture
def world(lab: Lab) -> Enrolment:
    return enrolment(lab)


def test_a_desktop_is_enrolled_and_backed_up_and_each_command_again_changes_nothing(world: Enrolment) -> None:
    invitation = good(world.new()).out
    reply = good(world.accept(invitation)).out
    finished = good(world.finish(reply, "--lines-only", "--no-wait"))
    told = world.on_jump_node(finished.out)
    before = world.state()

    again = [world.accept(invitation), world.finish(reply, "--lines-only", "--no-wait")]
    told_again = world.on_jump_node(again[1].out)

    assert [said.code for said in again] == [0, 0]
    assert (again[0].out, again[1].out) == (reply, finished.out)
    assert "nothing: all of it is there" in again[0].err
    assert "nothing was changed there" in again[1].err
    assert (told.count("wrote the line"), told_again.count("wrote the line")) == (2, 0)
    assert world.state() == before
    assert world.jump_keys.read_text().startswith(FOREIGN)
    assert world.desktop_keys.read_text().startswith(FOREIGN)

    with world.tunnel():
        proven = good(world.finish(reply, "--lines-only"))
        good(world.on(world.server, "store", "init"))
        good(world.on(world.server, "run", "laptop"))

    assert "Proven: logged in to desktop laptop through its tunnel." in proven.err
    tree = world.lab.store / "laptop/laptop/latest/tree"
    assert (tree / str(world.lab.home / "notes").lstrip("/")).read_text() == "what matters"


def test_a_day_on_which_keys_end_holds_though_an_earlier_invitation_had_none(world: Enrolment) -> None:
    good(world.accept(good(world.new()).out))

    said = good(world.accept(good(world.new("--expires", "2099-12-31")).out)).err

    (line,) = [each for each in world.desktop_keys.read_text().splitlines() if " backupjump:data:laptop:" in each]
    assert 'expiry-time="20991231"' in line
    assert "goes: it is for the same key" in said
    assert world.desktop_keys.read_text().startswith(FOREIGN)


def test_a_job_of_another_desktop_is_not_taken_for_the_new_ones(world: Enrolment) -> None:
    lines = ("--lines-only", "--no-wait")
    reply = good(world.accept(good(world.new()).out)).out
    good(world.finish(reply, *lines, "--job", "second"))
    second = good(world.accept(good(world.new(name="second", port=4000)).out, folder=world.lab.folder / "second")).out

    taken, odd = world.finish(second, *lines), world.finish(second, *lines, "--job", "../second")

    assert (taken.code, odd.code) == (2, 2)
    assert "job second backs up desktop laptop; nothing was changed" in taken.err
    assert "--job ../second may hold letters" in odd.err
    assert not (world.server / "desktops/second.yaml").exists()


def test_the_new_key_meets_the_gate_and_no_shell_and_only_through_loopback(world: Enrolment) -> None:
    world.enrolled()
    key = world.server / "keys/desktop-laptop"
    options = ("IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")
    words = [word for option in options for word in ("-o", option)]
    login = [
        "ssh",
        "-F",
        "none",
        *words,
        "-i",
        str(key),
        "-p",
        str(world.lab.desktop.port),
        f"{world.lab.user}@127.0.0.1",
    ]

    shell = subprocess.run([*login, "id"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    assert (shell.returncode, shell.stdout) == (64, "")
    assert "refused" in shell.stderr


def test_a_second_desktop_gets_the_next_port_and_one_line_on_the_jump_node(world: Enrolment) -> None:
    world.enrolled()
    other = world.lab.folder / "second-desktop"
    other.mkdir(mode=0o700)
    (other / "backupjump.yaml").write_text(f"state_dir: {other}/state\n")
    plain = ("enroll", "new", "second", "--read", str(world.lab.home), "--tunnel-user", world.lab.user)

    invited = good(world.on(world.server, *plain, "--jump-keys", str(world.jump_keys)))
    reply = good(world.accept(invited.out, folder=other)).out
    script = good(world.finish(reply, "--no-wait")).out

    server = load_server(world.server / "backupjump.yaml")
    assert {name: desktop.port for name, desktop in server.desktops.items()} == {
        "laptop": world.lab.tunnel_port,
        "second": 2020,
    }
    assert script.count("put_line") - script.count("put_line()") == 1
    assert "useradd" not in script
    assert world.on_jump_node(script).count("wrote the line backupjump:tunnel:second:") == 1


def test_the_desktop_waits_until_it_is_let_in_and_closes_when_the_server_is_done(world: Enrolment) -> None:
    reply = good(world.accept(good(world.new()).out)).out
    finished = good(world.finish(reply, "--lines-only", "--no-wait"))
    told: list[str] = []
    config = world.desktop / "backupjump.yaml"
    waiting = threading.Thread(
        target=lambda: keep_tunnel_until_done(config, say=lambda *lines: told.extend(lines), seconds=60, every=0.2),
        daemon=True,
    )

    waiting.start()
    until(lambda: told, what="the first word")
    world.on_jump_node(finished.out)
    until(lambda: any("The tunnel stands" in line for line in told), what="the tunnel")
    good(world.on(world.server, "store", "init"))
    good(world.on(world.server, "run", "laptop"))
    waiting.join(timeout=20)

    assert not waiting.is_alive()
    assert told[-2] == "The Server is done: ok. The tunnel is closed; this Desktop is enrolled."
    assert told[-1].endswith(f" --config {config} tunnel agent")


@pytest.mark.needs_root
def test_the_jump_node_s_part_is_run_by_the_person_s_own_agent_and_by_the_pinned_host_key_alone(
    world: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = world.lab
    person = Path(f"{lab.person_key}.pub").read_text()
    world.jump_keys.write_text(FOREIGN + person)
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as agent:
        try:
            until(socket.exists, what="the agent")
            monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
            subprocess.run(["ssh-add", "-q", lab.person_key], check=True, stderr=subprocess.DEVNULL)
            reply = good(world.accept(good(world.new()).out)).out
            target = f"{lab.user}@127.0.0.1:{lab.jump.port}"

            applied = good(world.finish(reply, "--lines-only", "--no-wait", "--apply", target))
            lab.jump.renew_host_key()
            refused = good(world.finish(reply, "--lines-only", "--no-wait", "--apply", target))
        finally:
            agent.kill()

    assert applied.out == ""
    assert applied.err.count("wrote the line backupjump:") == 2
    assert world.jump_keys.read_text().startswith(FOREIGN + person)
    assert "ssh can't log in" in refused.err
    assert refused.out.startswith("sh <<")


def test_on_route_local_the_tunnel_ends_on_the_server_and_its_line_is_for_this_machine(world: Enrolment) -> None:
    lab = world.lab
    here = f"127.0.0.1:{lab.jump.port}"  # the lab's second sshd plays the Server's own
    words = ("--route", "local", "--here", here, "--jump-host-key", lab.jump.host_key_public, "--read", str(lab.home))
    shared = ("--tunnel-user", lab.user, "--jump-keys", str(world.jump_keys), "--port", str(lab.tunnel_port))

    invited = good(world.on(world.server, "enroll", "new", "laptop", *words, *shared))
    accepted = good(world.accept(invited.out))
    script = good(world.finish(accepted.out, "--lines-only", "--no-wait"))
    told = world.on_jump_node(script.out)
    with world.tunnel():
        proven = good(world.finish(accepted.out, "--lines-only"))

    assert "This is the Server itself" in accepted.err
    assert told.count("wrote the line") == 1
    assert "on this machine" in script.err
    assert "Proven" in proven.err
    desktop = load_server(world.server / "backupjump.yaml").desktops["laptop"]
    assert (desktop.route, desktop.tunnel_ends_here, desktop.jump_node) == ("local", True, None)
    assert not (world.server / "jump_nodes").exists()
