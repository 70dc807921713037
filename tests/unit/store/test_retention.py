"""Retention: which snapshots stay, why, and what stops a prune."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from backupjump.config.models import Keep
from backupjump.run import Status
from backupjump.store.marks import Hold
from backupjump.store.retention import Decision, brakes, decide
from backupjump.store.snapshots import Snapshot
from retention_world import PROPERTIES, REAL, Decide, History, histories, make

GOLDEN = Path(__file__).parents[2] / "golden" / "retention"
PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize("must_hold", PROPERTIES, ids=lambda each: each.__name__)
def test_it_holds_of_every_history(must_hold: Callable[[History, Decide], None]) -> None:
    try_histories(must_hold, count=60)


@pytest.mark.long
@pytest.mark.parametrize("must_hold", PROPERTIES, ids=lambda each: each.__name__)
def test_it_holds_of_very_many_histories(must_hold: Callable[[History, Decide], None]) -> None:
    try_histories(must_hold, count=1500)


def try_histories(must_hold: Callable[[History, Decide], None], *, count: int) -> None:
    @settings(max_examples=count, deadline=None)
    @given(histories())
    def check(history: History) -> None:
        must_hold(history, REAL)

    check()


def nightly(nights: int, *, last: datetime = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)) -> list[Snapshot]:
    return [make(last - number * DAY) for number in range(nights)]


def golden_cases() -> dict[str, tuple[Decision, ...]]:
    """Return what is decided in each of the cases that have a golden file."""
    year = nightly(400)
    odd = nightly(12)
    odd[0] = make(odd[0].taken_at, Status.WARNING)
    odd[2] = make(odd[2].taken_at, Status.SUSPECT)
    odd[3] = make(odd[3].taken_at, problem="meta.json is not JSON")
    odd[11] = make(odd[11].taken_at, Status.SUSPECT)
    odd += [make(NOW + 30 * DAY), make(odd[1].taken_at - HOUR, Status.WARNING), make(odd[1].taken_at, sequence=2)]
    held = {
        odd[6].id: Hold(until=NOW + 40 * DAY, note="taxes"),
        odd[7].id: Hold(),
        odd[8].id: Hold(until=NOW - DAY),
    }
    autumn = [make(datetime(2026, 10, 24, 22, tzinfo=UTC) + number * HOUR / 2) for number in range(12)]

    def by(snapshots: list[Snapshot], keep: Keep | None, held: dict[str, Hold] | None = None) -> tuple[Decision, ...]:
        return decide(snapshots, keep, held=held or {}, zone=PARIS, now=NOW)

    return {
        "a-year-of-nights": by(year, Keep(last=3, daily=7, weekly=4, monthly=12)),
        "everything-odd": by(odd, Keep(daily=3), held),
        "no-keep": by(year[:3], None),
        "hours-of-a-clock-change": by(autumn, Keep(hourly=4, daily=2)),
        "years": by([make(NOW - number * 100 * DAY) for number in range(12)], Keep(yearly=3)),
    }


@pytest.mark.parametrize("name", golden_cases())
def test_each_reason_is_told_as_it_was(name: str) -> None:
    told = "".join(
        f"{decision.snapshot.id:24} {'; '.join(decision.reasons) or '-'}\n" for decision in golden_cases()[name]
    )

    assert told == (GOLDEN / f"{name}.txt").read_text()


def test_every_golden_file_has_its_case() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(golden_cases())


def test_a_suspect_one_goes_when_it_is_more_than_a_week_older_than_the_newest_good_one() -> None:
    newest = NOW - HOUR
    suspects = [make(newest - age, Status.SUSPECT) for age in (DAY, 7 * DAY, 7 * DAY + HOUR)]

    decided = decide([make(newest), *suspects], Keep(last=1), held={}, zone=PARIS, now=NOW)

    assert [decision.goes for decision in decided] == [False, False, False, True]


def test_a_lone_suspect_one_stays_to_be_looked_at_however_old() -> None:
    decided = decide([make(NOW), make(NOW - 900 * DAY, Status.SUSPECT)], Keep(last=1), held={}, zone=PARIS, now=NOW)

    assert [decision.reasons[-1] for decision in decided] == ["last 1 of 1", "suspect: the newest one"]


def decisions(*, good: int, going: int) -> tuple[Decision, ...]:
    """Return what would be decided of `good` nights until yesterday, the oldest of which go."""
    snapshots = nightly(good, last=NOW - HOUR)
    stay = [Decision(snapshot=each, reasons=("daily",)) for each in snapshots[: good - going]]
    go = [Decision(snapshot=each, reasons=()) for each in snapshots[good - going :]]
    return (*stay, *go)


@pytest.mark.parametrize(
    ("good", "going", "stopped"),
    [(10, 0, False), (4, 3, False), (10, 3, False), (10, 4, True), (16, 4, False), (16, 5, True), (400, 100, False)],
)
def test_more_than_three_and_a_quarter_do_not_go_at_once(good: int, going: int, *, stopped: bool) -> None:
    told = brakes(decisions(good=good, going=going), now=NOW)

    assert told == (f"{going} of {good} good snapshots would go at once" if stopped else None)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (NOW - 2 * HOUR, "before the newest record, 2026-11-22T11:00:00Z"),
        (NOW - HOUR, None),
        (NOW + 59 * DAY, None),
        (NOW + 61 * DAY, "61 days after the newest record"),
    ],
)
def test_a_clock_that_can_t_be_right_stops_a_prune(now: datetime, words: str | None) -> None:
    told = brakes(decisions(good=10, going=1), now=now)

    assert (words is None) == (told is None)
    assert words is None or words in (told or "")


def test_runs_that_published_nothing_show_that_the_clock_is_right() -> None:
    told = brakes(decisions(good=10, going=1), now=NOW + 100 * DAY, recorded_at=NOW + 99 * DAY)

    assert told is None


def test_a_run_that_is_recorded_later_than_now_shows_that_the_clock_is_wrong() -> None:
    told = brakes(decisions(good=10, going=1), now=NOW, recorded_at=NOW + HOUR)

    assert told is not None
    assert "before the newest record" in told


def test_a_wrong_clock_stops_nothing_when_nothing_goes() -> None:
    assert brakes(decisions(good=10, going=0), now=NOW - 300 * DAY) is None


@pytest.mark.parametrize("place", [0, 5, 10])
def test_one_that_awaits_its_ack_stops_a_prune_until_someone_has_looked(place: int) -> None:
    waiting = Decision(snapshot=make(NOW, Status.SUSPECT), reasons=("suspect",))
    acked = replace(waiting, snapshot=replace(waiting.snapshot, acked=True))
    others = decisions(good=10, going=1)

    told = brakes((*others[:place], waiting, *others[place:]), now=NOW + HOUR)
    told_of_acked = brakes((*others[:place], acked, *others[place:]), now=NOW + HOUR)

    assert told == f"snapshot {waiting.snapshot.id} is suspect; if what changed in it is right: backupjump ack j"
    assert told_of_acked is None


def test_damage_stops_a_prune_since_an_older_snapshot_may_heal_it() -> None:
    first, *others = decisions(good=10, going=1)
    damaged = replace(first, snapshot=replace(first.snapshot, damaged=2))

    told = brakes((damaged, *others), now=NOW)

    assert told is not None
    assert f"damage in 1 of 10 snapshots, {first.snapshot.id} among them" in told
    assert "backupjump verify j --all --heal" in told
    lost = replace(damaged, snapshot=replace(damaged.snapshot, problem="meta.json is not JSON"))
    given_up = replace(damaged, snapshot=replace(damaged.snapshot, given_up=2))
    assert [brakes((each, *others), now=NOW) for each in (lost, given_up)] == [None, None]


def test_after_a_clock_was_set_back_the_last_published_one_is_latest_and_stays() -> None:
    ahead, corrected = make(NOW - HOUR, published=1), make(NOW - 9 * DAY, published=2)

    decided = decide([ahead, corrected], Keep(last=1), held={}, zone=PARIS, now=NOW)

    assert [decision.reasons for decision in decided] == [("newest good", "last 1 of 1"), ("latest",)]


def test_what_a_broken_off_run_builds_on_stays() -> None:
    newest, older = make(NOW - HOUR, published=2), make(NOW - 9 * DAY, published=1)

    decided = decide([newest, older], Keep(last=1), held={}, zone=PARIS, now=NOW, built_on=[older.id])

    assert decided[1].reasons == ("a broken-off run builds on it",)


def test_what_is_seeding_stays_until_there_is_a_good_one_and_a_week_where_that_did_not_replace_it() -> None:
    def seeding(at: datetime) -> Snapshot:
        return replace(make(at, Status.INTERRUPTED), is_seeding=True)

    alone = decide([seeding(NOW - 90 * DAY)], Keep(last=1), held={}, zone=PARIS, now=NOW)
    beside = decide(
        [make(NOW), seeding(NOW - 2 * DAY), seeding(NOW - 9 * DAY)], Keep(last=9, daily=9), held={}, zone=PARIS, now=NOW
    )

    assert [decision.reasons for decision in alone] == [("seeding: there is no whole backup yet",)]
    assert [decision.reasons for decision in beside[1:]] == [
        ("seeding: not 7 days older than the newest good one",),
        (),
    ]
