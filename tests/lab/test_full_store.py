"""A run into a store that fills up, is read-only, or is not there."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from program import backupjump

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

MEGABYTE = 1_000_000


@pytest.fixture
def small_store(lab: Lab) -> Iterator[Path]:
    """The lab's store on a file system of 64 MB of its own."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(lab.store)], check=True)
    try:
        yield lab.store
    finally:
        subprocess.run(["umount", str(lab.store)], check=True)


def stand(lab: Lab) -> Path:
    config = lab.server_config()
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    return config


def snapshots(store: Path) -> dict[str, object]:
    return {path.name: fingerprint(path) for path in (store / "desktop/nightly/snapshots").iterdir()}


def test_a_disk_that_fills_up_publishes_nothing_and_the_next_run_with_room_does(lab: Lab, small_store: Path) -> None:
    (lab.home / "small").write_bytes(b"s" * MEGABYTE)
    config = stand(lab)
    assert backupjump(config, "run", "nightly").code == 0
    before = snapshots(small_store)
    (lab.home / "large").write_bytes(b"l" * 90 * MEGABYTE)

    full = backupjump(config, "run", "nightly", "--json")
    during = snapshots(small_store)
    (lab.home / "large").write_bytes(b"l" * 2 * MEGABYTE)
    again = backupjump(config, "run", "nightly", "--json")

    assert (full.code, json.loads(full.out)["error"]["code"]) == (1, "disk-full")
    assert str(small_store) in json.loads(full.out)["error"]["message"] + json.loads(full.out)["error"]["hint"]
    assert during == before
    assert again.code == 0, again


def fill(store: Path) -> None:
    with (store / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"f" * 4096)


def test_a_run_that_finds_no_room_to_begin_is_what_status_tells_of(lab: Lab, small_store: Path) -> None:
    config = stand(lab)
    assert backupjump(config, "run", "nightly").code == 0
    fill(small_store)

    run = backupjump(config, "run", "nightly", "--json")
    status = backupjump(config, "status", "--json")

    assert (run.code, run.json["error"]["code"]) == (1, "disk-full")
    assert (status.code, status.json[0]["state"], status.json[0]["last_status"]) == (1, "broken", "failed")


def test_a_disk_with_no_byte_left_can_be_pruned(lab: Lab, small_store: Path) -> None:
    config = stand(lab)
    for number in range(2):
        (lab.home / "changing").write_bytes(bytes([number]) * MEGABYTE)
        assert backupjump(config, "run", "nightly").code == 0
    assert backupjump(config, "verify", "nightly", "--all").code == 0
    job = config.parent / "jobs/nightly.yaml"
    job.write_text(job.read_text() + "keep: {last: 1}\n")
    fill(small_store)

    said = backupjump(config, "prune", "nightly", "--json")

    assert (said.code, said.err) == (0, "")
    assert [each["pruned"] for each in said.json] == [True, False]
    assert list((small_store / "desktop/nightly/trash").iterdir()) == []


def test_a_store_that_is_mounted_read_only_fails_at_once_with_nothing_written(lab: Lab, small_store: Path) -> None:
    (lab.home / "file").write_text("content")
    config = stand(lab)
    subprocess.run(["mount", "-o", "remount,ro", str(small_store)], check=True)
    before = fingerprint(small_store)

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["status"]) == (1, "failed")
    assert "read-only" in said.json["error"]["message"]
    assert fingerprint(small_store) == before


def test_a_store_whose_disk_is_not_mounted_gets_nothing_written_below_its_mount_point(lab: Lab) -> None:
    (lab.home / "file").write_text("content")
    config = lab.server_config()
    lab.open_tunnel()

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["error"]["code"]) == (1, "no-store")
    assert list(lab.store.iterdir()) == []


def test_a_run_whose_snapshot_could_not_be_finished_names_none(lab: Lab) -> None:
    (lab.home / "file").write_text("content")
    config = stand(lab)
    assert backupjump(config, "run", "nightly").code == 0
    snapshots_folder = str(lab.store / "desktop/nightly/snapshots")
    subprocess.run(["mount", "--bind", snapshots_folder, snapshots_folder], check=True)  # a rename into it fails

    try:
        said = backupjump(config, "run", "nightly", "--json")
    finally:
        subprocess.run(["umount", snapshots_folder], check=True)

    assert (said.code, said.json["status"], said.json["snapshot"]) == (1, "failed", None)
    assert "can't be finished" in said.json["error"]["message"]
