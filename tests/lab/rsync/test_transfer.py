"""Real rsyncs through a small remote shell: what a transfer brings, and what it says."""

import os
from pathlib import Path

import pytest
import xxhash

from backupjump.config.models import Ownership
from backupjump.errors import (
    DesktopUnfit,
    SourceMissing,
    TransferFailed,
)
from backupjump.rsync.plan import Transfer
from backupjump.rsync.preview import Preview, preview
from backupjump.rsync.progress import Progress
from backupjump.rsync.pulled import Kind, told
from backupjump.rsync.transfer import transfer
from fingerprint import fingerprint
from rsync_world import OBEYING_MODES, ODD_NAMES, PLAIN_SHELL, plan_of, remote_shell

pytestmark = pytest.mark.lab


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


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
    told_of = {path: value for path in hashes if (value := pulled.hashes.get(path)) is not None}
    assert len(told_of.keys() & linked) == 1, "of hard links the first is sent, the other made here"
    assert told_of == {path: hashes[path] for path in told_of}
    assert len(pulled.hashes) == len(told_of)
    assert hashes.keys() - told_of.keys() <= linked
    assert (pulled.warning, pulled.left_out, pulled.vanished, pulled.remarks) == (False, (), (), ())
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
    assert (pulled.hashes.get(below + b"big") or pulled.hashes.get(below + b"hard")) == f"xxh128:{digest}"
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
    assert pulled.hashes.get(os.fsencode(source / "locked" / "inner").lstrip(b"/"))
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
    too_large = pulled.paths_of(Kind.TOO_LARGE)
    assert set(too_large) - linked == {below + b"sparse", below + b"odd/very\nlarge"}
    assert set(too_large) & linked
    assert not pulled.warning
    assert names(target) & {"big", "hard", "sparse", "very\nlarge"} == set()


def test_an_unreadable_file_is_a_warning_and_the_rest_arrives(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "odd" / "new\nline").chmod(0)
    (source / "secret").mkdir(mode=0)

    pulled = transfer(plan_of(source, target, remote_shell(tmp_path, OBEYING_MODES)))

    (source / "secret").chmod(0o700)
    below = os.fsencode(source).lstrip(b"/") + b"/"
    assert pulled.warning
    assert set(pulled.paths_of(Kind.UNREADABLE)) == {below + b"odd/new\nline", below + b"secret"}
    assert any("odd/new\\nline: Permission denied" in text for text in told(pulled.left_out))
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

    assert (pulled.warning, pulled.left_out, pulled.remarks) == (False, (), ())
    assert pulled.vanished == (os.fsencode(source / "zzz").lstrip(b"/"),)
    assert "aaa" in names(target)


@pytest.mark.parametrize("checksum", ["xxh128", "md5"])
def test_the_checksum_that_was_chosen_is_the_one_that_is_told(
    checksum: str, source: Path, target: Path, tmp_path: Path
) -> None:
    pulled = transfer(plan_of(source, target, remote_shell(tmp_path), checksum=checksum))

    told = pulled.hashes.get(os.fsencode(source / "odd/-rf").lstrip(b"/")) or ""
    assert told.partition(":")[0] == checksum
    assert len(told.partition(":")[2]) == 32


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
        folders=first.folders,
    )


def test_a_preview_takes_folders_in_its_stride_though_its_own_are_not_there(source: Path, tmp_path: Path) -> None:
    shell = remote_shell(tmp_path)
    for number in range(20):
        (source / f"folder {number}").mkdir()
    transfer(plan_of(source, tmp_path / "base", shell))
    (source / "folder 0" / "new one").write_bytes(b"n" * 1234)

    found = preview(plan_of(source, tmp_path / "not" / "there" / "me", shell, tmp_path / "base"))

    assert (found.files_to_transfer, found.bytes_to_transfer) == (1, 1234)


def test_a_preview_of_a_missing_source_says_so(source: Path, target: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        preview(plan_of(source / "absent", target, remote_shell(tmp_path)))


def test_a_shell_that_talks_is_quoted(source: Path, target: Path, tmp_path: Path) -> None:
    shell = remote_shell(tmp_path, f"echo Welcome to this machine\n{PLAIN_SHELL}")

    with pytest.raises(DesktopUnfit, match=r"login shell there prints text.*\nWelcome to this machine"):
        transfer(plan_of(source, target, shell))


def test_a_base_that_is_gone_is_told(source: Path, target: Path, tmp_path: Path) -> None:
    pulled = transfer(plan_of(source, target, remote_shell(tmp_path), tmp_path / "gone"))

    assert [text for text in pulled.remarks if "gone" in text]


def test_text_from_the_desktop_cannot_forge_a_hash(source: Path, target: Path, tmp_path: Path) -> None:
    # What this shell prints on stderr reaches us; rsync would print a message of a hostile sender on our stdout.
    line = f">f+++++++++ 11 {'0' * 32} odd/-rf"
    shell = remote_shell(tmp_path, f"printf '%s\\n' '{line}' 'm1 {line}' >&2\n{PLAIN_SHELL}")

    pulled = transfer(plan_of(source, target, shell))

    assert pulled.hashes.get(os.fsencode(source / "odd/-rf").lstrip(b"/")) not in (None, f"xxh128:{'0' * 32}")
