"""What is told of the benchmark's figures: medians, ratios, tables, the picture and the page."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from bench.chart import MOST, UNIT, chart
from bench.page import BEGIN, END, commands, lost, merged, results, with_results
from bench.samples import Report, Sample, Spread, ratio, spread, whole_cpu
from bench.table import as_markdown, as_text, costs, noise, times

SVG = "{http://www.w3.org/2000/svg}"
PLACE = ("home", "ext4", "lan", "nothing-changed")


def sample(peer: str, seconds: float, **more: object) -> Sample:
    values: dict[str, object] = {
        **dict(zip(("tree", "store", "row", "work"), PLACE, strict=True)),
        "peer": peer,
        "round": 0,
        "line": f"{peer} | do",
        "seconds": seconds,
        "command_seconds": seconds + 1,
        "all_seconds": seconds + 2,
        "cpu_seconds": {"Server": seconds, "JumpNode": 0.0, "Desktop": 1.0},
        "memory_bytes": {"Server": 40_000_000, "JumpNode": 0, "Desktop": 20_000_000},
        "wire_bytes": 1_400_000,
        "store_bytes": 2_300_000_000,
        "elsewhere_seconds": 0.1,
    }
    return Sample(**{**values, **more})  # type: ignore[arg-type]


SAMPLES = [sample("backupjump", 2.0), *(sample("rsync", seconds) for seconds in (4.0, 9.0, 5.0))]
REPORT = Report({"system": "a & b"}, {"rsync": "3"}, {"command": "bench <now>", "processors": 2}, SAMPLES)


def test_a_ratio_is_that_of_the_medians_to_rsync_by_hand_at_the_same_place() -> None:
    elsewhere = sample("rsync", 100.0, tree="tiny")

    assert spread(SAMPLES, PLACE, "rsync") == Spread(median=5.0, least=4.0, most=9.0, count=3)
    assert ratio([*SAMPLES, elsewhere], PLACE, "backupjump") == pytest.approx(0.4)
    assert ratio(SAMPLES, PLACE, "backupjump", whole_cpu) == pytest.approx(3.0 / 6.0)


def test_without_rsync_by_hand_there_is_no_ratio() -> None:
    assert ratio(SAMPLES[:1], PLACE, "backupjump") is None
    assert ratio(SAMPLES, PLACE, "borg") is None


def test_the_table_of_seconds_has_medians_spread_and_ratio() -> None:
    head, row = times(SAMPLES, "home", "ext4")

    assert head[1:] == ["rsync", "backupjump"]
    assert row == ["nothing changed", "5.00 (4.00-9.00, 3)", "2.00 ×0.40"]


def test_the_table_of_costs_has_when_all_of_it_ended_and_what_each_machine_spent() -> None:
    _, _, ours = costs(SAMPLES, "home", "ext4")

    assert ours == [
        "nothing changed",
        "backupjump",
        "3.00",
        "4.00",
        "2.00 + 0.00 + 1.00",
        "0.50",
        "40 / 20",
        "1.4",
        "2300",
    ]


def test_what_a_lab_can_not_tell_is_left_open() -> None:
    blind = sample("rsync", 1.0, cpu_seconds={}, memory_bytes={}, wire_bytes=-1)

    assert costs([blind], "home", "ext4")[1][4:8] == ["–", "–", "–", "–"]


def test_tables_are_square() -> None:
    rows = costs(SAMPLES, "home", "ext4")

    assert len(as_text(rows).splitlines()) == len(rows) + 1
    assert {line.count("|") for line in as_markdown(rows).splitlines()} == {len(rows[0]) + 1}


def test_a_report_comes_back_from_its_json() -> None:
    assert Report.from_json(REPORT.to_json()) == REPORT


def test_a_machine_that_did_other_things_meanwhile_is_told() -> None:
    assert "too much" not in noise(SAMPLES, 2)
    assert "too much" in noise([sample("rsync", 1.0, elsewhere_seconds=2.0)], 2)


def test_the_picture_is_well_formed_and_has_a_bar_as_long_as_each_ratio() -> None:
    samples = [*SAMPLES, sample("borg", 50.0), sample("rsync+pty", 5.0)]

    picture = ET.fromstring(chart(samples))

    widths = {
        rect.get("class"): float(rect.get("width", "0"))
        for rect in picture.iter(f"{SVG}rect")
        if rect.get("class") not in ("p", "l")
    }
    assert widths == {
        "rsync": pytest.approx(UNIT),
        "backupjump": pytest.approx(UNIT * 0.4, abs=0.1),
        "borg": pytest.approx(UNIT * MOST),
    }
    said = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    assert {"nothing changed", "2.00 s × 0.40", "… 50.00 s × 10.00", "rsync+pty"} <= set(said)


def test_the_picture_shows_seconds_where_there_is_nothing_to_compare_with() -> None:
    assert "2.00 s" in chart(SAMPLES[:1])


def test_the_page_keeps_what_stands_around_the_results() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    assert with_results(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    with pytest.raises(ValueError, match="the page has no"):
        with_results("nothing", "new")


def test_the_results_have_the_machine_the_versions_and_the_exact_commands() -> None:
    text = results([REPORT], SAMPLES)

    assert "| system | a & b |" in text
    assert "`bench <now>`" in text
    assert r"| backupjump | nothing changed | `backupjump \| do` |" in text
    assert len(commands(SAMPLES)) == 3


def test_what_loses_is_told() -> None:
    said = "\n".join(lost([sample("backupjump", 6.0), *SAMPLES[1:]]))

    assert "- home on ext4, nothing changed: 6.00 s; rsync 5.00 s" in said
    assert "- home on ext4, nothing changed: × 1.17" in said
    assert "\n".join(lost(SAMPLES)).count("- nowhere") == 2


def test_of_two_reports_a_place_is_wholly_that_of_the_last_one_that_has_it() -> None:
    newer = Report({}, {}, {}, [sample("rsync", 1.0)])
    other = Report({}, {}, {}, [sample("rsync", 3.0, tree="tiny")])

    assert merged([REPORT, other, newer]) == [other.samples[0], newer.samples[0]]
