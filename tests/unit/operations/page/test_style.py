"""The page's own files: its colours can be told apart, its template lets no value in raw, and a wheel has both."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "backupjump/operations/page"
CSS = (FOLDER / "page.css").read_text()

STATES = ("good", "warning", "bad", "suspect", "away")
# WCAG 2.2, 1.4.3: 4.5 for text; 1.4.11: 3 for what a picture must show.
PAIRS = [
    *((colour, ground, 4.5) for colour in ("text", "quiet", "accent") for ground in ("ground", "card")),
    *((state, "card", 4.5) for state in STATES),
    *(("on-state", state, 4.5) for state in STATES),
    *((state, "ground", 3) for state in STATES),
    ("text", "code", 4.5),
    ("accent", "area", 3),
    ("bad", "area", 3),
]


def colours(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css))


LIGHT = colours(CSS.partition("@media")[0])
DARK = {**LIGHT, **colours(CSS.partition("prefers-color-scheme: dark")[2].partition("*::before")[0])}


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_of_contrast_is_the_known_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("scheme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_every_colour_stands_out_from_what_is_behind_it(scheme: str, palette: dict[str, str]) -> None:
    found = {(one, other): contrast(palette[one], palette[other]) for one, other, _least in PAIRS}

    assert {pair: found[pair] for *pair, least in PAIRS if found[tuple(pair)] < least} == {}


def test_dark_has_a_colour_of_its_own_for_each_of_the_light_ones() -> None:
    assert {name for name in LIGHT if LIGHT[name] == DARK[name]} == set()


def test_no_colour_stands_in_a_rule_and_no_address_in_the_style() -> None:
    rules = re.sub(r"--[\w-]+: #[0-9a-f]{6};", "", CSS)

    assert re.findall(r"#[0-9a-f]{3,8}\b|rgb|hsl|url\(|@import|@font-face|expression", rules) == []


def test_each_kind_of_day_and_each_state_has_a_sign_beside_its_colour() -> None:
    signs = dict(
        chain.from_iterable(
            ((name, sign) for name in re.findall(r"\.day\.(\w+)::before", selectors))
            for selectors, sign in re.findall(r"([^{}]*)\{ content: (\"[^\"]+\");", CSS)
        )
    )

    assert set(signs) == {"ok", "warning", "suspect", "failed", "interrupted", "deferred", "away", "none"}
    assert len(set(signs.values())) == len(signs)


def test_the_template_lets_no_value_in_raw() -> None:
    template = (FOLDER / "page.html").read_text()

    assert re.findall(r"\|\s*safe|autoescape|<script|\son\w+=|\sstyle=|javascript:", template) == []
    # Every attribute is quoted, and no value stands in the name of one or of an element.
    assert re.findall(r"=\{\{|<\{\{|<[^>\"]*\s\{\{", template) == []
    assert set(re.findall(r"(?:href|src|action|data)=\"([^\"]*)\"", template)) == {
        "data:,",
        "#main",
        "#job-{{ loop.index }}",
    }


def test_a_wheel_has_what_the_page_is_made_of(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)

    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"backupjump/operations/page/{name}" for name in ("page.html", "page.css", "render.py")} <= names
