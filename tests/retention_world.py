"""Histories of snapshots as hypothesis draws them, and what must hold of every decision on them.

Nothing here is taken from retention.py but the function under test, so that a changed constant shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from backupjump.config.models import Keep
from backupjump.run import Status
from backupjump.store.layout import snapshot_id
from backupjump.store.marks import Hold
from backupjump.store.retention import Decision
from backupjump.store.retention import decide as the_real_decide
from backupjump.store.snapshots import Snapshot

Decide = Callable[..., tuple[Decision, ...]]
DAY = timedelta(days=1)
# Where calendars are odd: clock changes, by half an hour (Lord Howe) too, a day that was skipped (Apia), weeks
# that straddle a year, days that are not UTC's.
PLACES = (
    ("UTC", datetime(2024, 12, 28, 23, tzinfo=UTC)),
    ("UTC", datetime(2026, 12, 30, tzinfo=UTC)),
    ("Europe/Paris", datetime(2026, 10, 25, tzinfo=UTC)),
    ("Europe/Paris", datetime(2026, 3, 29, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 5, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 11, 22, 18, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, 8, tzinfo=UTC)),
)
# Seconds between snapshots, at every scale that a rule looks at.
SCALES = (1, 600, 1800, 3600, 6 * 3600, 86400, 156 * 3600, 7 * 86400, 31 * 86400, 300 * 86400)


def make(
    at: datetime, status: Status = Status.OK, *, sequence: int = 1, published: int = 0, problem: str = ""
) -> Snapshot:
    """Return a snapshot taken at a time, the `sequence`th of its second and the `published`th of the job."""
    id_ = snapshot_id(at, sequence=sequence)
    named = Snapshot(id=id_, path=Path(id_), desktop="d", job="j", status=status, taken_at=at)
    return replace(named, sequence=published, problem=problem)


@dataclass(frozen=True, kw_only=True)
class History:
    """What `decide` is asked about; snapshots oldest first, which need not be the order of their publication."""

    snapshots: tuple[Snapshot, ...]
    built_on: frozenset[str] = frozenset()
    keep: Keep
    held: Mapping[str, Hold]
    zone: tzinfo
    now: datetime

    def decided(self, decide: Decide) -> tuple[Decision, ...]:
        """Ask `decide`."""
        return decide(self.snapshots, self.keep, held=self.held, zone=self.zone, now=self.now, built_on=self.built_on)

    def kept(self, decide: Decide) -> set[str]:
        """Return the ids that stay."""
        return {decision.snapshot.id for decision in self.decided(decide) if not decision.goes}

    @property
    def good(self) -> tuple[Snapshot, ...]:
        """The good ones that were taken by a clock that `now` does not contradict, newest first."""
        return tuple(each for each in reversed(self.snapshots) if each.is_good and each.taken_at <= self.now + DAY)

    @property
    def published(self) -> tuple[Snapshot, ...]:
        """Those that are not damaged, in the order of their publication."""
        return tuple(sorted((each for each in self.snapshots if not each.problem), key=lambda each: each.sequence))

    @property
    def latest(self) -> set[str]:
        """The id of what `latest` names, if there is any."""
        return {each.id for each in [each for each in self.published if each.is_good][-1:]}


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw up to 25 snapshots whose distances are of one or of several scales."""
    scales = draw(st.lists(st.sampled_from(SCALES), min_size=1, max_size=3))
    steps = draw(
        st.lists(
            st.tuples(st.sampled_from(scales), st.integers(0, 4)),
            min_size=draw(st.sampled_from((1, 6, 12))),
            max_size=25,
        )
    )
    zone, at = draw(st.sampled_from(PLACES))
    sequence, snapshots = 1, []
    for scale, times in steps:
        sequence = sequence + 1 if snapshots and not times else 1
        at += timedelta(seconds=scale * times)
        status = draw(st.sampled_from((Status.OK, Status.OK, Status.OK, Status.WARNING, Status.SUSPECT)))
        problem = draw(st.sampled_from(("", "", "", "", "", "broken")))
        snapshots.append(make(at, status, sequence=sequence, problem=problem))
    # Once, the clock may have been set back: what was published first is then the newest by its time.
    set_back = draw(st.sampled_from((0, 0, 0, 1, 3, len(snapshots) - 1)))
    snapshots = [
        replace(each, sequence=1 + (number + set_back) % len(snapshots)) for number, each in enumerate(snapshots)
    ]
    ids = [snapshot.id for snapshot in snapshots]
    ahead = draw(st.sampled_from((0, 1, 3600, 20 * 3600, 400 * 86400)))
    back = draw(st.sampled_from((0, 0, 0, 23 * 3600, 30 * 3600, 3 * 86400, 90 * 86400)))
    now = at + timedelta(seconds=ahead) - timedelta(seconds=back)
    ends = st.sampled_from((None, now + DAY, now - DAY))
    return History(
        snapshots=tuple(snapshots),
        keep=draw(keeps()),
        held=draw(st.dictionaries(st.sampled_from(ids), st.builds(Hold, until=ends), max_size=3)),
        built_on=draw(st.frozensets(st.sampled_from(ids), max_size=1)),
        zone=ZoneInfo(zone),
        now=now,
    )


@st.composite
def keeps(draw: st.DrawFn) -> Keep:
    """Draw a policy with one to three rules."""
    rules = st.sampled_from(("last", "hourly", "daily", "weekly", "monthly", "yearly"))
    counts = st.sampled_from((1, 1, 2, 3, 7, 1000))
    return Keep(**draw(st.dictionaries(rules, counts, min_size=1, max_size=3)))


def p1_a_second_look_at_what_stays_deletes_nothing(history: History, decide: Decide) -> None:
    kept = history.kept(decide)
    left = replace(history, snapshots=tuple(each for each in history.snapshots if each.id in kept))

    assert left.kept(decide) == kept


def p2_the_newest_good_one_and_the_newest_ok_one_stay(history: History, decide: Decide) -> None:
    oks = [each for each in history.good if each.status is Status.OK]

    assert {each.id for each in (*history.good[:1], *oks[:1])} <= history.kept(decide)


def p3_what_is_held_stays_until_the_hold_ends(history: History, decide: Decide) -> None:
    held = {id_ for id_, hold in history.held.items() if hold.until is None or hold.until > history.now}
    unheld = replace(history, held={id_: hold for id_, hold in history.held.items() if id_ in held})

    assert held <= history.kept(decide)
    assert unheld.kept(decide) == history.kept(decide)


def p4_time_that_passes_deletes_no_good_one(history: History, decide: Decide) -> None:
    forever = replace(history, held={id_: Hold() for id_ in history.held})
    in_order = replace(forever, now=max(history.now, history.snapshots[-1].taken_at))
    for days in (1, 40, 400, 5 * 365):
        later = replace(in_order, now=in_order.now + days * DAY)

        assert later.kept(decide) == in_order.kept(decide)


def p5_a_clock_that_went_back_deletes_nothing_from_the_future(history: History, decide: Decide) -> None:
    forever = replace(history, held={id_: Hold() for id_ in history.held})
    kept = forever.kept(decide)
    for back in (timedelta(hours=25), 8 * DAY, 100 * DAY, 2000 * DAY):
        before = replace(forever, now=history.now - back)
        future = {each.id for each in history.snapshots if each.taken_at > before.now + DAY}

        assert future <= before.kept(decide)
        assert {id_ for id_ in kept if id_ in {each.id for each in history.good}} <= before.kept(decide)


def p6_a_larger_number_never_deletes_more(history: History, decide: Decide) -> None:
    for rule, count in history.keep:
        more = replace(history, keep=history.keep.model_copy(update={rule: count + 1}))

        assert history.kept(decide) <= more.kept(decide)


def p7_what_is_not_good_has_no_say_in_which_good_ones_stay(history: History, decide: Decide) -> None:
    free = replace(history, built_on=frozenset())
    alone = replace(free, snapshots=tuple(each for each in history.snapshots if each.is_good))
    good = {each.id for each in alone.snapshots}

    assert free.kept(decide) & good == alone.kept(decide)


def p8_the_order_of_what_is_asked_does_not_matter(history: History, decide: Decide) -> None:
    turned = replace(history, snapshots=history.snapshots[::-1])
    mixed = replace(history, snapshots=history.snapshots[1::2] + history.snapshots[::2])

    assert turned.decided(decide) == mixed.decided(decide) == history.decided(decide)
    ages = [(each.snapshot.taken_at, len(each.snapshot.id), each.snapshot.id) for each in history.decided(decide)]
    assert ages == sorted(ages, reverse=True)


def p9_an_empty_policy_keeps_all(history: History, decide: Decide) -> None:
    everything = {each.id for each in history.snapshots}

    assert replace(history, keep=Keep()).kept(decide) == everything
    assert {
        each.snapshot.id for each in decide(history.snapshots, None, held={}, zone=UTC, now=history.now)
    } == everything


def p10_no_more_good_ones_stay_than_were_asked_for(history: History, decide: Decide) -> None:
    free = replace(history, held={}, built_on=frozenset())
    asked_for = sum(count for _rule, count in history.keep)

    assert len(free.kept(decide) & {each.id for each in history.good} - history.latest) <= asked_for + 2


def p11_pruning_after_each_run_keeps_what_one_prune_at_the_end_keeps(history: History, decide: Decide) -> None:
    at_the_end = replace(history, held={}, built_on=frozenset(), now=history.snapshots[-1].taken_at)
    left: tuple[Snapshot, ...] = ()
    for snapshot in sorted(history.snapshots, key=lambda each: each.sequence):
        each = replace(at_the_end, snapshots=(*left, snapshot), now=snapshot.taken_at)
        kept = each.kept(decide)
        left = tuple(one for one in each.snapshots if one.id in kept)

    assert at_the_end.kept(decide) <= {each.id for each in left}


def p12_each_bucket_of_the_calendar_has_one_that_stands_for_it(history: History, decide: Decide) -> None:
    """The newest ok one, else the newest; by a calendar of our own, with an hour of UTC for an hour."""
    for rule, bucket_of in CALENDAR.items():
        for count in (1, 3, 1000):
            asked = replace(history, keep=Keep(**{rule: count}), held={}, built_on=frozenset())
            buckets = [
                list(group) for _, group in groupby(history.good, key=lambda each: bucket_of(each, history.zone))
            ]
            chosen = {_stands_for(bucket).id for bucket in buckets[:count]}
            always = {each.id for each in history.good[:1]}
            always |= {each.id for each in [each for each in history.good if each.status is Status.OK][:1]}
            always |= history.latest & {each.id for each in history.good}

            assert asked.kept(decide) & {each.id for each in history.good} == chosen | always


def p13_every_one_that_stays_has_a_reason_and_each_reason_is_told_once(history: History, decide: Decide) -> None:
    for decision in history.decided(decide):
        assert decision.goes == (not decision.reasons)
        assert all(decision.reasons)
        assert len(set(decision.reasons)) == len(decision.reasons)
    assert len(history.decided(decide)) == len(history.snapshots)


def p14_a_damaged_one_stays_and_so_does_a_suspect_one_for_a_week(history: History, decide: Decide) -> None:
    damaged = {each.id for each in history.snapshots if each.problem}
    suspects = [each for each in reversed(history.snapshots) if not each.problem and not each.is_good]
    past = [each for each in suspects if each.taken_at <= history.now + DAY]
    young = {each.id for each in suspects if not history.good or each.taken_at >= history.good[0].taken_at - 7 * DAY}

    assert damaged | young | {each.id for each in past[:1]} <= history.kept(decide)


def p15_what_was_published_last_stays_whatever_its_time_and_so_does_what_an_attempt_builds_on(
    history: History, decide: Decide
) -> None:
    last = {each.id for each in history.published[-1:]}
    odd = last | {each.id for each in history.published if each.taken_at > history.now - DAY}
    suspects = tuple(replace(each, status=Status.SUSPECT) if each.id in odd else each for each in history.snapshots)
    for one in (history, replace(history, snapshots=suspects)):
        assert last | one.latest | one.built_on <= one.kept(decide)


def _stands_for(bucket: Sequence[Snapshot]) -> Snapshot:
    return next((each for each in bucket if each.status is Status.OK), bucket[0])


def _local_day(snapshot: Snapshot, zone: tzinfo) -> date:
    return snapshot.taken_at.astimezone(zone).date()


def _monday(snapshot: Snapshot, zone: tzinfo) -> date:
    day = _local_day(snapshot, zone)
    return day - timedelta(days=day.weekday())


CALENDAR: Mapping[str, Callable[[Snapshot, tzinfo], object]] = {
    "last": lambda snapshot, _zone: snapshot.id,
    "hourly": lambda snapshot, _zone: int(snapshot.taken_at.timestamp()) // 3600,
    "daily": _local_day,
    "weekly": _monday,
    "monthly": lambda snapshot, zone: _local_day(snapshot, zone).replace(day=1),
    "yearly": lambda snapshot, zone: _local_day(snapshot, zone).year,
}
PROPERTIES: tuple[Callable[[History, Decide], None], ...] = tuple(
    value for name, value in sorted(globals().items()) if name.startswith("p") and name[1].isdigit()
)
REAL: Decide = the_real_decide
