"""A job that would start from nothing beside snapshots of its very sources."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.errors import ConfigError
from backupjump.operations.identity import overlap, refuse_a_new_history
from backupjump.operations.site import Site, open_site
from backupjump.run import Status
from backupjump.store.layout import JobFolder
from store_world import AT, CONFIG, KEY, a_few_files, attempt, make_store, take


@pytest.fixture
def daily(tmp_path: Path) -> JobFolder:
    """A store with two snapshots of desktop/daily, and the config that names nightly alone."""
    nightly = make_store(tmp_path / "store")
    daily = JobFolder(nightly.store, "desktop", "daily")
    for day in range(2):
        take(daily, a_few_files, at=AT + timedelta(days=day))
    (tmp_path / "backupjump.yaml").write_text(CONFIG.format(store=nightly.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/nightly.yaml").write_text("desktop: desktop\nsources: [/home/me]\n")
    return daily


def site_of(daily: JobFolder) -> Site:
    return open_site(daily.store.parent / "backupjump.yaml")


def refuse(daily: JobFolder) -> None:
    site = site_of(daily)
    refuse_a_new_history(site, site.job("nightly"))


def test_a_job_that_was_renamed_is_told_so_and_how_to_carry_its_snapshots_over(daily: JobFolder) -> None:
    before = sorted(daily.store.rglob("*"))

    with pytest.raises(ConfigError) as caught:
        refuse(daily)

    assert str(caught.value) == (
        "nightly has no snapshot yet, but desktop/daily has 2 of /home/me, the last of 2026-11-23T02:30:00Z"
    )
    assert "backupjump rename daily nightly" in caught.value.hint
    assert caught.value.exit_code == 2
    assert sorted(daily.store.rglob("*")) == before


def test_a_second_job_of_the_same_sources_must_be_seeded(daily: JobFolder) -> None:
    (daily.store.parent / "jobs/daily.yaml").write_text("desktop: desktop\nsources: [/home/me]\n")

    with pytest.raises(ConfigError) as caught:
        refuse(daily)

    assert caught.value.hint == "to start a new history beside it: backupjump run nightly --seed"


def test_of_several_the_one_that_is_no_job_any_more_is_named(daily: JobFolder) -> None:
    take(JobFolder(daily.store, "desktop", "hourly"), a_few_files, at=AT + timedelta(days=9))
    (daily.store.parent / "jobs/hourly.yaml").write_text("desktop: desktop\nsources: [/home/me]\n")

    with pytest.raises(ConfigError, match="desktop/daily has 2"):
        refuse(daily)


def test_a_job_whose_first_run_failed_is_asked_again(daily: JobFolder) -> None:
    JobFolder(daily.store, "desktop", "nightly").make()

    with pytest.raises(ConfigError):
        refuse(daily)


def test_a_job_that_has_begun_is_not_asked(daily: JobFolder) -> None:
    attempt(JobFolder(daily.store, "desktop", "nightly"), a_few_files)

    refuse(daily)


@pytest.mark.parametrize(
    ("desktop", "sources", "status"),
    [
        ("other", ("/home/me",), Status.OK),
        ("desktop", ("/home/men", "/home/you"), Status.OK),
        ("desktop", ("/home/me",), Status.SUSPECT),
    ],
)
def test_another_desktop_other_sources_or_no_good_snapshot_stop_nothing(
    tmp_path: Path, desktop: str, sources: tuple[str, ...], status: Status
) -> None:
    nightly = make_store(tmp_path / "store")
    take(JobFolder(nightly.store, desktop, "daily"), lambda _staging: None, sources=sources, status=status)
    (tmp_path / "backupjump.yaml").write_text(CONFIG.format(store=nightly.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/nightly.yaml").write_text("desktop: desktop\nsources: [/home/me]\n")

    refuse(nightly)


def test_without_the_store_it_is_for_the_run_to_say_so(daily: JobFolder) -> None:
    (daily.store / "backupjump-store.json").unlink()

    refuse(daily)


@pytest.mark.parametrize(
    ("some", "others", "truth"),
    [
        (["/home/me"], ["/home/me"], True),
        (["/home/me"], ["/home"], True),
        (["/home"], ["/home/me"], True),
        (["/"], ["/home/me"], True),
        (["/srv", "/home/me/photos"], ["/etc", "/home/me"], True),
        (["/home/me"], ["/home/men"], False),
        (["/home/me"], ["/etc", "/srv"], False),
        ([], ["/home/me"], False),
    ],
)
def test_sources_overlap_when_one_is_inside_the_other(some: list[str], others: list[str], *, truth: bool) -> None:
    assert overlap(some, others) is truth
    assert overlap(others, some) is truth
