"""The picture of a terminal is plain SVG that any browser shows, and that runs nothing."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

HOUSE = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def recorder() -> ModuleType:
    spec = spec_from_file_location("record", HOUSE / "docs/record.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_what_a_program_writes_is_seen_and_each_line_stands_in_the_picture_once(recorder: ModuleType) -> None:
    program = [sys.executable, "-c", "print('<b>&\\x1b[31mred\\x1b[0m'); print('<b>&\\x1b[31mred\\x1b[0m')"]

    picture = ET.fromstring(recorder.svg(tuple(recorder.record(program)), title="a & b"))

    lines = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    assert lines.count("<b>&red") == 1
    (last,) = list(picture.iter(f"{SVG}g"))[-1:]
    assert len([use for use in last if use.get("href")]) >= 3, "the prompt's line and two of the program"


def test_a_program_that_fails_makes_no_picture(recorder: ModuleType) -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        tuple(recorder.record([sys.executable, "-c", "raise SystemExit(3)"]))


@pytest.mark.parametrize("picture", sorted((HOUSE / "docs/pictures").glob("*.svg")), ids=lambda file: file.name)
def test_the_pictures_of_the_readme_run_nothing_and_ask_for_nothing(picture: Path) -> None:
    found = {element.tag.removeprefix(SVG) for element in ET.parse(picture).iter()}
    text = picture.read_text()

    assert found <= {"svg", "title", "style", "defs", "text", "tspan", "rect", "circle", "g", "use"}
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "@import" not in text
