from __future__ import annotations

import pytest

from backupjump.errors import UsageError
from backupjump.operations.ls import list_entries
from backupjump.operations.snapshot_paths import desktop_path, unknown_path
from backupjump.store.manifest import Entry


def entry(path: bytes, kind: str = "file") -> Entry:
    return Entry(path=path, type=kind, mode=0o644, uid=0, gid=0, size=1, mtime_ns=0, ino=1)  # type: ignore[arg-type]


ENTRIES = [
    entry(b"home/me", "dir"),
    entry(b"home/me/docs", "dir"),
    entry(b"home/me/docs/letter"),
    entry(b"home/me/notes\n.txt"),
    entry(b"srv/www", "dir"),
    entry(b"srv/www/index.html"),
]


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("/", b""),
        ("/home/me", b"home/me"),
        ("/home/me/", b"home/me"),
        ("//home//./me", b"home/me"),
        ("/-rf", b"-rf"),
        ("/new\nline", b"new\nline"),
        ("/\udcff", b"\xff"),
        ("/*", b"*"),
    ],
)
def test_a_full_path_is_read_as_bytes(typed: str, path: bytes) -> None:
    assert desktop_path(typed) == path


@pytest.mark.parametrize("typed", ["", "home/me", ".", "~/notes", "/home/../etc", "/.."])
def test_a_path_that_is_not_a_full_one_is_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="is not a full path"):
        desktop_path(typed)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        (b"home/me/dosc", "did you mean /home/me/docs?"),
        (b"home/me/dosc/letter", "did you mean /home/me/docs?"),
        (b"hom/me/docs", "did you mean /home?"),
        (b"home/me/notes.txt", "did you mean /home/me/notes\\n.txt?"),
        (b"srv/www/zzz", "backupjump ls JOB /srv/www lists what is there"),
        (b"zzz", "backupjump ls JOB / lists what is there"),
    ],
)
def test_an_unknown_path_is_met_with_the_nearest_name_of_its_folder(path: bytes, hint: str) -> None:
    error = unknown_path(path, ENTRIES)

    assert error.exit_code == 2
    assert error.hint == hint


@pytest.mark.parametrize(
    ("path", "recursive", "expected"),
    [
        (b"", False, [b"home", b"srv"]),
        (b"home", False, [b"home/me"]),
        (b"home/me", False, [b"home/me/docs", b"home/me/notes\n.txt"]),
        (b"home/me/docs/letter", False, [b"home/me/docs/letter"]),
        (b"srv", True, [b"srv/www", b"srv/www/index.html"]),
        (b"", True, [b"home", *(each.path for each in ENTRIES[:4]), b"srv", *(each.path for each in ENTRIES[4:])]),
        (b"home/m", True, []),
    ],
)
def test_a_folder_lists_its_names_and_those_above_a_source_are_folders(
    path: bytes, recursive: bool, expected: list[bytes]
) -> None:
    assert [line.path for line in list_entries(ENTRIES, path, recursive=recursive)] == expected


def test_the_source_that_is_the_whole_machine_has_no_name() -> None:
    entries = [entry(b"", "dir"), entry(b"etc", "dir"), entry(b"etc/fstab")]

    assert [line.path for line in list_entries(entries, b"", recursive=False)] == [b"etc"]
    assert [line.path for line in list_entries(entries, b"", recursive=True)] == [b"etc", b"etc/fstab"]
