from datetime import UTC, datetime
from pathlib import Path

import pytest

from backupjump.operations.link_speeds import recall_link, remember_link

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


def test_each_way_has_the_number_of_its_last_transfer(tmp_path: Path) -> None:
    remember_link(tmp_path, "laptop", "direct", 80_000_000, now=NOW)
    remember_link(tmp_path, "laptop", "proxyjump over home", 9_000_000, now=NOW)
    remember_link(tmp_path, "laptop", "direct", 70_000_000, now=NOW)

    assert recall_link(tmp_path, "laptop", "direct") == 70_000_000
    assert recall_link(tmp_path, "laptop", "proxyjump over home") == 9_000_000
    assert recall_link(tmp_path, "laptop", "local") is None
    assert recall_link(tmp_path, "desktop", "direct") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 9999,
        '{"direct": 7}',
        '{"direct": {}}',
        '{"direct": {"bytes_per_second": "9"}}',
        '{"direct": {"bytes_per_second": true}}',
        '{"direct": {"bytes_per_second": -1}}',
        "\xff",
    ],
)
def test_what_is_damaged_is_not_known_and_measured_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "links").mkdir(mode=0o700)
    (tmp_path / "links/laptop.json").write_text(text, encoding="latin-1")

    assert recall_link(tmp_path, "laptop", "direct") is None

    remember_link(tmp_path, "laptop", "direct", 5, now=NOW)

    assert recall_link(tmp_path, "laptop", "direct") == 5


def test_a_state_folder_that_can_not_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "links").write_text("a file in the folder's place")

    remember_link(tmp_path, "laptop", "direct", 5, now=NOW)

    assert recall_link(tmp_path, "laptop", "direct") is None
