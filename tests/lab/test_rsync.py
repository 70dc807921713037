"""Real rsyncs through a small remote shell: what a transfer brings, what it says, and how it ends."""

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
import xxhash

from backupjump.config.models import Ownership
from backupjump.errors import (
    DesktopUnfit,
    LinkLost,
    SourceMissing,
    Stopped,
    StoreFull,
    TransferFailed,
    WindowOver,
)
from backupjump.process import signals_as_exceptions
from backupjump.rsync.plan import Transfer
from backupjump.rsync.preview import Preview, preview
from backupjump.rsync.progress import Progress
from backupjump.rsync.transfer import transfer
from fingerprint import fingerprint
from rsync_world import OBEYING_MODES, PLAIN_SHELL, plan_of, remote_shell

pytestmark = pytest.mark.lab

ODD_NAMES = (
    b"new\nline",
    b"carriage\rreturn",
    b"esc\x1b[31m",
    b"\xff\xfe",
    "bidi\u202eexe".encode(),
    "ä ö".encode(),
    b"lit\\#012",
    b"\\#134#",
    b"back\\slash",
    b"\\",
    b"tab\there",
    b" lead and trail ",
    b"-rf",
    b"x" * 255,
    b"del\x7f",
    b'"quoted"',
    b"m1 >f+++++++++ 1 00000000000000000000000000000000 x",
    b"x is over max-size",
    b"latest",
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A Desktop's folder with every kind of thing in it."""
    folder = tmp_path / "desktop" / "home" / "me"
    (folder / "odd").mkdir(parents=True)
    for name in ODD_NAMES:
        (folder / "odd" / os.fsdecode(name)).write_bytes(b"content of " + name)
    (folder / "empty").touch()
    (folder / "big").write_bytes(os.urandom(300_000))
    (folder / "hard").hardlink_to(folder / "big")
    (folder / "sym").symlink_to("/etc/passwd")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    with (folder / "sparse").open("wb") as sparse:
        sparse.truncate(5_000_000)
    os.setxattr(folder / "big", "user.colour", b"blue")
    (folder / "locked").mkdir()
    (folder / "locked" / "inner").write_text("x")
    (folder / "locked").chmod(0o555)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree" / "me"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_tree_arrives_whole_with_the_hash_of_every_file(source: Path, target: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    milestones: list[str] = []
    plan = plan_of(source, target, remote_shell(tmp_path))

    pulled = transfer(plan, on_progress=told.append, on_milestone=milestones.append)

    assert fingerprint(target) == fingerprint(source)
    assert (target / "sparse").stat().st_blocks < 1000
    below = os.fsencode(source).lstrip(b"/") + b"/"
    hashes = {
        below + os.fsencode(path.relative_to(target)): f"xxh128:{xxhash.xxh128(path.read_bytes()).hexdigest()}"
        for path in target.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    linked = {below + b"big", below + b"hard"}
    assert len(pulled.hashes.keys() & linked) == 1, "of hard links the first is sent, the other made here"
    assert pulled.hashes == {path: value for path, value in hashes.items() if path in pulled.hashes}
    assert hashes.keys() - pulled.hashes.keys() <= linked
    assert (pulled.warning, pulled.warnings, pulled.unreadable, pulled.vanished, pulled.too_large) == (
        False,
        (),
        (),
        (),
        (),
    )
    assert pulled.bytes_received > 300_000
    assert told[-1].bytes_done > 5_300_000
    assert not told[-1].listing
    assert milestones == [f"pulling bj-desktop:{source}"]


def test_a_second_pull_links_what_did_not_change_and_hashes_what_did(source: Path, tmp_path: Path) -> None:
    shell = remote_shell(tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    transfer(plan_of(source, first, shell))
    before = fingerprint(first)
    content = bytearray((source / "big").read_bytes())
    content[1000:1004] = b"edit"
    (source / "big").write_bytes(content)
    (source / "odd" / "latest").chmod(0o600)
    (source / "empty").write_text("s")

    pulled = transfer(plan_of(source, second, shell, first))

    assert fingerprint(second) == fingerprint(source)
    assert fingerprint(first) == before
    assert (second / "odd" / "-rf").samefile(first / "odd" / "-rf")
    below = os.fsencode(source).lstrip(b"/") + b"/"
    digest = xxhash.xxh128(bytes(content)).hexdigest()
    assert pulled.hashes.get(below + b"big", pulled.hashes.get(below + b"hard")) == f"xxh128:{digest}"
    assert len(pulled.hashes) == 2
    assert pulled.bytes_received < 100_000, "a delta, not the file"


def test_an_edit_within_the_second_of_the_last_backup_is_seen(source: Path, tmp_path: Path) -> None:
    shell = remote_shell(tmp_path)
    (source / "odd" / "latest").write_text("one")
    os.utime(source / "odd" / "latest", ns=(10**18, 10**18 + 1))
    transfer(plan_of(source, tmp_path / "first", shell))
    (source / "odd" / "latest").write_text("two")
    os.utime(source / "odd" / "latest", ns=(10**18, 10**18 + 2))

    transfer(plan_of(source, tmp_path / "second", shell, tmp_path / "first"))

    assert (tmp_path / "second" / "odd" / "latest").read_text() == "two"


def test_several_sources_go_each_to_its_own_path(source: Path, target: Path, tmp_path: Path) -> None:
    transfers = tuple(Transfer(source=str(source / name), target=target.parent / name) for name in ("locked", "odd"))

    pulled = transfer(plan_of(source, target, remote_shell(tmp_path), transfers=transfers))

    assert fingerprint(target.parent / "odd") == fingerprint(source / "odd")
    assert fingerprint(target.parent / "locked") == fingerprint(source / "locked")
    assert os.fsencode(source / "locked" / "inner").lstrip(b"/") in pulled.hashes
    assert len(pulled.hashes) == len(ODD_NAMES) + 1


def test_patterns_leave_out_what_they_name(source: Path, target: Path, tmp_path: Path) -> None:
    for name in (".cache/a", "keep/.cache/b", "Downloads/c", "deep/Downloads/d", "e.tmp", "!", "- f", "--delete"):
        (source / name).parent.mkdir(exist_ok=True, parents=True)
        (source / name).write_text("x")
    exclude = ("*.tmp", f"{source}/Downloads/", "!", "- f", "--delete", str(source.parent / "*/odd/"))
    plan = plan_of(source, target, remote_shell(tmp_path), exclude=exclude, include=("/*/*/.cache/", "keep/.cache/"))

    transfer(plan)

    assert names(target) & {"a", "b", "c", "d", "e.tmp", "!", "- f", "--delete", "odd"} == {"b", "d"}


def test_files_that_are_too_large_are_left_out_and_named(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "odd" / "very\nlarge").write_bytes(b"x" * 200_000)

    pulled = transfer(plan_of(source, target, remote_shell(tmp_path), max_size=100_000))

    below = os.fsencode(source).lstrip(b"/") + b"/"
    linked = {below + b"big", below + b"hard"}
    assert set(pulled.too_large) - linked == {below + b"sparse", below + b"odd/very\nlarge"}
    assert set(pulled.too_large) & linked
    assert not pulled.warning
    assert names(target) & {"big", "hard", "sparse", "very\nlarge"} == set()


def test_an_unreadable_file_is_a_warning_and_the_rest_arrives(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "odd" / "new\nline").chmod(0)
    (source / "secret").mkdir(mode=0)

    pulled = transfer(plan_of(source, target, remote_shell(tmp_path, OBEYING_MODES)))

    (source / "secret").chmod(0o700)
    below = os.fsencode(source).lstrip(b"/") + b"/"
    assert pulled.warning
    assert set(pulled.unreadable) == {below + b"odd/new\nline", below + b"secret"}
    assert any("odd/new\\nline: Permission denied" in text for text in pulled.warnings)
    assert len(names(target / "odd")) == len(ODD_NAMES) - 1


def test_too_many_unreadable_files_are_no_backup(source: Path, target: Path, tmp_path: Path) -> None:
    for name in ODD_NAMES:
        (source / "odd" / os.fsdecode(name)).chmod(0)

    with pytest.raises(TransferFailed, match=f"{len(ODD_NAMES)} paths below"):
        transfer(plan_of(source, target, remote_shell(tmp_path, OBEYING_MODES)))


@pytest.mark.parametrize("name", ["absent", "big", "locked/inner/deeper"])
def test_a_source_that_is_no_folder_is_said(name: str, source: Path, target: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=name):
        transfer(plan_of(source / name, target, remote_shell(tmp_path)))


def test_a_source_that_may_not_be_read_at_all_is_no_empty_backup(source: Path, target: Path, tmp_path: Path) -> None:
    (closed := source / "closed").mkdir()
    closed.chmod(0o311)  # it can be entered, but not listed

    with pytest.raises(SourceMissing, match="Permission denied"):
        transfer(plan_of(closed, target, remote_shell(tmp_path, OBEYING_MODES)))


def test_a_file_that_vanishes_meanwhile_is_ordinary(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "aaa").write_bytes(os.urandom(3_000_000))
    (source / "zzz").write_text("gone soon")

    def remove(_progress: Progress) -> None:
        (source / "zzz").unlink(missing_ok=True)

    pulled = transfer(plan_of(source, target, remote_shell(tmp_path), bwlimit=3_000_000), on_progress=remove)

    assert (pulled.warning, pulled.warnings) == (False, ())
    assert pulled.vanished == (os.fsencode(source / "zzz").lstrip(b"/"),)
    assert "aaa" in names(target)


@pytest.mark.parametrize("checksum", ["xxh128", "md5"])
def test_the_checksum_that_was_chosen_is_the_one_that_is_told(
    checksum: str, source: Path, target: Path, tmp_path: Path
) -> None:
    pulled = transfer(plan_of(source, target, remote_shell(tmp_path), checksum=checksum))

    assert {value.partition(":")[0] for value in pulled.hashes.values()} == {checksum}
    assert {len(value.partition(":")[2]) for value in pulled.hashes.values()} == {32}


def test_fake_super_keeps_what_a_plain_user_could_not(source: Path, target: Path, tmp_path: Path) -> None:
    plan = plan_of(source, target, remote_shell(tmp_path), ownership=Ownership.FAKE_SUPER)

    pulled = transfer(plan)

    assert (target / "sym").read_text() == "/etc/passwd"
    assert not (target / "sym").is_symlink()
    assert not pulled.warning


def test_a_preview_counts_and_writes_nothing(source: Path, tmp_path: Path) -> None:
    shell = remote_shell(tmp_path)
    transfer(plan_of(source, tmp_path / "base", shell))
    (source / "new one").write_bytes(b"n" * 1234)
    before = fingerprint(tmp_path)

    first = preview(plan_of(source, tmp_path / "not" / "there" / "me", shell))
    second = preview(plan_of(source, tmp_path / "not" / "there" / "me", shell, tmp_path / "base"))

    assert fingerprint(tmp_path) == before
    assert first.largest[0] == (os.fsencode(source / "sparse").lstrip(b"/"), 5_000_000)
    assert len(first.largest) == 10
    assert first.files_to_transfer == len(ODD_NAMES) + 5
    assert second == Preview(
        files=first.files,
        bytes_total=first.bytes_total,
        files_to_transfer=1,
        bytes_to_transfer=1234,
        largest=((os.fsencode(source / "new one").lstrip(b"/"), 1234),),
    )


def test_a_preview_of_a_missing_source_says_so(source: Path, target: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        preview(plan_of(source / "absent", target, remote_shell(tmp_path)))


def test_a_shell_that_talks_is_quoted(source: Path, target: Path, tmp_path: Path) -> None:
    shell = remote_shell(tmp_path, f"echo Welcome to this machine\n{PLAIN_SHELL}")

    with pytest.raises(DesktopUnfit, match=r"login shell there prints text.*\nWelcome to this machine"):
        transfer(plan_of(source, target, shell))


def test_a_base_that_is_gone_is_told(source: Path, target: Path, tmp_path: Path) -> None:
    pulled = transfer(plan_of(source, target, remote_shell(tmp_path), tmp_path / "gone"))

    assert [text for text in pulled.warnings if "gone" in text]


def test_text_from_the_desktop_cannot_forge_a_hash(source: Path, target: Path, tmp_path: Path) -> None:
    # What this shell prints on stderr reaches us; rsync would print a message of a hostile sender on our stdout.
    line = f">f+++++++++ 11 {'0' * 32} odd/-rf"
    shell = remote_shell(tmp_path, f"printf '%s\\n' '{line}' 'm1 {line}' >&2\n{PLAIN_SHELL}")

    pulled = transfer(plan_of(source, target, shell))

    assert f"xxh128:{'0' * 32}" not in pulled.hashes.values()


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

    with pytest.raises(TransferFailed, match="Read-only file system"):
        transfer(plan_of(source, disk / "me", remote_shell(tmp_path)))


# The sender runs in a session of its own, as it does on a Desktop: ending our group does not end it.
OTHER_MACHINE = """here=$(dirname "$0"); echo $$ >"$here/shell.pid"
exec setsid sh -c 'echo $$ >"$1/sender.pid"; eval "exec $2"' sh "$here" "$*" """


def pid_in(file: Path) -> int:
    wait_for(lambda: file.exists() and file.read_text().strip())
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
    words = [lock, source, target, Path(__file__).parents[1], *remote_shell(tmp_path, OTHER_MACHINE)]
    with subprocess.Popen([sys.executable, "-c", ORPHAN, *words]) as parent:
        wait_for(lambda: target.exists() and any(target.rglob("*aaa*")))
        os.kill(pid_in(far_sender), signal.SIGSTOP)

        parent.kill()
        parent.wait()

    with lock.open("r+b") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.kill(pid_in(far_sender), signal.SIGKILL)
        wait_for(lambda: is_free(file.fileno()))


def is_free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
