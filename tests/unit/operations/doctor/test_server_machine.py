"""What doctor makes of the Server itself: its files, its tools, its store."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupjump.config.models import Desktop, Ownership, RouteKind, Server, StoreKind
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN
from backupjump.operations.doctor.server_desktop import expiry_finding
from backupjump.operations.doctor.server_files import config_modes, folder_finding, key_finding, look_at_config
from backupjump.operations.doctor.server_store import (
    Mount,
    look_at_clock,
    look_at_marker,
    look_at_modes,
    mount_finding,
    mount_of,
    room_findings,
)
from backupjump.operations.doctor.server_tools import rsync_finding, ssh_finding
from backupjump.operations.doctor.server_trial import filesystem_finding, link_argv
from backupjump.store.layout import JobFolder
from backupjump.store.marker import Marker
from backupjump.store.probe import Capabilities
from backupjump.store.room import FLOOR, Room

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKuNLFqluA2BL5C/kUU5vwpExeaOsYSI19FeROzUpawc"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GIB = 1 << 30


def marker(kind: StoreKind = StoreKind.HARDLINK, ownership: Ownership = Ownership.FAKE_SUPER) -> Marker:
    return Marker(
        format=1, uuid="u", timezone="UTC", ownership=ownership, hard_links=True, xattrs=True, acls=True,
        nanoseconds=True, created_at=NOW, kind=kind,
    )  # fmt: skip


def can(**lacking: object) -> Capabilities:
    everything: dict[str, object] = dict.fromkeys(("hard_links", "xattrs", "acls", "nanoseconds", "locks"), True)
    return Capabilities(**{**everything, "no_subvolumes_why": "the filesystem is not btrfs", **lacking})  # type: ignore[arg-type]


def desktop(**more: object) -> Desktop:
    given = {"name": "laptop", "jump_node": "jump", "port": 2020, "user": "me", "identity_file": "/k", "host_key": KEY}
    return Desktop.model_validate({**given, **more})


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19", OK),
        ("OpenSSH_7.3p1", OK),
        ("OpenSSH_7.2p2, OpenSSL 1.0.2g", FAIL),
        ("Sun_SSH_1.1", OK),
    ],
)
def test_an_ssh_that_knows_no_proxyjump_fails(said: str, verdict: str) -> None:
    found = ssh_finding(said, wanted=[RouteKind.PROXYCOMMAND, RouteKind.PROXYJUMP])

    assert (found.verdict, bool(found.fix)) == (verdict, verdict == FAIL)


@pytest.mark.parametrize(
    ("version", "protocol", "package", "verdict"),
    [
        ("3.5.1", 32, "", OK),
        ("3.5.0", 32, "3.5.0+ds1-0+deb12u1", OK),
        ("3.5.0", 32, "3.5.0+ds1-0+deb12u13", OK),
        ("3.5.0", 32, "3.5.0+ds1-0", WARN),
        ("3.5.0", 32, "", WARN),
        ("3.2.7", 32, "3.2.7-1+deb12u6", WARN),
        ("3.2.7", 31, "3.2.7-1", FAIL),
        ("3.2.4", 32, "", FAIL),
    ],
)
def test_an_rsync_is_judged_by_what_it_says_and_by_its_package(
    version: str, protocol: int, package: str, verdict: str
) -> None:
    found = rsync_finding(f"rsync  version {version}  protocol version {protocol}\n", package=package)

    assert (found.verdict, "apt-get" in found.fix) == (verdict, verdict != OK)


def test_a_mistake_of_the_config_is_one_line_with_the_place_to_open(tmp_path: Path) -> None:
    config = tmp_path / "backupjump.yaml"
    config.write_text("store: {path: /srv}\nstor: 1\nmax_parallel: no\n")
    config.chmod(0o600)

    found, server = look_at_config(config)

    assert server is None
    assert {each.verdict for each in found} == {FAIL}
    assert [each.fix for each in found] == [f"${{EDITOR:-vi}} +{line} {config}" for line in (2, 3)]
    assert all("\n" not in each.evidence for each in found)


def test_who_may_write_to_the_config_or_beside_a_key_is_named_with_the_chmod(tmp_path: Path) -> None:
    config, folder, key = tmp_path / "a b.yaml", tmp_path / "keys", tmp_path / "keys/hop"
    folder.mkdir(0o777)
    folder.chmod(0o777)
    for file in (config, key):
        file.write_text("")
        file.chmod(0o664)

    modes, place, private = list(config_modes([config])), folder_finding([folder]), key_finding("desktop.key", "x", key)

    assert [each.verdict for each in (*modes, place, private)] == [FAIL, FAIL, FAIL]
    for each in (*modes, place, private):
        subprocess.run(["sh", "-c", each.fix], check=True)
    assert [path.stat().st_mode & 0o777 for path in (config, folder, key)] == [0o644, 0o700, 0o600]
    assert [each.verdict for each in (*config_modes([config]), folder_finding([folder]))] == [OK, OK]


def test_a_folder_that_the_system_needs_is_never_to_be_shut() -> None:
    for folder in ("/", "/etc", "/etc/ssh"):
        assert "chmod" not in folder_finding([Path(folder)]).fix


MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
90 22 8:1 / /srv/back\\040ups rw,nosuid,nodev shared:9 - xfs /dev/sdb1 rw,attr2
91 22 8:2 /@store /mnt/disk rw,nosuid,nodev,noexec - btrfs /dev/sdc rw
garbage
"""


@pytest.mark.parametrize(
    ("path", "verdict", "fix"),
    [
        ("/srv/back ups", WARN, "mount -o remount,nosuid,nodev,noexec '/srv/back ups'"),
        ("/srv/back ups/store", WARN, "mount -o remount,nosuid,nodev,noexec '/srv/back ups'"),
        ("/srv/back ups/a/b", SKIP, ""),
        ("/srv/back", SKIP, ""),
        ("/mnt/disk/a/b/c", OK, ""),
    ],
)
def test_a_disk_of_its_own_is_to_be_mounted_without_setuid_devices_and_programs(
    path: str, verdict: str, fix: str
) -> None:
    found = mount_finding(Path(path), mount_of(Path(path), MOUNTS))

    assert (found.verdict, found.fix.removeprefix("sudo ")) == (verdict, fix)


def test_a_mount_is_told_with_its_kind_of_filesystem() -> None:
    assert mount_of(Path("/mnt/disk/x"), MOUNTS) == Mount(
        at="/mnt/disk", kind="btrfs", options=frozenset({"rw", "nosuid", "nodev", "noexec"})
    )
    assert mount_of(Path("/mnt/disk"), "") is None


@pytest.mark.parametrize(
    ("free", "inodes", "verdicts"),
    [
        (100 * GIB, 10**6, (OK, OK)),
        (100 * GIB, None, (OK, OK)),
        (19 * GIB, 9_999, (WARN, WARN)),
        (FLOOR.bytes - 1, FLOOR.inodes - 1, (FAIL, FAIL)),
    ],
)
def test_room_is_amber_before_a_run_fails(free: int, inodes: int | None, verdicts: tuple[str, str]) -> None:
    room = Room(free_bytes=free, inodes=inodes, block=4096)

    found = list(room_findings(Path("/srv"), room, FLOOR, 500 * GIB))

    assert tuple(each.verdict for each in found) == verdicts
    assert [bool(each.fix) for each in found] == [verdict != OK for verdict in verdicts]


def test_a_store_that_others_get_into_is_red_only_where_they_get_to_a_snapshot(tmp_path: Path) -> None:
    store = tmp_path / "store"
    job = JobFolder(store, "laptop", "nightly")
    store.mkdir(0o700)
    job.make()
    verdicts = []
    for folder in (store, job.path.parent, job.path, job.snapshots):
        verdicts.append(look_at_modes(store, [job], marker()).verdict)
        folder.chmod(0o755)

    found = look_at_modes(store, [job], marker())

    assert verdicts == [OK, WARN, WARN, WARN]
    assert found.verdict == FAIL
    assert "write to it" in found.evidence
    subprocess.run(["sh", "-c", found.fix], check=True)
    assert look_at_modes(store, [job], marker()).verdict == OK


@pytest.mark.parametrize(
    ("kind", "lost", "words"),
    [
        (StoreKind.HARDLINK, {}, ""),
        (StoreKind.HARDLINK, {"xattrs": False}, "extended attributes"),
        (StoreKind.HARDLINK, {"hard_links": False, "locks": False}, "hard links, locks"),
        (StoreKind.BTRFS, {"no_subvolumes_why": ""}, ""),
        (StoreKind.BTRFS, {}, "subvolumes (the filesystem is not btrfs)"),
    ],
)
def test_a_filesystem_that_no_longer_keeps_what_the_marker_says_is_red(
    kind: StoreKind, lost: dict[str, object], words: str
) -> None:
    found = filesystem_finding(Path("/srv"), marker(kind), can(**lost))

    assert (found.verdict, words in found.evidence) == (FAIL if words else OK, True)


def test_the_trial_keeps_and_compares_as_a_pull_does() -> None:
    argv = link_argv(marker(), source=Path("/a"), base=Path("/b"), target=Path("/c"))

    assert argv == (
        "rsync", "-aHAX", "--numeric-ids", "--fake-super", "--modify-window=-1", "--link-dest=/b", "--", "/a/", "/c/",
    )  # fmt: skip


def test_a_clock_that_agrees_with_an_empty_store_is_good() -> None:
    assert look_at_clock([], now=NOW).verdict == OK


@pytest.mark.parametrize(
    ("left", "pinned", "histories", "fix"),
    [
        ("nothing", None, [], "mkdir -m 700 {store} && backupjump store init"),
        ("an empty folder", None, ["history-no-store.sqlite3"], "backupjump store init"),
        ("an empty folder", None, ["history-5aafc286-336f-44fc-b1b6-4821b59fa533.sqlite3"], "mount {store}"),
        ("an empty folder", "5aafc286-336f-44fc-b1b6-4821b59fa533", [], "mount {store}"),
        ("snapshots", None, [], "backupjump store init --yes"),
    ],
)
def test_an_unmounted_disk_is_to_be_mounted_and_never_made_a_second_store(
    tmp_path: Path, left: str, pinned: str | None, histories: list[str], fix: str
) -> None:
    store, state = tmp_path / "store", tmp_path / "state"
    state.mkdir()
    for name in histories:
        (state / name).touch()
    if left != "nothing":
        store.mkdir()
    if left == "snapshots":
        JobFolder(store, "laptop", "nightly").make()

    found, its_marker = look_at_marker(Server.model_validate({"store": {"path": str(store), "uuid": pinned}}), state)

    assert its_marker is None
    assert (found.verdict, found.fix.removeprefix("sudo ")) == (FAIL, fix.format(store=store))


@pytest.mark.parametrize(("days", "verdict"), [(None, OK), (61, OK), (60, WARN), (1, WARN), (0, FAIL), (-400, FAIL)])
def test_keys_that_end_are_amber_from_sixty_days_before_on(days: int | None, verdict: str) -> None:
    ends = None if days is None else (NOW + timedelta(days=days)).date()

    found = expiry_finding(desktop(expires=ends), today=NOW.date())

    assert (found.verdict, found.fix) == (verdict, "" if verdict == OK else "backupjump enroll rotate laptop")
