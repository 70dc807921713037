"""Runs against a Desktop whose key opens nothing but the gate, over the real wire."""

from __future__ import annotations

import json
import subprocess

import pytest

from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.gate.grammar import Done, Hook, Listing, Probe, read_request
from backupjump.gate.pull import Pull
from backupjump.ssh.ciphers import SETTING, prefers_aes
from fingerprint import fingerprint
from gate_world import rsync_that_does_not_confine
from lab.gated import HOOK, answer_instead, gated, last, listen, meta, nightly, published, stand
from lab.routes import FIRST_TWO
from program import argv, backupjump, until
from store_world import write
from verify_world import rot

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("route", FIRST_TWO)
def test_a_run_through_the_gate_is_whole_links_and_tells_the_desktop_on_every_route(lab: Lab, route: str) -> None:
    world = gated(lab, hooks={"note": [*HOOK, f"echo hook >> {lab.folder}/told"]})
    config = stand(lab, nightly(world, hooks={"before": ["note"], "after": ["note"]}), route=route)

    first = backupjump(config, "run", "nightly", "--json")
    write(world.home / "fresh")
    second = backupjump(config, "run", "nightly", "--json")
    restored = backupjump(config, "restore", "nightly", "--to", str(lab.folder / "restored"))

    assert (first.code, second.code, restored.code) == (0, 0, 0), (first, second, restored)
    assert second.json["files_linked"] == first.json["files_total"]
    assert fingerprint(lab.folder / "restored" / world.home.relative_to("/")) == fingerprint(world.home)
    assert meta(lab, second)["how"]["gate"] == {"version": 2, "confines": True}
    assert (lab.folder / "told").read_text() == "hook\n" * 4
    for name in ("done", "published"):
        note = last(world, name)
        assert (note["status"], note["run_id"], note["more"]) == ("ok", second.json["run_id"], False)


def test_what_the_gate_tells_of_its_processor_counts_for_the_data_of_that_very_run(lab: Lab) -> None:
    world = gated(lab)
    config = stand(lab, nightly(world))
    before = backupjump(config, "ssh-config").out.count(SETTING)

    assert backupjump(config, "run", "nightly").code == 0

    after = (lab.state / "routes/desktop/ssh_config").read_text().count(SETTING)
    # A machine without AES instructions asks for what OpenSSH does.
    assert (before, after) == ((1, 2) if prefers_aes() else (0, 0))


@pytest.mark.parametrize(
    "route",
    [
        "proxyjump",
        *(pytest.param(kind.value, marks=pytest.mark.long) for kind in RouteKind if kind is not RouteKind.PROXYJUMP),
    ],
)
def test_where_a_gate_answers_no_word_but_its_own_is_ever_said(lab: Lab, route: str) -> None:
    world = gated(lab)
    heard = listen(lab, world)
    config = stand(lab, nightly(world, hooks={"before": ["say"], "always": ["say"]}), route=route)

    for words in (
        ["run"],
        ["run", "--dry-run"],
        ["verify", "--against-source"],
        ["verify", "--sample", "1%", "--heal"],
    ):
        assert backupjump(config, words[0], "nightly", *words[1:]).code == 0, words

    said = [read_request(line.encode()) for line in heard.read_text().splitlines()]
    assert type(said[0]) is Probe
    assert {type(each) for each in said} == {Probe, Hook, Listing, Pull, Done}


def test_a_preview_goes_through_the_gate_and_tells_nobody(lab: Lab) -> None:
    world = gated(lab)
    config = stand(lab, nightly(world))

    said = backupjump(config, "run", "nightly", "--dry-run", "--json")

    assert (said.code, said.json["files_to_transfer"]) == (0, 2), said
    assert last(world, "done") is None


def test_without_a_gate_the_plain_commands_do_and_the_run_says_so(lab: Lab) -> None:
    write(lab.home / "file")
    config = stand(lab, {"nightly": {"sources": [str(lab.home)]}})

    said = backupjump(config, "-v", "run", "nightly", "--json")

    assert said.code == 0, said
    assert said.err.count("desktop desktop has no gate") == 1
    assert meta(lab, said)["how"]["gate"] is None


def test_a_source_outside_of_what_the_gate_allows_is_refused_before_any_data_moves(lab: Lab) -> None:
    world = gated(lab)
    config = stand(lab, {"nightly": {"sources": [str(world.home), str(world.secret.parent)]}})

    said = backupjump(config, "run", "nightly", "--json")

    error = said.json["error"]
    assert (said.code, said.json["status"], error["code"], said.json["attempts"]) == (1, "failed", "gate", 0)
    assert f"its gate does not let {world.secret.parent} be read" in error["message"]
    assert "gate.read" in error["hint"]
    assert published(lab) == []
    assert (last(world, "done")["status"], last(world, "published")) == ("failed", None)


@pytest.mark.parametrize(
    ("name", "word"), [("gone", "does not exist"), ("link", "symbolic link"), ("notes", "not a f")]
)
@pytest.mark.parametrize("below", [False, True], ids=["root", "below a root"])
def test_a_source_that_is_no_folder_is_missing_with_what_the_gate_says(
    lab: Lab, name: str, word: str, *, below: bool
) -> None:
    world = gated(lab)
    source = world.home / name
    if not below:
        policy = json.loads(world.config.read_text())
        policy["gate"]["read"] = [str(source)]
        world.config.write_text(json.dumps(policy))
    config = stand(lab, {"nightly": {"sources": [str(source)]}})

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["error"]["code"]) == (1, "source-missing"), said
    assert word in said.json["error"]["message"]
    assert published(lab) == []


@pytest.mark.parametrize(
    "answer",
    [b"\x1b[2J hello \xff", b"[" * 60_000, b'{"gate": "one"}', b"", b"x" * 200_000],
    ids=["escapes", "deep", "a wrong type", "nothing", "too much"],
)
def test_a_desktop_that_lies_to_the_probe_fails_the_run_with_a_clear_word(lab: Lab, answer: bytes) -> None:
    world = gated(lab)
    answer_instead(lab, world, answer)
    config = stand(lab, nightly(world))

    said = backupjump(config, "-v", "run", "nightly", "--json")

    assert (said.code, said.json["error"]["code"], said.json["attempts"]) == (1, "desktop-unfit", 0), said
    assert len(said.json["error"]["message"]) < 300
    assert "Traceback" not in said.err
    assert "\x1b[2J" not in said.out + said.err


def test_a_gate_of_a_later_version_that_says_more_is_understood(lab: Lab) -> None:
    world = gated(lab)
    answer_instead(lab, world, json.dumps({**world.told("bj1 probe"), "gate": 9, "moon": {"full": True}}).encode())
    config = stand(lab, nightly(world))

    said = backupjump(config, "run", "nightly", "--json")

    assert said.code == 0, said
    assert meta(lab, said)["how"]["gate"] == {"version": 9, "confines": True}


def test_a_clock_that_is_wrong_on_the_desktop_is_told_and_costs_nothing(lab: Lab) -> None:
    world = gated(lab)
    answer_instead(lab, world, json.dumps({**world.told("bj1 probe"), "clock": "2001-01-01T00:00:00Z"}).encode())
    config = stand(lab, nightly(world))

    said = backupjump(config, "-v", "run", "nightly", "--json")

    assert said.code == 0, said
    assert "min behind this Server's" in said.err


def test_a_desktop_that_can_not_note_the_end_of_a_run_costs_the_run_nothing(lab: Lab) -> None:
    world = gated(lab)
    (world.folder / "state").mkdir()
    (world.folder / "state/last-done.json").mkdir()
    (world.folder / "state/last-published.json").mkdir()
    config = stand(lab, nightly(world))

    said = backupjump(config, "-v", "run", "nightly", "--json")

    assert (said.code, said.json["warnings"]) == (0, []), said
    assert "was not told that the run is over" in said.err


@pytest.mark.long
def test_a_warning_is_noted_as_published_and_a_failure_only_as_done(lab: Lab) -> None:
    told = lab.folder / "fail"
    world = gated(lab, hooks={"maybe": [*HOOK, f"! test -e {told}"], "no": [*HOOK, "exit 1"]})
    config = stand(lab, nightly(world, hooks={"before": ["maybe"], "after": ["no"]}))

    warned = backupjump(config, "run", "nightly", "--json")
    write(told)
    failed = backupjump(config, "run", "nightly", "--json")

    assert (warned.code, failed.code) == (3, 1)
    assert (last(world, "published")["status"], last(world, "published")["run_id"]) == (
        "warning",
        warned.json["run_id"],
    )
    assert (last(world, "done")["status"], last(world, "done")["run_id"]) == ("failed", failed.json["run_id"])


@pytest.mark.long
def test_the_tunnel_is_asked_to_stay_open_while_another_job_of_this_desktop_is_due(lab: Lab) -> None:
    folders = [str(lab.folder / "gate/home/me"), str(lab.folder / "gate/home2")]
    world = gated(lab, read=folders)
    write(world.folder / "home2/photo")
    jobs = {name: {"sources": [folder]} for name, folder in zip(("nightly", "photos"), folders, strict=True)}
    config = stand(lab, {name: {**job, "schedule": {"every": "day"}} for name, job in jobs.items()})

    seen = []
    for name in jobs:
        assert backupjump(config, "run", name).code == 0
        seen.append(last(world, "done")["more"])

    assert seen == [True, False]


@pytest.mark.parametrize("hook", [False, True], ids=["nothing left to do there", "a hook left to run there"])
def test_a_tunnel_that_breaks_once_the_run_has_published_costs_the_snapshot_nothing(lab: Lab, *, hook: bool) -> None:
    world = gated(lab)
    pid = lab.folder / "tunnel.pid"
    theirs = {"hooks": {"always": ["say"]}} if hook else {}
    config = stand(lab, nightly(world, **theirs, server_hooks={"after": [[*HOOK, f"kill -9 $(cat {pid})"]]}))
    pid.write_text(str(lab.open_tunnel().pid))

    said = backupjump(config, "-v", "run", "nightly", "--json")

    assert (said.code, len(published(lab))) == (3 if hook else 0, 1), said
    assert [warning.partition(":")[0] for warning in said.json["warnings"]] == (
        ["hook say on desktop desktop may not have run, the next run that gets there does so first"] if hook else []
    )
    assert "was not told that the run is over" in said.err
    assert last(world, "done") is None


@pytest.mark.parametrize("hooks", [{}, {"always": ["say"]}], ids=["no hook left", "a hook left"])
def test_by_a_tunnel_that_opens_again_the_last_hooks_run_and_the_desktop_is_told(
    lab: Lab, hooks: dict[str, list[str]]
) -> None:
    world = gated(lab)
    pid, broken, mended = (lab.folder / name for name in ("tunnel.pid", "broken", "mended"))
    wait = f"kill -9 $(cat {pid}); touch {broken}; until test -e {mended}; do sleep 0.01; done"
    job = nightly(world, hooks=hooks, server_hooks={"after": [[*HOOK, wait]]})
    config = stand(lab, job)
    pid.write_text(str(lab.open_tunnel().pid))

    with subprocess.Popen(argv(config, "-q", "run", "nightly"), stdin=subprocess.DEVNULL) as running:
        until(broken.exists, what="the broken tunnel")
        lab.open_tunnel()
        write(mended)
        code = running.wait(60)

    assert code == 0
    assert (last(world, "done")["status"], last(world, "published")["status"]) == ("ok", "ok")


@pytest.mark.parametrize("confines", [True, False])
def test_a_heal_fetches_through_a_gate_that_confines_and_says_why_not_through_another(
    lab: Lab, *, confines: bool
) -> None:
    policy = {} if confines else {"rsync": str(rsync_that_does_not_confine(lab.folder))}
    world = gated(lab, **policy)
    config = stand(lab, nightly(world))
    run = backupjump(config, "run", "nightly", "--json")
    stored = (
        lab.store / f"desktop/nightly/snapshots/{run.json['snapshot']}/tree" / world.home.relative_to("/") / "notes"
    )
    rot(stored)

    said = backupjump(config, "verify", "nightly", "--heal", "--json")

    (damage,) = said.json["damaged"]
    assert said.code == (0 if confines else 4), said
    assert ("from the Desktop" in damage["note"]) == confines
    assert ("older than 3.5.0" in damage["note"]) != confines


def test_all_is_compared_through_a_gate_that_takes_no_lists_a_sample_is_not(lab: Lab) -> None:
    world = gated(lab, rsync=str(rsync_that_does_not_confine(lab.folder)))
    config = stand(lab, nightly(world))
    assert backupjump(config, "run", "nightly").code == 0

    whole = backupjump(config, "verify", "nightly", "--against-source", "--json")
    sample = backupjump(config, "verify", "nightly", "--sample", "50%", "--against-source")

    assert (whole.code, whole.json["source"]["silent"]) == (0, []), whole
    assert (sample.code, "without --sample" in sample.err) == (1, True), sample
