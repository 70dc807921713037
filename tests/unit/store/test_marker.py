"""The marker: what makes a folder a store, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import Ownership, StoreKind
from backupjump.errors import NoStore, StoreError
from backupjump.store.layout import MARKER_NAME
from backupjump.store.marker import Marker, read_marker, write_marker
from store_world import MARKER


@pytest.mark.parametrize("ownership", Ownership)
def test_a_marker_comes_back_as_it_was_written(tmp_path: Path, ownership: Ownership) -> None:
    marker = replace(MARKER, ownership=ownership, acls=False, nanoseconds=False)

    write_marker(tmp_path, marker)

    assert read_marker(tmp_path, uuid=MARKER.uuid) == marker
    assert [path.name for path in tmp_path.iterdir()] == [MARKER_NAME]


def test_the_keys_of_the_marker_are_what_the_design_says(tmp_path: Path) -> None:
    write_marker(tmp_path, MARKER)

    values = json.loads((tmp_path / "backupjump-store.json").read_text())

    assert values == {
        "format": 1,
        "uuid": MARKER.uuid,
        "kind": "hardlink",
        "timezone": "Europe/Paris",
        "ownership": "native",
        "capabilities": {"hard_links": True, "xattrs": True, "acls": True, "nanoseconds": True},
        "created_at": "2026-11-22T02:30:00Z",
    }


def test_a_store_from_before_there_were_kinds_is_one_of_hard_links(tmp_path: Path) -> None:
    write_marker(tmp_path, replace(MARKER, kind=StoreKind.BTRFS))
    written = read_marker(tmp_path)
    values = MARKER.to_json()
    del values["kind"]
    (tmp_path / MARKER_NAME).write_text(json.dumps(values))

    assert written.kind is StoreKind.BTRFS
    assert read_marker(tmp_path).kind is StoreKind.HARDLINK


def test_a_folder_without_a_marker_is_no_store_and_stays_empty(tmp_path: Path) -> None:
    with pytest.raises(NoStore) as caught:
        read_marker(tmp_path)

    assert "is its disk mounted?" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_another_disk_is_refused_with_both_uuids(tmp_path: Path) -> None:
    write_marker(tmp_path, MARKER)

    with pytest.raises(NoStore) as caught:
        read_marker(tmp_path, uuid="other")

    assert MARKER.uuid in str(caught.value)
    assert "the config says other" in str(caught.value)


def test_a_newer_format_is_refused_even_when_its_other_keys_are_unknown(tmp_path: Path) -> None:
    (tmp_path / MARKER_NAME).write_text('{"format": 2, "shape": "new"}')

    with pytest.raises(StoreError, match="format 2") as caught:
        read_marker(tmp_path)

    assert "update backupjump" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"format": 1}', b'{"format": "1"}', b"[" * 60000],
)
def test_a_damaged_marker_is_an_error_and_not_an_empty_store(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MARKER_NAME).write_bytes(content)

    with pytest.raises(StoreError, match="damaged") as caught:
        read_marker(tmp_path)

    assert not isinstance(caught.value, NoStore)


def test_an_ownership_that_is_unknown_is_damage() -> None:
    with pytest.raises(ValueError, match="none of ours"):
        Marker.from_json({**MARKER.to_json(), "ownership": "none of ours"})
