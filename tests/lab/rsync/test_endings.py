"""Real rsyncs that end badly: full and read-only stores, lost links, limits, signals."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.errors import (
    DesktopUnfit,
    LinkLost,
    SourceMissing,
    Stopped,
    StoreError,
    StoreFull,
    WindowOver,
)
from backupjump.process import signals_as_exceptions
from backupjump.rsync.plan import Transfer
from backupjump.rsync.progress import Progress
from backupjump.rsync.transfer import transfer
from program import until
from rsync_world import plan_of, remote_shell

pytestmark = pytest.mark.lab


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        (folder := tmp_path / f"disk{len(mounted)}").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.needs_root
@pytest.mark.parametrize("options", ["size=100k", "size=20m,nr_inodes=8"])
def test_a_full_store_is_said_for_bytes_and_for_inodes(
    options: str, source: Path, small_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(StoreFull, match="No space left"):
        transfer(plan_of(source, small_disk(options) / "me", remote_shell(tmp_path), xattrs=False, acls=False))


@pytest.mark.needs_root
def test_a_store_that_became_read_only_fails(source: Path, small_disk: Callable[[str], Path], tmp_path: Path) -> None:
    disk = small_disk("size=20m")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

    with pytest.raises(StoreError, match="Read-only file system"):
        transfer(plan_of(source, disk / "me", remote_shell(tmp_path)))


# The sender runs in a session of its own, as it does on a Desktop: ending our group does not end it.
OTHER_MACHINE = """here=$(dirname "$0"); echo $$ >"$here/shell.pid"
exec setsid sh -c 'echo $$ >"$1/sender.pid"; eval "exec $2"' sh "$here" "$*" """


def pid_in(file: Path) -> int:
    until(lambda: file.exists() and file.read_text().strip())
    return int(file.read_text())


@pytest.fixture
def far_sender(tmp_path: Path) -> Iterator[Path]:
    """Where the far sender writes its process id; it is ended after the test."""
    yield tmp_path / "sender.pid"
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(int((tmp_path / "sender.pid").read_text()), signal.SIGKILL)


def once_data_moves(act: Callable[[], None]) -> Callable[[Progress], None]:
    done: list[bool] = []

    def look(progress: Progress) -> None:
        if progress.bytes_done > 0 and not done:
            done.append(True)
            act()

    return look


def test_a_desktop_that_hangs_is_ended_by_the_idle_limit(
    source: Path, target: Path, far_sender: Path, tmp_path: Path
) -> None:
    (source / "aaa").write_bytes(os.urandom(20_000_000))
    plan = plan_of(
        source, target, remote_shell(tmp_path, OTHER_MACHINE), bwlimit=4_000_000, idle_limit=timedelta(seconds=2)
    )
    stop = once_data_moves(lambda: os.kill(pid_in(far_sender), signal.SIGSTOP))
    started = time.monotonic()

    with pytest.raises(WindowOver, match="idle") as caught:
        transfer(plan, on_progress=stop)

    assert 2 <= time.monotonic() - started < 20
    assert caught.value.bytes_received > 100_000
    assert no_rsync_into(target)
    assert list(target.rglob("aaa")), "what arrived of it waits in the partial folder"


def no_rsync_into(target: Path) -> bool:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if os.fsencode(target) + b"/" in process.read_bytes():
                return False
    return True


def test_a_transfer_that_takes_too_long_is_ended(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "aaa").write_bytes(os.urandom(20_000_000))
    plan = plan_of(source, target, remote_shell(tmp_path), bwlimit=1_000_000, time_limit=timedelta(seconds=1))

    with pytest.raises(WindowOver, match="time_limit"):
        transfer(plan)

    assert no_rsync_into(target)


def test_a_sender_that_dies_leaves_an_interrupted_pull_with_its_bytes(
    source: Path, target: Path, far_sender: Path, tmp_path: Path
) -> None:
    (source / "aaa").write_bytes(os.urandom(20_000_000))
    plan = plan_of(source, target, remote_shell(tmp_path, OTHER_MACHINE), bwlimit=8_000_000)

    with pytest.raises(LinkLost, match="lost the link") as caught:
        transfer(plan, on_progress=once_data_moves(lambda: os.kill(pid_in(far_sender), signal.SIGKILL)))

    assert caught.value.bytes_received > 100_000
    assert caught.value.exit_code == 75


def test_bytes_of_finished_sources_are_part_of_what_a_broken_one_received(
    source: Path, target: Path, tmp_path: Path
) -> None:
    transfers = (
        Transfer(source=str(source), target=target),
        Transfer(source=str(source / "absent"), target=target.parent / "absent"),
    )

    with pytest.raises(SourceMissing) as caught:
        transfer(plan_of(source, target, remote_shell(tmp_path), transfers=transfers))

    assert caught.value.bytes_received > 300_000


def test_a_signal_ends_every_process_before_it_is_raised(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "aaa").write_bytes(os.urandom(20_000_000))
    plan = plan_of(source, target, remote_shell(tmp_path), bwlimit=1_000_000)

    with pytest.raises(Stopped), signals_as_exceptions(Stopped, signal.SIGUSR1):
        transfer(plan, on_progress=once_data_moves(lambda: signal.raise_signal(signal.SIGUSR1)))

    assert no_rsync_into(target)


def test_an_error_of_the_caller_ends_every_process_too(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "aaa").write_bytes(os.urandom(20_000_000))

    def fail(_progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer(plan_of(source, target, remote_shell(tmp_path), bwlimit=1_000_000), on_progress=fail)

    assert no_rsync_into(target)


ORPHAN = """
import fcntl, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from rsync_world import plan_of
from backupjump.rsync.transfer import transfer
lock = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(lock, fcntl.LOCK_EX)
transfer(plan_of(sys.argv[2], Path(sys.argv[3]), (sys.argv[5],), bwlimit=1_000_000), pass_fds=[lock])
"""


def test_rsync_holds_the_lock_as_long_as_it_outlives_a_killed_run(
    source: Path, target: Path, far_sender: Path, tmp_path: Path
) -> None:
    (source / "aaa").write_bytes(os.urandom(20_000_000))
    (lock := tmp_path / "lock").touch()
    words = [lock, source, target, Path(__file__).parents[2], *remote_shell(tmp_path, OTHER_MACHINE)]
    with subprocess.Popen([sys.executable, "-c", ORPHAN, *words]) as parent:
        until(lambda: target.exists() and any(target.rglob("*aaa*")))
        os.kill(pid_in(far_sender), signal.SIGSTOP)

        parent.kill()
        parent.wait()

    with lock.open("r+b") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.kill(pid_in(far_sender), signal.SIGKILL)
        until(lambda: is_free(file.fileno()))


def is_free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def test_a_login_shell_that_prints_without_an_end_is_told_of_by_its_first_lines(
    source: Path, target: Path, tmp_path: Path
) -> None:
    shell = remote_shell(tmp_path, "while :; do echo welcome home; done")
    begun = time.monotonic()

    with pytest.raises(DesktopUnfit, match="login shell") as caught:
        transfer(plan_of(source, target, shell))

    assert "welcome home" in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert time.monotonic() - begun < 15
