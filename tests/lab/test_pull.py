"""The product's main job, whole and real, on every route."""

import json
import os
from pathlib import Path

import pytest

from backupjump.config.edit import set_values
from backupjump.demo.home import make_home
from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from lab.routes import FIRST_TWO
from program import Said, backupjump

pytestmark = pytest.mark.lab

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9MNbgCyhlBvqTdR4wOBKoqRCXhPbuzVPYSDwqAeS+h"


REVOKED = {"revoked": True, "identity_file": "/a/key/that/is/gone"}


def stand(lab: Lab, route: str = "proxyjump", jobs: dict[str, str] | None = None) -> Path:
    """Make a store and open the tunnel; return the Server's config."""
    config = lab.server_config(route, jobs=jobs)
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    return config


def pull(config: Path, job: str = "nightly") -> dict[str, object]:
    """Run a job that is expected to publish and return its Run."""
    said = backupjump(config, "run", job, "--json")
    assert said.code in (0, 3), said
    run: dict[str, object] = json.loads(said.out)
    return run


def tree_of(lab: Lab, run: dict[str, object], job: str = "nightly") -> Path:
    return lab.store / "desktop" / job / "snapshots" / str(run["snapshot"]) / "tree"


@pytest.mark.parametrize("route", FIRST_TWO)
def test_a_pull_arrives_whole_the_next_one_links_and_a_restore_is_equal(lab: Lab, route: str) -> None:
    make_home(lab.home, unreadable=False)
    config = stand(lab, route)

    first = pull(config)
    (lab.home / "changed.txt").write_text("new\n")
    second = pull(config)
    restored = lab.folder / "restored"
    said = backupjump(config, "restore", "nightly", "--to", str(restored))

    assert said.code == 0, said
    assert first["route"] == route
    assert int(str(first["files_linked"])) == 0
    assert int(str(second["files_linked"])) == int(str(first["files_total"]))
    assert int(str(second["files_new"])) == 1
    assert int(str(second["bytes_received"])) < int(str(first["bytes_received"])) / 5
    assert fingerprint(restored / lab.home.relative_to("/")) == fingerprint(lab.home)


def broken(config: Path, lab: Lab, machine: str) -> None:
    """Pin another host key than `machine` has."""
    real = (lab.jump if machine == "jump" else lab.desktop).host_key_public
    text = config.read_text()
    assert real in text
    config.write_text(text.replace(real, OTHER_KEY))


@pytest.mark.parametrize(
    ("route", "machine"),
    [("proxyjump", "jump"), ("proxyjump", "desktop"), ("proxycommand", "jump"), ("proxycommand", "desktop")]
    + [("nested", "jump"), ("local", "desktop")],
)
def test_a_wrong_host_key_on_any_hop_stops_the_run_before_data_with_both_fingerprints(
    lab: Lab, route: str, machine: str
) -> None:
    (lab.home / "file").write_text("content")
    config = stand(lab, route)
    broken(config, lab, machine)

    said = backupjump(config, "run", "nightly", "--json")

    run = json.loads(said.out)
    assert (said.code, run["status"], run["error"]["code"]) == (1, "failed", "host-key")
    assert run["error"]["message"].count("SHA256:") >= 2
    assert run["bytes_received"] == 0
    assert run["attempts"] == 0
    assert list((lab.store / "desktop/nightly").glob("snapshots/*")) == []


def test_on_a_nested_route_the_second_hops_wrong_host_key_stops_the_run_in_the_jump_nodes_words(lab: Lab) -> None:
    (lab.home / "file").write_text("content")
    config = stand(lab, "nested")
    (lab.jump.folder / "known_hosts").write_text(f"desktop {OTHER_KEY}\n")

    said = backupjump(config, "run", "nightly", "--json")

    run = json.loads(said.out)
    assert (said.code, run["error"]["code"]) == (1, "host-key")
    assert "Host key verification failed" in run["error"]["message"]
    assert run["bytes_received"] == 0


def test_cron_mails_once_that_a_good_run_met_a_damaged_manifest(lab: Lab) -> None:
    (lab.home / "file").write_text("content")
    config = stand(lab)
    first = pull(config)
    (tree_of(lab, first).parent / "manifest.jsonl.zst").write_bytes(b"not a manifest")

    telling = backupjump(config, "run", "nightly")
    silent = backupjump(config, "run", "nightly")

    assert telling.code == 4
    assert f"verify: damaged: snapshot {first['snapshot']}: the manifest" in telling.err
    assert "backupjump verify nightly --all --heal" in telling.err
    assert (silent.code, silent.out, silent.err) == (0, "", "")


def test_without_an_open_tunnel_a_run_is_away_soon_and_cron_mails_nothing(lab: Lab) -> None:
    (lab.home / "file").write_text("content")
    config = stand(lab)
    lab.close_tunnel()

    said = backupjump(config, "run", "nightly", seconds=15)

    assert said == Said(75, "", "")
    last = backupjump(config, "history", "nightly", "--json").json[-1]
    assert (last["status"], last["error"]["code"]) == ("away", "tunnel-not-open")


def test_with_wait_a_run_begins_when_the_tunnel_opens(lab: Lab) -> None:
    import subprocess

    from program import argv

    (lab.home / "file").write_text("content")
    config = stand(lab)
    lab.close_tunnel()

    with subprocess.Popen(argv(config, "-v", "run", "nightly", "--wait", "2m"), stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        while b"waiting" not in running.stderr.readline():
            assert running.poll() is None
        lab.open_tunnel()
        running.stderr.read()
        code = running.wait(60)

    assert code == 0


def test_a_missing_source_fails_and_publishes_nothing(lab: Lab) -> None:
    job = f"desktop: desktop\nsources: ['{lab.home}', '{lab.folder}/unmounted']\n"
    config = stand(lab, jobs={"nightly": job})

    said = backupjump(config, "run", "nightly", "--json")

    run = json.loads(said.out)
    assert (said.code, run["status"], run["error"]["code"]) == (1, "failed", "source-missing")
    assert "unmounted" in run["error"]["message"]
    assert list((lab.store / "desktop/nightly").glob("snapshots/*")) == []


def test_a_source_that_is_a_link_is_refused_since_whoever_turns_it_chooses_what_is_read(lab: Lab) -> None:
    (lab.folder / "elsewhere").mkdir()
    (lab.folder / "link").symlink_to(lab.folder / "elsewhere")
    config = stand(lab, jobs={"nightly": f"desktop: desktop\nsources: ['{lab.folder}/link']\n"})

    said = backupjump(config, "run", "nightly", "--json")

    assert said.code == 1
    assert "symbolic link" in said.json["error"]["message"]


@pytest.mark.parametrize("route", ["proxyjump", "nested"])
def test_a_source_named_to_trick_a_shell_arrives_whole_and_runs_nowhere(lab: Lab, route: str) -> None:
    canary = lab.folder / f"canary-of-{lab.tunnel_port}"
    tricky = lab.folder / f"a b$(touch {canary.name});touch {canary.name};'\"*[x]?"
    tricky.mkdir()
    (tricky / "file").write_text("content")
    job = f"desktop: desktop\nsources: [{json.dumps(str(tricky))}]\n"
    config = stand(lab, route, jobs={"nightly": job})

    run = pull(config)

    assert (tree_of(lab, run) / str(tricky).lstrip("/") / "file").read_text() == "content"
    assert not canary.exists()
    assert not (Path.home() / canary.name).exists()


def test_odd_names_come_back_byte_for_byte_and_are_shown_escaped(lab: Lab) -> None:
    names = [b"new\nline", b"\x1b[31mred", "\u202egpj.exe".encode(), b"\xff\xfe", b"n" * 255, b"-rf", b"\\#012", b" "]
    for name in names:
        Path(os.fsdecode(os.fsencode(lab.home) + b"/" + name)).write_bytes(name)
    config = stand(lab)

    pull(config)
    listed = backupjump(config, "ls", "nightly", str(lab.home))
    restored = lab.folder / "restored"
    said = backupjump(config, "restore", "nightly", "--to", str(restored))

    assert said.code == 0, said
    assert fingerprint(restored / lab.home.relative_to("/")) == fingerprint(lab.home)
    assert "new\\nline" in listed.out
    assert "\x1b[31m" not in listed.out
    assert "\\u202e" in listed.out
    assert "\\xff\\xfe" in listed.out


def test_two_runs_at_once_the_second_says_locked_and_touches_nothing(lab: Lab) -> None:
    import fcntl

    (lab.home / "file").write_text("content")
    config = stand(lab)
    pull(config)
    folder = lab.store / "desktop/nightly"
    with (folder / "lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = fingerprint(folder)

        said = backupjump(config, "run", "nightly", "--json")

        after = fingerprint(folder)
    assert (said.code, said.json["status"]) == (11, "locked")
    assert after == before


def test_several_jobs_run_in_turn_and_the_worst_code_is_the_commands(lab: Lab) -> None:
    good = f"desktop: desktop\nsources: ['{lab.home}']\n"
    bad = f"desktop: desktop\nsources: ['{lab.folder}/absent']\n"
    config = stand(lab, jobs={"bad": bad, "good": good})

    said = backupjump(config, "run", "bad", "good", "--json")

    assert [json.loads(line)["status"] for line in said.out.splitlines()] == ["failed", "ok"]
    assert said.code == 1


def test_a_dry_run_counts_what_would_come_and_writes_nothing(lab: Lab) -> None:
    (lab.home / "small").write_bytes(b"s" * 10)
    (lab.home / "large").write_bytes(b"l" * 100_000)
    config = stand(lab)
    before = fingerprint(lab.store)

    said = backupjump(config, "run", "nightly", "--dry-run", "--json")

    assert said.code == 0, said
    assert (said.json["files_to_transfer"], said.json["bytes_to_transfer"]) == (2, 100_010)
    assert said.json["largest"][0]["size"] == 100_000
    assert fingerprint(lab.store) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "nightyl"), "nightly"),
        (("run", "--", "--help"), "--help"),
        (("run", "nightly", "--wait", "soon"), "duration"),
    ],
)
def test_words_that_cannot_be_obeyed_end_with_2_and_say_which(lab: Lab, words: tuple[str, ...], said: str) -> None:
    config = stand(lab)

    ended = backupjump(config, *words)

    assert ended.code == 2
    assert said in ended.err


def test_a_user_rc_file_of_fabric_or_ssh_is_neither_read_nor_run(lab: Lab, tmp_path: Path) -> None:
    home, canary = tmp_path / "hostile", tmp_path / "canary"
    (home / ".ssh").mkdir(parents=True)
    (home / ".fabric.py").write_text(f"open({str(canary)!r}, 'w')\n")
    (home / ".ssh/config").write_text(f'Match exec "touch {canary}"\n  ProxyCommand false\n')
    (lab.home / "file").write_text("content")
    config = stand(lab)

    said = backupjump(config, "run", "nightly", env={"HOME": str(home)})

    assert said.code == 0, said
    assert not canary.exists()


def test_a_run_of_a_revoked_desktop_fails_before_it_connects_and_its_past_can_be_restored(lab: Lab) -> None:
    (lab.home / "file").write_text("content")
    config = stand(lab)
    pull(config)
    lab.close_tunnel()
    set_values(config, {("desktops", "desktop", key): value for key, value in REVOKED.items()})

    said = backupjump(config, "run", "nightly", "--json", seconds=15)

    assert (said.code, said.json["error"]["code"]) == (1, "revoked")
    assert backupjump(config, "restore", "nightly", "--to", str(lab.folder / "back")).code == 0
    assert "bj-desktop" not in backupjump(config, "ssh-config").out
