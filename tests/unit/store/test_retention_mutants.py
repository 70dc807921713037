"""The properties of retention would notice: each fault below, put into its source, breaks at least one of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import Phase, given, settings

from backupjump.store import retention
from retention_world import PROPERTIES, Decide, History, histories

SOURCE = Path(retention.__file__).read_text()
# What is there, and what a slip of the hand would have written.
FAULTS = {
    "the first of a bucket": ("for snapshot in good:\n", "for snapshot in reversed(good):\n"),
    "no newest good": ("in good[:1])", "in good[:0])"),
    "hours of the wall clock": ('lambda at, _zone: f"{at:%', 'lambda at, _zone: f"{at.astimezone(_zone):%'),
    "the future unprotected": ("return snapshot.taken_at > now + FUTURE", "return False"),
    "holds passed over": ("        if _is_held(snapshot, held, now):", "        if False:"),
    "another limit of the future": ("FUTURE = timedelta(hours=24)", "FUTURE = timedelta(hours=48)"),
    "the calendar's year for a week": ("%G-W%V", "%Y-W%V"),
    "days of UTC": ("{at.astimezone(zone):%Y-%m-%d}", "{at:%Y-%m-%d}"),
    "no newest ok": ("if newest_ok is not None and", "if False and"),
    "a warning for an ok": ("if before.status is not Status.OK and", "if False and"),
    "suspect ones fill buckets": ("[snapshot for snapshot in past if snapshot.is_good]", "[*past]"),
    "the future fills buckets": ("newest_first if not _is_ahead(snapshot, now)]", "newest_first]"),
    "one too many": ("picked[:count]", "picked[: count + 1]"),
    "one too few": ("picked[:count]", "picked[: count - 1]"),
    "damaged ones go": ("newest_first if snapshot.problem)", "newest_first if False)"),
    "no sequence": ("    return when\n", "    return when[0], 0\n"),
    "latest by its time": ("key=lambda each: (each.sequence, _age(each))", "key=_age"),
    "latest unprotected": ("if latest is not None and latest", "if False and latest"),
    "the next base unprotected": ("if published and published[-1]", "if False and published[-1]"),
    "the base of an attempt goes": ("newest_first if snapshot.id in built_on)", "newest_first if False)"),
    "months without a year": ("%Y-%m}", "%m}"),
}
LIKELY_FIRST = sorted(PROPERTIES, key=lambda each: not each.__name__.startswith("p12"))
QUICK = ("the first of a bucket", "no newest good", "another limit of the future")


def mutated(fault: tuple[str, str]) -> Decide:
    """Return `decide` as it would be with a fault in its source."""
    there, instead = fault
    assert SOURCE.count(there) == 1, "the source has changed: write the fault anew"
    module = ModuleType("mutant")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(SOURCE.replace(there, instead), "mutant", "exec"), vars(module))  # noqa: S102
    finally:
        del sys.modules[module.__name__]
    decide: Decide = module.decide
    return decide


def notices(must_hold: Callable[[History, Decide], None], decide: Decide) -> bool:
    """Whether a property does not hold of `decide` for some history."""

    @settings(max_examples=250, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    @given(histories())
    def check(history: History) -> None:
        must_hold(history, decide)

    try:
        check()
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("fault", QUICK)
def test_a_fault_is_noticed(fault: str) -> None:
    decide = mutated(FAULTS[fault])

    assert any(notices(must_hold, decide) for must_hold in LIKELY_FIRST)


@pytest.mark.long
@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - set(QUICK)))
def test_each_further_fault_is_noticed(fault: str) -> None:
    decide = mutated(FAULTS[fault])

    assert any(notices(must_hold, decide) for must_hold in LIKELY_FIRST)


@pytest.mark.long
def test_the_source_itself_has_no_fault() -> None:
    decide = mutated(("FUTURE = timedelta(hours=24)", "FUTURE = timedelta(hours=24)"))

    assert not any(notices(must_hold, decide) for must_hold in LIKELY_FIRST)
