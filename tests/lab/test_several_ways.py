"""A Desktop with several ways, with real sshds: which one a run takes, and what it says of the others."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from fingerprint import fingerprint
from lab.gated import meta, published
from lab.several_ways import SeveralWays, run
from lab.several_ways import ways as ways
from lab.test_broken_link import Place, ended
from lab.test_serve import serving
from program import backupjump

pytestmark = pytest.mark.lab

MEGABYTE = 1_000_000


def test_the_first_way_that_works_is_taken_and_all_lead_to_the_same_snapshots(ways: SeveralWays) -> None:
    ways.open(ways.lab.jump)
    lan = run(ways.config())
    ways.leave_lan()
    by_a = run(ways.config())
    ways.open(ways.spare)
    ways.lab.jump.stop()
    by_b = run(ways.config())

    told = [(each.code, each.json["route"], each.json["jump_node"]) for each in (lan, by_a, by_b)]
    assert told == [(0, "direct", None), (0, "proxyjump", "home"), (0, "proxycommand", "spare")], (lan, by_a, by_b)
    assert all(each.json["warnings"] == [] for each in (lan, by_a, by_b))
    assert "reached desktop by proxycommand over spare" in by_b.err
    for each in (by_a, by_b):
        assert each.json["files_linked"] == lan.json["files_total"]
    assert meta(ways.lab, by_b)["how"]["ways"] == [{"route": "proxycommand", "jump_node": "spare"}]
    listed = backupjump(ways.config(), "history").out
    assert [word for word in ("direct", "home", "spare") if word in listed] == ["direct", "home", "spare"]


def test_where_no_way_leads_to_the_desktop_one_error_names_each(ways: SeveralWays) -> None:
    ways.leave_lan()
    ways.lab.jump.stop()

    away = run(ways.config())

    assert (away.code, away.json["error"]["code"]) == (75, "away")
    message = away.json["error"]["message"]
    assert message.startswith("none of the 3 ways to desktop desktop leads there: desktop desktop does not answer at ")
    assert "JumpNode home can't be reached" in message
    assert f"is not open (port {ways.spare_port} on JumpNode spare)" in message


@pytest.mark.long
def test_ways_that_swallow_everything_share_the_fifteen_seconds_of_one(ways: SeveralWays) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ways.lan_port = silent.getsockname()[1]
        config = ways.config()
        told = json.loads(config.read_text())
        for node in told["jump_nodes"].values():
            node["port"] = ways.lan_port
        config.write_text(json.dumps(told))

        away = backupjump(config, "run", "nightly", "--json", seconds=25)

    assert (away.code, away.json["error"]["code"]) == (75, "jump-node-unreachable")
    assert away.json["error"]["message"].count("in time") == 3


@pytest.mark.long
def test_doctor_looks_at_every_way_and_finds_the_tunnel_at_one_of_them(ways: SeveralWays) -> None:
    let_gate_tell_of_a_tunnel(ways)
    ways.open(ways.lab.jump)

    found = backupjump(ways.config(), "doctor", "desktop", "--json").json

    told = [(each["check"], each["verdict"]) for each in found]
    assert [verdict for check, verdict in told if check == "desktop.route"] == ["warn", "ok", "ok"]
    assert [verdict for check, verdict in told if check == "tunnel.open"] == ["ok", "skip"], told
    assert [verdict for check, verdict in told if check == "tunnel.port"] == ["ok", "ok"]
    assert {("direct.reach", "ok"), ("direct.veto", "ok"), ("desktop.roots", "ok")} <= set(told)
    assert [
        each for each in found if each["verdict"] == "fail" and each["check"].startswith(("desktop", "tunnel"))
    ] == []


def test_a_stranger_on_the_address_in_the_lan_is_offered_nothing_and_is_no_fault(ways: SeveralWays) -> None:
    with ways.stranger_in_lan() as stranger:
        alone = run(ways.config())
        ways.open(ways.lab.jump)
        other = run(ways.config())
        log = stranger.log.read_text()

    assert (alone.code, alone.json["status"], alone.json["warnings"]) == (75, "away", [])
    assert (other.code, other.json["status"], other.json["jump_node"]) == (0, "ok", "home")
    assert "another machine than desktop desktop answers at" in other.json["warnings"][0]
    assert "publickey" not in log


def test_a_jump_node_with_another_host_key_is_named_and_the_next_way_makes_the_backup(ways: SeveralWays) -> None:
    ways.leave_lan()
    config = ways.config()
    ways.lab.jump.renew_host_key()
    refused = run(config)
    ways.open(ways.spare)

    by_b = run(config)

    assert (refused.code, refused.json["error"]["code"]) == (1, "host-key")
    assert "and by its other ways: direct: " in refused.json["error"]["message"]
    assert (by_b.code, by_b.json["status"], by_b.json["jump_node"]) == (3, "warning", "spare")
    assert "the way proxyjump over home does not work: JumpNode home shows another" in by_b.json["warnings"][0]


def test_a_key_that_the_lan_is_no_place_for_is_told_with_what_to_add(ways: SeveralWays) -> None:
    keys = ways.lab.desktop.authorized_keys
    keys.write_text(keys.read_text().replace('from="127.0.0.1,::1"', 'from="192.0.2.1"'))

    refused = run(ways.config())

    assert (refused.code, refused.json["error"]["code"]) == (1, "key-refused")
    assert "add this Server's address in the LAN: from=\"127.0.0.1,::1," in refused.json["error"]["hint"]


def test_a_transfer_that_is_cut_on_one_way_goes_on_by_the_next_in_the_same_run(ways: SeveralWays) -> None:
    (ways.world.home / "large").write_bytes(os.urandom(20 * MEGABYTE))
    ways.leave_lan()
    ways.open(ways.lab.jump)
    place = Place(ways.lab, ways.config(bwlimit="6 MB/s"), 20 * MEGABYTE)
    running = place.start()
    place.cut_at(0.4)
    ways.lab.jump.stop()
    ways.open(ways.spare)

    told = ended(running)

    assert (told["status"], told["attempts"], told["jump_node"]) == ("ok", 2, "spare"), str(told)
    snapshot = ways.lab.store / "desktop/nightly/snapshots" / told["snapshot"]
    assert fingerprint(snapshot / "tree" / ways.world.home.relative_to("/")) == fingerprint(ways.world.home)
    assert told["bytes_received"] < place.size * 1.05
    how = json.loads((snapshot / "meta.json").read_text())["how"]
    assert [way["jump_node"] for way in how["ways"]] == ["home", "spare"]


def pause(ways: SeveralWays) -> None:
    """Let the owner have said `tunnel pause`."""
    until = datetime.now(UTC) + timedelta(hours=1)
    state = ways.world.folder / "state"
    state.mkdir(exist_ok=True)
    (state / "paused.json").write_text(json.dumps({"until": f"{until:%Y-%m-%dT%H:%M:%SZ}"}))


def let_gate_tell_of_a_tunnel(ways: SeveralWays) -> None:
    """Give the gate's config the tunnel that a Desktop's one file has."""
    lab = ways.lab
    jump = {"host": "127.0.0.1", "user": lab.user, "identity_file": str(lab.tunnel_key)}
    told = json.loads(ways.world.config.read_text())
    told["tunnel"] = {"jump_node": {**jump, "host_key": lab.jump.host_key_public}, "port": lab.tunnel_port}
    ways.world.config.write_text(json.dumps(told))


def test_a_pause_of_the_owner_holds_past_his_tunnel_too(ways: SeveralWays) -> None:
    let_gate_tell_of_a_tunnel(ways)
    pause(ways)

    put_off = run(ways.config())
    (ways.world.folder / "state/paused.json").unlink()
    after = run(ways.config())

    assert (put_off.code, put_off.json["status"], put_off.json["attempts"]) == (75, "deferred", 0), put_off
    assert put_off.json["error"]["message"] == "the owner of desktop desktop has put backups off: paused"
    assert (after.code, after.json["route"]) == (0, "direct")
    assert len(published(ways.lab)) == 1


@pytest.mark.long
def test_a_pause_that_closes_the_tunnel_is_not_got_around_by_the_lan(ways: SeveralWays) -> None:
    let_gate_tell_of_a_tunnel(ways)
    (ways.world.home / "large").write_bytes(os.urandom(20 * MEGABYTE))
    with ways.stranger_in_lan() as stranger:
        ways.open(ways.lab.jump)
        place = Place(ways.lab, ways.config(bwlimit="6 MB/s"), 20 * MEGABYTE)
        running = place.start()
        place.cut_at(0.3)
        port = stranger.port
    pause(ways)
    with ways.at_home(port):
        told = ended(running)

    assert (running.returncode, told["status"], told["snapshot"]) == (75, "deferred", None)


@pytest.mark.long
def test_serve_finds_a_desktop_by_whichever_way_it_comes(ways: SeveralWays) -> None:
    ways.leave_lan()
    config = ways.config(schedule={"every": "day"})
    ways.lab.jump.stop()
    with serving(config) as server:
        server.says("JumpNode home can't be reached")
        ways.open(ways.spare)
        server.says("nightly: ok, 20")

    (done,) = backupjump(config, "history", "--json").json
    assert (done["status"], done["jump_node"]) == ("ok", "spare")


def test_the_printed_config_has_each_way_under_a_name_of_its_own(ways: SeveralWays) -> None:
    ways.open(ways.spare)
    printed = ways.lab.folder / "printed"
    printed.write_text(backupjump(ways.config(), "ssh-config", "desktop").out)

    hosts = [line.split()[1] for line in printed.read_text().splitlines() if line.startswith("Host ")]
    asked = subprocess.run(
        ["ssh", "-F", str(printed), "bj-desktop+3", "bj1 probe"], capture_output=True, timeout=30, check=True
    )

    assert hosts == ["bj-jump-home", "bj-jump-spare", "bj-desktop", "bj-desktop+2", "bj-desktop+3", "*"]
    assert printed.read_text().count("HostKeyAlias bj-desktop\n") == 3
    assert json.loads(asked.stdout)["roots"]
