from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.operations.timers.plan import foreign_zones, plan_timers, program, unknown_zones
from timers_world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_each_job_with_a_schedule_is_run_if_due_with_full_paths(world: World) -> None:
    planned = plan_timers(world.site, environ={})

    nightly, often = planned.timers
    assert nightly.argv == (
        *program(),
        *("--config", str(world.config), "run", "nightly", "--if-due", "--wait", "30m"),
    )
    assert often.argv[-2:] == ("--wait", "15m")
    assert os.access(program()[0], os.X_OK)
    assert (nightly.slots and nightly.slots.zone, often.slots) == ("Europe/Paris", None)


def test_a_job_without_a_schedule_or_of_a_revoked_desktop_is_named(world: World) -> None:
    by_hand = plan_timers(world.site, environ={}).notes
    world.config.write_text(world.config.read_text().replace("{jump_node:", "{revoked: true, jump_node:"))
    revoked = plan_timers(world.site, environ={})

    assert by_hand == ("byhand has no schedule, so it gets no timer",)
    assert revoked.timers == ()
    assert revoked.notes[1:] == tuple(
        f"{job} is a job of desktop desktop, which is revoked, so it gets no timer" for job in ("nightly", "often")
    )


def test_a_schedule_by_other_clocks_than_this_machine_s_is_warned_of(world: World) -> None:
    planned = plan_timers(world.site, environ={})

    (warning,) = foreign_zones(planned, environ={"TZ": "Asia/Tokyo"})

    assert "nightly goes by the clocks of Europe/Paris, this machine by Asia/Tokyo" in warning
    assert foreign_zones(planned, environ={"TZ": "Europe/Berlin"}) == ()


def test_a_zone_that_systemd_has_no_rules_for_is_warned_of(world: World) -> None:
    planned = plan_timers(world.site, environ={})
    zones = world.folder / "zoneinfo"
    (zones / "Europe").mkdir(parents=True)

    (warning,) = unknown_zones(planned, zones=zones)
    (zones / "Europe/Paris").touch()

    assert "apt-get install tzdata" in warning
    assert unknown_zones(planned, zones=zones) == ()
