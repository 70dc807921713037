from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from backupjump.logs import form_in_force, log_fields, set_up_logging, tell_error

log = logging.getLogger("backupjump.operations.pull")


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    ours = logging.getLogger("backupjump")
    before = (ours.handlers, ours.level, ours.propagate)
    yield
    ours.handlers, ours.propagate = before[0], before[2]
    ours.setLevel(before[1])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_each_line_is_an_object_that_tells_when_how_bad_and_of_which_run(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=1, quiet=False, form="json")
    with log_fields(job="nightly", run_id="20261122T023000Z-abc"):
        log.info("%s: reached %s", "nightly", "laptop")
    log.warning("no run is under way")

    first, second = lines(capsys)
    assert first.pop("at").endswith("Z")
    assert first == {
        "level": "info",
        "message": "nightly: reached laptop",
        "logger": "backupjump.operations.pull",
        "job": "nightly",
        "run_id": "20261122T023000Z-abc",
    }
    assert "job" not in second


def test_an_error_that_ends_the_command_has_its_remedy_in_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=1, quiet=False, form="json")
    tell_error("no store here", "backupjump store init")

    (line,) = lines(capsys)
    assert (line["level"], line["message"], line["hint"]) == ("error", "no store here", "backupjump store init")


def test_a_name_that_is_no_text_breaks_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=1, quiet=False, form="json")
    log.info("odd: %s", "a\nb\x1b[31m\udcff")

    assert lines(capsys)[0]["message"] == "odd: a\nb\x1b[31m\udcff"


def test_a_bug_comes_with_its_traceback_in_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=1, quiet=False, form="json")
    try:
        raise RuntimeError("odd")
    except RuntimeError:
        log.exception("backupjump broke")

    assert "RuntimeError: odd" in lines(capsys)[0]["traceback"]


def test_children_are_started_with_the_form_in_force() -> None:
    set_up_logging(verbose=1, quiet=False, form="json")
    assert form_in_force() == "json"
    set_up_logging(verbose=0, quiet=False)
    assert form_in_force() == "text"
