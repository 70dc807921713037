"""What is told, when, and what never is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.telling import Channel, Happening
from backupjump.notify.decide import QUIET, decide
from backupjump.notify.happenings import Event, Standing
from backupjump.notify.memory import Memory

FAILED, RECOVERED, STALE, SUSPECT = Happening.FAILED, Happening.RECOVERED, Happening.STALE, Happening.SUSPECT
NOW = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHANNEL = Channel(command=("/bin/true",))


def standing(word: str, *, at: datetime, job: str = "nightly", good_at: datetime | None = None) -> Standing:
    """Return how a job stands: `good`, `away`, or a trouble that began `at`, with the error's word behind a colon."""
    kind, _, reason = word.partition(":")
    trouble = Happening(kind) if kind not in ("good", "away") else None
    return Standing(
        job=job,
        desktop="laptop",
        trouble=trouble,
        well=kind == "good",
        reason=reason or kind,
        since=at if trouble is not None else None,
        last_good_at=good_at or (at if kind == "good" else None),
    )


def told(words: Sequence[str], *, channel: Channel = CHANNEL, step: timedelta = DAY) -> list[str]:
    """Return what is told of one job that stands as `words` say, a look each `step`: a word each look."""
    memory, heard, now = Memory(), [], NOW
    for word in words:
        decided = decide(channel, [standing(word, at=now)], memory, jobs={"nightly"}, now=now)
        memory = decided.after
        heard.append(" ".join(spoken(each) for each in decided.events) or "-")
        now += step
    return heard


def spoken(event: Event) -> str:
    """Return an event as a word."""
    return f"{'still ' if event.repeat else ''}{event.kind.value}"


@pytest.mark.parametrize(
    ("stands", "heard"),
    [
        ("good good", "- -"),
        ("failed failed good good", "failed - recovered -"),
        ("failed away good", "failed - recovered"),
        ("away away away", "- - -"),
        ("stale stale good", "stale - recovered"),
        ("suspect suspect good", "suspect - recovered"),
        ("failed stale failed stale good", "failed stale - - recovered"),
        ("failed suspect good failed", "failed suspect recovered failed"),
        ("failed good stale", "failed recovered stale"),
    ],
)
def test_an_edge_is_told_and_what_goes_on_is_not(stands: str, heard: str) -> None:
    assert told(stands.split()) == heard.split()


def test_what_goes_on_is_told_again_after_the_days_that_the_channel_says() -> None:
    channel = CHANNEL.model_copy(update={"repeat": 3 * DAY})

    heard = told(["failed"] * 8, channel=channel)

    assert heard == ["failed", "-", "-", "still failed", "-", "-", "still failed", "-"]


def test_a_channel_is_told_only_what_it_asked_for() -> None:
    channel = CHANNEL.model_copy(update={"on": (STALE, RECOVERED)})

    assert told(["failed", "good", "stale", "good"], channel=channel) == ["-", "-", "stale", "recovered"]


def test_a_channel_that_wants_no_recovery_hears_of_the_next_failure() -> None:
    channel = CHANNEL.model_copy(update={"on": (FAILED,)})

    assert told(["failed", "good", "failed"], channel=channel) == ["failed", "-", "failed"]


def test_a_job_that_flaps_within_an_hour_is_told_once_and_then_as_it_stands() -> None:
    heard = told(["failed:link", "good", "failed:link", "good", "failed:link"], step=timedelta(minutes=10))

    assert heard == ["failed", "recovered", "-", "-", "-"]


def test_a_desktop_that_is_away_after_a_failure_has_not_recovered_by_a_backup_from_before_it() -> None:
    memory = decide(CHANNEL, [standing("failed", at=NOW)], Memory(), jobs={"nightly"}, now=NOW).after
    before, after = (replace(standing("away", at=NOW), last_good_at=NOW + by) for by in (-HOUR, HOUR))

    heard = [decide(CHANNEL, [each], memory, jobs={"nightly"}, now=NOW + 2 * HOUR).events for each in (before, after)]

    assert [[event.kind for event in events] for events in heard] == [[], [RECOVERED]]


def test_twenty_jobs_that_fail_one_after_the_other_for_one_reason_are_two_messages() -> None:
    memory, messages = Memory(), []
    jobs = [f"job{number}" for number in range(20)]
    for number in range(len(jobs)):
        now = NOW + number * timedelta(minutes=1)
        found = [standing("failed:no-store", at=NOW, job=job) for job in jobs[: number + 1]]
        decided = decide(CHANNEL, found, memory, jobs=jobs, now=now)
        memory, messages = decided.after, [*messages, decided.events]
    later = decide(CHANNEL, found, memory, jobs=jobs, now=NOW + QUIET + timedelta(minutes=1))

    assert [len(events) for events in messages] == [1] + [0] * 19
    assert len(later.events) == 19


def test_another_reason_does_not_wait() -> None:
    first = decide(CHANNEL, [standing("failed:no-store", at=NOW)], Memory(), jobs={"nightly", "b"}, now=NOW)

    second = decide(
        CHANNEL, [standing("failed:host-key", at=NOW, job="b")], first.after, jobs={"nightly", "b"}, now=NOW
    )

    assert [event.standing.job for event in second.events] == ["b"]


def test_without_a_hold_what_waited_comes_now() -> None:
    first = decide(CHANNEL, [standing("failed:x", at=NOW)], Memory(), jobs={"nightly", "b"}, now=NOW)
    found = [standing("failed:x", at=NOW, job=job) for job in ("nightly", "b")]

    events = decide(CHANNEL, found, first.after, jobs={"nightly", "b"}, now=NOW, hold=False).events

    assert [event.standing.job for event in events] == ["b"]


def test_a_job_that_left_the_config_is_forgotten_and_one_that_nothing_is_known_of_is_not() -> None:
    both = {"nightly", "gone"}
    memory = decide(CHANNEL, [standing("failed", at=NOW, job=job) for job in both], Memory(), jobs=both, now=NOW).after

    after = decide(CHANNEL, [], memory, jobs={"nightly"}, now=NOW + DAY)

    assert (after.events, set(after.after.jobs)) == ((), {"nightly"})


def test_a_clock_that_was_years_ahead_does_not_silence_a_channel() -> None:
    ahead = NOW + 3650 * DAY
    memory = decide(CHANNEL, [standing("failed", at=ahead)], Memory(), jobs={"nightly"}, now=ahead).after

    events = decide(CHANNEL, [standing("failed", at=NOW)], memory, jobs={"nightly"}, now=NOW).events

    assert [spoken(event) for event in events] == ["still failed"]


WORDS = st.sampled_from(["good", "away", "failed:a", "failed:b", "stale", "suspect"])
LOOKS = st.lists(
    st.tuples(st.integers(1, 4 * 24 * 60), WORDS, WORDS, st.booleans(), st.booleans()), min_size=1, max_size=40
)


@given(LOOKS, st.sets(st.sampled_from(list(Happening)), min_size=1))
def test_whatever_happens_nothing_is_told_twice_and_no_recovery_of_what_was_never_told(
    looks: list[tuple[int, str, str, bool, bool]], on: set[Happening]
) -> None:
    """A look each so many minutes, at two jobs; a message may not get through, and a hold may be off."""
    channel = CHANNEL.model_copy(update={"on": tuple(on), "repeat": 2 * DAY})
    memory, now = Memory(), NOW
    open_kinds: dict[str, set[Happening]] = {"a": set(), "b": set()}
    last_at: dict[str, datetime] = {}
    last_reason: dict[str, datetime] = {}
    for minutes, first, second, gets_through, hold in looks:
        now += timedelta(minutes=minutes)
        found = [standing(word, at=now, job=job) for job, word in (("a", first), ("b", second))]
        decided = decide(channel, found, memory, jobs={"a", "b"}, now=now, hold=hold)
        for event in decided.events:
            job, known = event.standing.job, open_kinds[event.standing.job]
            assert event.kind in on
            if event.kind is RECOVERED:
                assert known
                assert event.standing.trouble is None
            elif event.repeat:
                assert event.kind in known
                assert now - last_at[job] >= channel.repeat
            else:
                assert event.kind not in known
            reason = event.standing.reason if event.kind is FAILED else event.kind.value
            if hold and not event.repeat and reason in last_reason:
                assert now - last_reason[reason] >= QUIET
        if decided.events and not gets_through:
            continue
        for event in decided.events:
            job = event.standing.job
            last_reason[event.standing.reason if event.kind is FAILED else event.kind.value] = now
            if event.kind is RECOVERED:
                open_kinds[job].clear()
            else:
                open_kinds[job].add(event.kind)
                last_at[job] = now
        memory = decided.after
        for job, known in open_kinds.items():
            if job not in memory.jobs:
                assert RECOVERED not in on or not known
                known.clear()
            else:
                assert memory.jobs[job].kinds == known
