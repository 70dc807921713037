import json
from datetime import UTC, datetime, timedelta

import pytest

from backupjump.cli import render
from backupjump.cli.progress import told
from backupjump.rsync.progress import Progress


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1500, "1.5 kB"),
        (9_949, "9.9 kB"),
        (9_999, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (20_000_000_000, "20 GB"),
        (3_000_000_000_000_000, "3.0 PB"),
    ],
)
def test_sizes_are_told_in_powers_of_ten_with_two_digits_that_matter(count: int, text: str) -> None:
    assert render.size(count) == text


@pytest.mark.parametrize("items", [[], [{"a": 1}], [{"a": 1}, {"b": "ü"}]])
def test_a_list_is_one_json_array_whatever_its_length(
    items: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    render.json_array(items)

    assert json.loads(capsys.readouterr().out) == items


def test_a_table_in_a_pipe_keeps_every_cell_whole(capsys: pytest.CaptureFixture[str]) -> None:
    render.table(("name", "size"), [("x" * 300, "1"), ("[bold]y", "22")], right=("size",))

    lines = capsys.readouterr().out.splitlines()
    assert "x" * 300 in lines[1]
    assert "[bold]y" in lines[2]


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(), "0 B, 0 B/s"),
        (Progress(bytes_done=5_000_000, rate_bytes=1_000_000, checked=3, total=10), "5.0 MB, 1.0 MB/s, 3 of 10+ files"),
        (
            Progress(bytes_done=5_000_000, rate_bytes=1_000_000, checked=3, total=10, listing=False),
            "5.0 MB, 1.0 MB/s, 3 of 10 files",
        ),
    ],
)
def test_progress_is_one_line_and_promises_no_total_while_rsync_still_lists(progress: Progress, text: str) -> None:
    assert told(progress) == text


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (5_399, "89 minutes ago"), (5_400, "1 hour ago")]
    + [(172_799, "47 hours ago"), (172_800, "2 days ago")],
)
def test_an_age_is_told_as_roughly_as_one_asks_for_it(seconds: int, told: str) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    assert render.since(now - timedelta(seconds=seconds), now) == told
