"""The bare machines themselves: what they have of their own, who reaches whom, and that nothing of them stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.machines import DESKTOP_ADDRESS, JUMP_ADDRESS, JUMP_NAME, SERVER_ADDRESS, Machines, machines
from program import until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with machines(tmp_path_factory.mktemp("machines")) as running:
        yield running


def test_each_machine_has_its_own_name_files_and_processes(three: Machines) -> None:
    names = [machine.must("cat /proc/sys/kernel/hostname").strip() for machine in three]

    three.jump.must("useradd --create-home somebody")

    assert names == ["desktop", "jumpnode", "server"]
    assert len({machine.run("cat /etc/ssh/ssh_host_ed25519_key.pub").out for machine in three}) == 3
    assert "somebody" in three.jump.file("/etc/passwd").read_text()
    assert all("somebody" not in other.read_text() for other in (Path("/etc/passwd"), three.server.file("/etc/passwd")))
    assert three.desktop.must("cat /proc/1/comm") == "cat\n"


@pytest.mark.parametrize(
    ("who", "address", "answer"),
    [
        ("desktop", JUMP_NAME, "SSH-2.0"),
        ("server", JUMP_NAME, "SSH-2.0"),
        ("desktop", "localhost", "SSH-2.0"),
        ("jump", DESKTOP_ADDRESS, ""),
        ("server", DESKTOP_ADDRESS, ""),
        ("jump", SERVER_ADDRESS, ""),
        ("desktop", SERVER_ADDRESS, ""),
    ],
)
def test_the_jump_node_is_all_that_is_reached(three: Machines, who: str, address: str, answer: str) -> None:
    machine = getattr(three, who)

    said = machine.run(f"timeout 0.5 bash -c 'exec 3<>/dev/tcp/{address}/22 && head -c 7 <&3'")

    assert said.out == answer


def test_a_person_works_there_as_on_a_machine_of_his_own(three: Machines) -> None:
    with three.desktop.terminal('tty >/dev/null && read -r line && echo "$(id -un) in $PWD: $line"', user="me") as me:
        me.type("words\n")
        me.expect("me in /home/me: words")

        assert me.end().code == 0
    assert three.server.run("cat; exit 3", user="backup", paste="pasted").out == "pasted"
    assert three.server.must("backupjump --version", user="backup").startswith("backupjump")


def test_a_line_that_is_cut_carries_nothing_until_it_is_mended(three: Machines) -> None:
    three.cut()
    cut = three.desktop.run(f"timeout 0.5 bash -c 'exec 3<>/dev/tcp/{JUMP_ADDRESS}/22'").code

    three.mend()

    assert cut != 0
    assert three.desktop.run(f"timeout 5 bash -c 'exec 3<>/dev/tcp/{JUMP_ADDRESS}/22'").code == 0


_KILLED = """
import sys, time
from pathlib import Path
from lab.machines import machines
with machines(Path(sys.argv[1])) as three:
    print(*(machine.pid for machine in three), flush=True)
    time.sleep(60)
"""


def test_nothing_of_the_machines_outlives_a_test_that_is_killed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _KILLED, tmp_path]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as test:
        assert test.stdout is not None
        pids = test.stdout.readline().split()
        test.kill()

    assert len(pids) == 3
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    assert [path for folder in tmp_path.iterdir() for path in folder.iterdir()] == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
