from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from backupjump.errors import BackupjumpError, UsageError
from backupjump.operations.timers.change import Change
from backupjump.operations.timers.plan import plan_timers
from backupjump.operations.timers.systemd import carry_out, plan_install, plan_remove, start, unit_files
from timers_world import World, make_world

NAMES = {f"backupjump-{job}.{kind}" for job in ("nightly", "often") for kind in ("service", "timer", "prepare.service")}
TIMERS = "backupjump-nightly.timer backupjump-often.timer"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def install(world: World, *, runs: bool = True) -> Sequence[Change]:
    """Do what --install --yes does."""
    manager = world.manager(runs=runs)
    changes = plan_install(world.site, manager, environ={})
    carry_out(changes, manager)
    start([Path(path) for path in unit_files(world.site, plan_timers(world.site, environ={}).timers, manager)], manager)
    return changes


def names(world: World) -> set[str]:
    return {path.name for path in world.units.iterdir()}


def test_each_job_with_a_schedule_gets_a_service_and_a_timer_which_is_started(world: World) -> None:
    install(world)

    assert names(world) == NAMES
    assert world.told == ["daemon-reload", f"enable --now {TIMERS}"]
    assert {path.stat().st_mode & 0o777 for path in world.units.iterdir()} == {0o644}


def test_the_second_time_nothing_changes(world: World) -> None:
    install(world)

    assert install(world) == ()
    assert world.told[2:] == [f"enable --now {TIMERS}"]


def test_a_job_that_is_gone_loses_its_units_and_no_other_does(world: World) -> None:
    install(world)
    own = world.units / "backupjump-own.timer"
    own.write_text("[Timer]\nOnCalendar=daily\n")
    (world.folder / "jobs/often.yaml").unlink()

    changes = install(world)

    assert sorted(Path(change.where).name for change in changes) == [
        "backupjump-often.prepare.service",
        "backupjump-often.service",
        "backupjump-often.timer",
    ]
    assert names(world) == {*(name for name in NAMES if "-nightly." in name), own.name}
    assert world.told[2:] == [
        "disable --now backupjump-often.timer",
        "daemon-reload",
        "enable --now backupjump-nightly.timer",
    ]


def test_a_new_time_is_shown_as_a_difference_and_written(world: World) -> None:
    install(world)
    world.job("nightly", 'schedule: {every: day, at: "03:45"}')

    (change,) = install(world)

    assert [line.strip() for line in change.lines()[2:]] == [
        "-OnCalendar=*-*-* 02:30:00 Europe/Paris",
        "+OnCalendar=*-*-* 03:45:00 Europe/Paris",
    ]
    assert "03:45:00" in (world.units / "backupjump-nightly.timer").read_text()


def test_remove_takes_out_all_that_was_written_for_this_config_and_nothing_else(world: World) -> None:
    install(world)
    others = world.units / "backupjump-other.service"
    text = (world.units / "backupjump-nightly.service").read_text()
    others.write_text(text.replace(str(world.config), "/etc/backupjump/backupjump.yaml"))
    link = world.units / "backupjump-link.timer"
    link.symlink_to(world.units / "backupjump-nightly.timer")

    carry_out(plan_remove(world.site, world.manager()), world.manager())

    assert names(world) == {others.name, link.name}
    assert world.told[2:] == [f"disable --now {TIMERS}", "daemon-reload"]
    assert plan_remove(world.site, world.manager()) == ()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_that_backupjump_did_not_write_stops_it_before_anything_is_written(world: World, kind: str) -> None:
    world.units.mkdir()
    there = world.units / "backupjump-often.timer"
    if kind == "file":
        there.write_text("[Timer]\n")
    else:
        there.symlink_to("/dev/null")  # as `systemctl mask` leaves it

    with pytest.raises(UsageError, match="was not written for this config"):
        install(world)

    assert names(world) == {there.name}
    assert world.told == []


def test_where_no_systemd_runs_the_files_are_written_and_the_rest_is_said(world: World) -> None:
    manager = world.manager(runs=False)
    changes = plan_install(world.site, manager, environ={})

    carry_out(changes, manager)
    said = start([Path(change.where) for change in changes], manager)

    assert names(world) == NAMES
    assert world.told == []
    assert said.endswith(f"{manager.systemctl[0]} enable --now {TIMERS}")


def test_where_no_systemd_runs_any_more_the_links_that_it_made_go_with_the_files(world: World) -> None:
    install(world, runs=False)
    wants = world.units / "timers.target.wants"
    wants.mkdir()
    for name in ("backupjump-nightly.timer", "fstrim.timer"):
        (wants / name).symlink_to(world.units / name)

    carry_out(plan_remove(world.site, world.manager(runs=False)), world.manager(runs=False))

    assert [path.name for path in wants.iterdir()] == ["fstrim.timer"]
    assert world.told == []


def test_a_systemctl_that_fails_is_told_of_with_its_words(world: World) -> None:
    (world.folder / "systemctl").write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")

    with pytest.raises(BackupjumpError, match="Failed to connect to bus"):
        install(world)


def test_a_job_with_server_hooks_or_a_native_store_gets_what_it_needs(world: World) -> None:
    world.job("often", "schedule: {every: 6 hours}", "server_hooks: {before: [[/usr/bin/true]]}")
    install(world)

    nightly, often = ((world.units / f"backupjump-{job}.service").read_text() for job in ("nightly", "often"))

    assert "CAP_MKNOD" in nightly
    assert f"ReadWritePaths=-{world.folder / 'state'}" in nightly
    assert "NoNewPrivileges" not in often


def test_a_unit_of_its_own_makes_the_next_run_ready_and_a_job_that_wants_none_has_none(world: World) -> None:
    world.job("often", "schedule: {every: 6 hours}", "prepare: never")
    install(world)

    nightly = (world.units / "backupjump-nightly.service").read_text()
    often = (world.units / "backupjump-often.service").read_text()
    ahead = (world.units / "backupjump-nightly.prepare.service").read_text()

    assert "OnSuccess=backupjump-nightly.prepare.service\n" in nightly
    assert "OnSuccess" not in often
    assert " prepare nightly\n" in ahead
    assert "Nice=19\n" in ahead
    assert not (world.units / "backupjump-often.prepare.service").exists()


def test_a_job_whose_numbers_go_elsewhere_may_write_there_and_a_command_that_tells_opens_nothing(world: World) -> None:
    textfile = "/var/lib/prometheus/node-exporter/backupjump.prom"
    more = f"notify: [{{command: [/usr/bin/true]}}]\nmetrics: {{textfile: {textfile}}}\n"
    world.config.write_text(world.config.read_text() + more)
    install(world)

    unit = (world.units / "backupjump-nightly.service").read_text()

    assert "ReadWritePaths=-/var/lib/prometheus/node-exporter\n" in unit
    assert "NoNewPrivileges=yes\n" in unit
