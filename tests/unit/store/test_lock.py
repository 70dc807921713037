"""The lock: one run at a time, held as long as anyone writes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from backupjump.errors import JobLocked
from backupjump.process import run, spawn
from backupjump.store.lock import locked
from store_world import make_store


def test_the_second_run_is_told_at_once_who_holds_the_job(tmp_path: Path) -> None:
    folder = make_store(tmp_path)

    with locked(folder), pytest.raises(JobLocked) as caught, locked(folder):
        pass

    assert f"process {os.getpid()} since 20" in str(caught.value)
    assert caught.value.exit_code == 11


def test_a_disk_that_takes_no_byte_more_can_still_be_locked_since_a_prune_is_what_makes_room(tmp_path: Path) -> None:
    folder = make_store(tmp_path)
    folder.make()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with locked(folder) as fd:
            note = os.fstat(fd).st_size
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert note == 0


def test_the_lock_is_free_again_after_the_block(tmp_path: Path) -> None:
    folder = make_store(tmp_path)
    with locked(folder):
        pass

    with locked(folder) as fd:
        assert os.fstat(fd).st_ino == folder.lock.stat().st_ino


def test_folders_are_made_private_and_the_store_itself_is_not_touched(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    mode = folder.store.stat().st_mode

    with locked(folder):
        made = [folder.path.parent, folder.path, folder.snapshots, folder.work, folder.trash]

    assert {path.stat().st_mode & 0o7777 for path in made} == {0o700}
    assert folder.store.stat().st_mode == mode


def test_a_child_that_got_the_lock_keeps_it_when_we_let_go(tmp_path: Path) -> None:
    folder = make_store(tmp_path)
    waits = [sys.executable, "-c", "import sys; print('here', flush=True); sys.stdin.read()"]

    with locked(folder) as fd:
        child = spawn(waits, stdin=subprocess.PIPE, pass_fds=(fd,))
    with child:
        assert child.stdout.readline() == b"here\n"

        with pytest.raises(JobLocked), locked(folder):
            pass

        child.stdin.close()
        child.wait(10)
        with locked(folder):
            pass


def test_an_rsync_that_outlived_its_run_is_named_as_the_reason(tmp_path: Path) -> None:
    folder = make_store(tmp_path)
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)

    with locked(folder) as fd:
        note = b'{"pid": %d, "started_at": "2026-11-22T02:30:00Z"}' % int(gone.stdout)
        os.ftruncate(fd, 0)
        os.pwrite(fd, note, 0)

        with pytest.raises(JobLocked, match="is gone, but an rsync that it started still writes"), locked(folder):
            pass


@pytest.mark.parametrize(
    "note", [b"", b"\xff", b"[]", b"{}", b'{"pid": "x", "started_at": 1}', b'{"pid": 1e400}', b"{" * 5000]
)
def test_a_note_that_is_garbage_does_not_matter(tmp_path: Path, note: bytes) -> None:
    folder = make_store(tmp_path)

    with locked(folder) as fd:
        os.ftruncate(fd, 0)
        os.pwrite(fd, note, 0)

        with pytest.raises(JobLocked, match="left no note"), locked(folder):
            pass
        assert os.pread(fd, len(note) + 1, 0) == note


def test_a_lock_whose_folder_was_renamed_while_we_took_it_is_not_held(tmp_path: Path) -> None:
    folder = make_store(tmp_path)
    with locked(folder):
        pass
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom backupjump.errors import JobLocked\n"
        "from backupjump.store.layout import JobFolder\nfrom backupjump.store.lock import locked\n"
        "folder = JobFolder(Path(sys.argv[1]), 'desktop', 'nightly')\n"
        "def hook(event, arguments):\n"
        "    if event == 'fcntl.flock':\n"
        "        folder.path.rename(folder.path.with_name('renamed'))\n"
        "sys.addaudithook(hook)\n"
        "try:\n"
        "    with locked(folder): print('held')\n"
        "except JobLocked as error: print(error)\n"
    )

    done = run([sys.executable, "-c", code, str(tmp_path)], timeout=30)

    assert done.stdout == b"the folder of desktop/nightly was renamed just now\n"
