"""The lab itself: three roles that need each other, disturb nobody and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import backupjump
from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import descendants, is_running
from backupjump.demo.sshd import openssh_version, strict_modes_problem
from backupjump.errors import UsageError
from backupjump.operations.tunnel import look_at_far_end
from program import until

pytestmark = pytest.mark.lab


def family(lab: Lab) -> set[int]:
    """Return the ids of both sshds and of all that they have started."""
    sshds = {lab.jump.sshd.pid, lab.desktop.sshd.pid}
    return sshds.union(*(descendants(pid) for pid in sshds))


def names(pids: set[int]) -> set[str]:
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            found.add(Path(f"/proc/{pid}/comm").read_text().strip())
    return found


def ssh(lab: Lab, key: Path, port: int, *words: str | Path) -> tuple[str | Path, ...]:
    known_hosts = lab.folder / "known_hosts-of-the-test"
    shown = lab.jump if port == lab.jump.port else lab.desktop
    known_hosts.write_text(f"[127.0.0.1]:{port} {shown.host_key_public}\n")
    pinned = ("StrictHostKeyChecking=yes", f"UserKnownHostsFile={known_hosts}")
    options = (*pinned, "BatchMode=yes", "IdentitiesOnly=yes")
    argv = ("ssh", "-F", "none", "-T", "-i", key, "-p", str(port), *(w for o in options for w in ("-o", o)))
    return (*argv, f"{lab.user}@127.0.0.1", *words)


def said(argv: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


def test_two_labs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    with Lab(tmp_path / "one") as one, Lab(tmp_path / "other") as other:
        one.open_tunnel()
        other.open_tunnel()
        behind = [look_at_far_end(replace(lab.forward, to_port=lab.tunnel_port)).host_key for lab in (one, other)]

    assert behind == [one.desktop.host_key_public, other.desktop.host_key_public]
    assert one.desktop.host_key_public != other.desktop.host_key_public


def test_nothing_is_left_running_after_an_error_inside(tmp_path: Path) -> None:
    started: set[int] = set()
    sessions: list[subprocess.Popen[bytes]] = []

    def fail_amid_a_session() -> None:
        with Lab(tmp_path / "lab") as lab:
            started.add(lab.open_tunnel().pid)
            # The session's own process leaves the process group of the sshd that serves it.
            argv = ssh(lab, lab.data_key, lab.desktop.port, "sleep 600")
            sessions.append(subprocess.Popen(argv, stderr=subprocess.DEVNULL))
            until(lambda: "sleep" in names(descendants(lab.desktop.sshd.pid)))
            started.update(family(lab))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_amid_a_session()

    assert sessions[0].wait(10) == 255
    assert len(started) >= 6
    assert [pid for pid in started if is_running(pid)] == []


def test_a_half_built_lab_ends_what_it_had_started(tmp_path: Path) -> None:
    started: list[int] = []

    class Broken(Lab):
        def _write_jump_files(self) -> None:
            started.append(self.desktop.sshd.pid)
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"), Broken(tmp_path / "lab"):
        pass

    assert len(started) == 1
    assert not is_running(started[0])


def test_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time; from pathlib import Path; from backupjump.demo.lab import Lab\n"
        # A shell's background jobs, and so all that is started below one, ignore Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with Lab(Path(sys.argv[1])) as lab:\n"
        "    print(lab.jump.sshd.pid, lab.desktop.sshd.pid, lab.open_tunnel().pid, flush=True)\n"
        "    time.sleep(600)"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "lab")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout is not None
        pids = [int(word) for word in program.stdout.readline().split()]
        program.send_signal(signal.SIGINT)

    assert len(pids) == 3
    assert [pid for pid in pids if is_running(pid)] == []


def test_a_folder_that_openssh_can_not_name_is_refused_with_the_way_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="OpenSSH can't take in a path: ' '") as refused, Lab(tmp_path / "a b"):
        pass

    assert "--dir" in refused.value.hint


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/mine.txt").write_text("mine")

    with pytest.raises(UsageError, match="is not empty"), Lab(tmp_path / "lab"):
        pass

    assert [path.name for path in (tmp_path / "lab").iterdir()] == ["mine.txt"]


def test_sessions_keep_away_from_the_account_s_own_files(lab: Lab) -> None:
    home = said(ssh(lab, lab.data_key, lab.desktop.port, "echo $HOME")).stdout
    away = said(ssh(lab, lab.nested_key, lab.jump.port, "echo $HOME; command -v ssh")).stdout

    assert home == f"{lab.home}\n"
    assert away.splitlines() == [str(lab.jump.folder), str(lab.jump.folder / "bin/ssh")]


def test_the_jump_node_reaches_the_desktop_by_its_name_for_it(lab: Lab) -> None:
    lab.open_tunnel()

    answer = said(ssh(lab, lab.nested_key, lab.jump.port, "ssh -T desktop 'echo at $HOME'"))

    assert answer.stdout == f"at {lab.home}\n"


def test_the_tunnel_key_opens_the_tunnel_and_nothing_else(lab: Lab) -> None:
    shell = said(ssh(lab, lab.tunnel_key, lab.jump.port, "echo a shell"))
    reach = said(ssh(lab, lab.tunnel_key, lab.jump.port, "-W", f"127.0.0.1:{lab.desktop.port}"))
    other = f"127.0.0.1:{lab.tunnel_port - 1}:127.0.0.1:22"
    listen = said(ssh(lab, lab.tunnel_key, lab.jump.port, "-N", "-o", "ExitOnForwardFailure=yes", "-R", other))

    assert (shell.returncode, shell.stdout) == (1, "")
    assert "administratively prohibited" in reach.stderr
    assert "remote port forwarding failed" in listen.stderr


def test_the_hop_key_reaches_the_tunnel_and_nothing_else(lab: Lab) -> None:
    lab.open_tunnel()

    shell = said(ssh(lab, lab.hop_key, lab.jump.port, "echo a shell"))
    reach = said(ssh(lab, lab.hop_key, lab.jump.port, "-W", f"127.0.0.1:{lab.tunnel_port}"))
    beyond = said(ssh(lab, lab.hop_key, lab.jump.port, "-W", f"127.0.0.1:{lab.desktop.port}"))

    assert (shell.returncode, shell.stdout) == (1, "")
    assert reach.stdout.startswith("SSH-2.0-")
    assert "administratively prohibited" in beyond.stderr


def test_what_was_left_running_lives_on_and_ends_by_its_ids(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from backupjump.demo.lab import Lab\n"
        "with Lab(Path(sys.argv[1])) as lab:\n"
        "    lab.open_tunnel(); print(lab.tunnel_port, *lab.leave_running())"
    )
    done = said([sys.executable, "-c", code, tmp_path / "lab"])
    port, *pids = [int(word) for word in done.stdout.split()]

    alive = [is_running(pid) for pid in pids]
    answers = [said(["ssh-keyscan", "-t", "ed25519", "-p", str(port), "127.0.0.1"]).stdout for _ in range(3)]
    for pid in pids:
        os.kill(pid, signal.SIGTERM)

    assert alive == [True, True, True]
    assert all("ssh-ed25519" in answer for answer in answers)
    # ssh may notice a signal only at its next event, which is a ServerAlive message after 15 s at the latest.
    until(lambda: not any(is_running(pid) for pid in pids), seconds=40)


@pytest.fixture
def plain_home() -> Iterator[Path]:
    """A folder that an account without privileges can reach, with a copy of the package."""
    folder = Path(tempfile.mkdtemp(prefix="backupjump-plain-"))
    try:
        shutil.copytree(Path(backupjump.__file__).parent, folder / "backupjump")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 4242, 4242)
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.mark.needs_root
def test_a_plain_user_has_a_lab_too(plain_home: Path, tmp_path: Path) -> None:
    # An account of a private mount namespace: the machine's own /etc/passwd is left alone.
    passwd = tmp_path / "passwd"
    account = f"plain:x:4242:4242::{plain_home}:/bin/sh\n"
    passwd.write_text(Path("/etc/passwd").read_text() + account)
    passwd.chmod(0o644)
    code = (
        "import sys, os; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from backupjump.demo.lab import Lab\n"
        "with Lab(Path(sys.argv[1]) / 'lab') as lab:\n"
        "    lab.open_tunnel(); print(os.getuid(), lab.user, lab.jump.sshd.pid, lab.desktop.sshd.pid)\n"
    )
    script = 'mount --bind "$1" /etc/passwd && shift && exec setpriv --reuid 4242 --regid 4242 --clear-groups "$@"'
    program = [Path(sys.executable).resolve(), "-B", "-c", code, plain_home]

    done = said(["unshare", "--mount", "sh", "-c", script, "sh", passwd, *program])

    assert done.stderr == ""
    uid, user, *pids = done.stdout.split()
    assert (uid, user) == ("4242", "plain")
    assert not any(is_running(int(pid)) for pid in pids)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("unknown option -- V\nOpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n", (9, 2)),
        ("OpenSSH_10.0p2, OpenSSL 3.5.1 1 Jul 2025\n", (10, 0)),
        ("Dropbear v2022.83", (0, 0)),
    ],
)
def test_the_version_is_read_from_what_v_prints(text: str, version: tuple[int, int]) -> None:
    assert openssh_version(text) == version


def test_strict_modes_can_hold_only_where_nobody_else_may_write(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open/keys").mkdir()

    assert strict_modes_problem(Path("/")) is None
    assert strict_modes_problem(tmp_path / "open/keys") == f"others may write to {tmp_path / 'open'}"
