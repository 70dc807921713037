"""What a hostile Server, or a Desktop's other accounts, would try against the gate; each beside what it would gain."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gate_world import (
    CLUSTER,
    SECRET,
    GateWorld,
    gate_world,
    pull_command,
    rsync_that_does_not_confine,
    swapped_all_the_time,
)

pytestmark = pytest.mark.lab


@pytest.fixture
def world(tmp_path: Path) -> GateWorld:
    return gate_world(tmp_path)


def unconfined_world(folder: Path) -> GateWorld:
    return gate_world(folder, policy={"rsync": str(rsync_that_does_not_confine(folder))})


def naive_shell(world: GateWorld) -> Path:
    """Return a remote shell that rebuilds the command as the gate does, but confines nothing."""
    program = world.folder / "naive"
    program.write_text(
        f"#!/bin/sh\nshift\nfor path do :; done\ncd {world.home}\n"
        'words=; while [ "$1" != . ]; do words="$words $1"; shift; done\nexec $words . ./\n'
    )
    program.chmod(0o755)
    return program


def test_an_ordinary_pull_arrives(world: GateWorld) -> None:
    done = world.rsync("-aHAX", "--numeric-ids")

    assert (done.returncode, done.stderr) == (0, "")
    assert world.names() == {"notes", "sub/secret"}
    assert (world.got / "link").is_symlink()


def test_what_did_not_change_is_linked_to_the_base(world: GateWorld) -> None:
    world.rsync("-a")
    world.got.rename(world.folder / "base")

    world.rsync("-a", f"--link-dest={world.folder / 'base'}")

    assert (world.got / "notes").samefile(world.folder / "base/notes")


def test_a_folder_below_an_allowed_one_is_sent_for_itself(world: GateWorld) -> None:
    done = world.rsync("-a", source=world.home / "sub")

    assert done.returncode == 0
    assert world.names() == {"secret"}


@pytest.mark.parametrize("source", ["outside", "home", "home2", "home/me2", "home/me/link", "home/me/../../outside"])
def test_no_other_folder_is_sent(world: GateWorld, source: str) -> None:
    done = world.rsync("-a", source=world.folder / source)

    assert done.returncode != 0
    assert world.names() == set()
    assert "backupjump-gate: refused: " in done.stderr


@pytest.mark.parametrize(
    "name", ["$(touch canary)", "`touch canary`", ";touch canary;", "a b", "*", "~", "-rf", "ä'\""]
)
def test_a_path_is_read_as_it_is_written(world: GateWorld, name: str) -> None:
    (world.home / name).mkdir()
    (world.home / name / "mine").write_text("mine")

    done = world.rsync("-a", "--no-secluded-args", source=world.home / name.replace("*", r"\*"))

    assert (done.returncode, done.stderr) == (0, "")
    assert world.names() == {"mine"}
    assert list(world.folder.rglob("canary")) == []


@pytest.mark.parametrize("options", [["-a"], ["-rd", "--no-links"]], ids=" ".join)
@pytest.mark.parametrize(
    "listed", ["link/secret", "link/", "link/.", "../../outside/secret", "sub/../link/secret", "/link/secret"]
)
def test_a_list_of_files_gets_nothing_out_through_a_link(world: GateWorld, listed: str, options: list[str]) -> None:
    (world.folder / "list").write_text(f"{listed}\nnotes\nnot there\n")

    done = world.rsync(*options, f"--files-from={world.folder / 'list'}", "--ignore-missing-args")

    assert done.returncode in (0, 23)
    assert world.names() == {"notes"}
    assert world.secrets_got() == []


def test_a_list_of_files_is_refused_where_rsync_would_follow_the_link(tmp_path: Path) -> None:
    world = unconfined_world(tmp_path)
    (tmp_path / "list").write_text("link/secret\nnotes\n")

    by_gate = world.rsync("-a", f"--files-from={tmp_path / 'list'}", "--ignore-missing-args")
    refused = world.names()
    listed = f"--files-from={tmp_path / 'list'}"
    world.rsync_of("-a", listed, "-e", naive_shell(world), f"desktop:{world.home}/", f"{world.got}/")

    assert "refused: unconfined" in by_gate.stderr
    assert refused == set()
    assert world.secrets_got() == [world.got / "link/secret"]  # what a gate without this would let out


@pytest.mark.parametrize(
    "rule", [":-s ../names", ":-s {}/names", ":-s link/../../names", ":s ../names", "dir-merge,- ../names"]
)
def test_a_filter_reads_nothing_outside_of_the_folder(world: GateWorld, rule: str) -> None:
    (world.home.parent / "names").write_text("notes\n")

    done = world.rsync("-a", f"--filter={rule.format(world.home.parent)}")

    assert "notes" not in done.stderr
    assert "notes" in world.names()


def test_without_confinement_a_filter_tells_what_a_file_outside_says(tmp_path: Path) -> None:
    world = unconfined_world(tmp_path)
    (world.home.parent / "names").write_text("notes\n")

    world.rsync("-a", "--filter=:-s ../names")

    # Why `confines` stands in the answer to a probe: no gate sees the filters, which travel in the protocol.
    assert world.names() == {"sub/secret"}


def swapping_rsync(world: GateWorld, *, on: str) -> Path:
    """Return an rsync that puts a link in the place of the allowed folder once it is asked for `on`."""
    program = world.folder / "swapping-rsync"
    swap = f"mv {world.home} {world.home}.aside && ln -s {world.secret.parent} {world.home}"
    program.write_text(f'#!/bin/sh\ncase "$*" in *{on}*) {swap} ;; esac\nexec rsync "$@"\n')
    program.chmod(0o755)
    return program


def test_a_folder_that_becomes_a_link_before_it_is_opened_is_refused(tmp_path: Path) -> None:
    world = gate_world(tmp_path, policy={"rsync": str(tmp_path / "swapping-rsync")})
    swapping_rsync(world, on="--version")

    done = world.rsync("-a")

    assert "refused: link" in done.stderr
    assert world.names() == set()


def test_a_folder_that_becomes_a_link_after_it_was_opened_is_sent_all_the_same(tmp_path: Path) -> None:
    world = gate_world(tmp_path, policy={"rsync": str(tmp_path / "swapping-rsync")})
    swapping_rsync(world, on="--server")

    done = world.rsync("-a")
    right = (world.names(), world.secrets_got())
    world.rsync_of("-a", f"{world.home}/", f"{world.got}/")  # by its path, as a gate without descriptors would

    assert done.returncode == 0
    assert right == ({"notes", "sub/secret"}, [])
    assert world.secrets_got() == [world.got / "secret"]


def test_a_folder_that_is_swapped_all_the_time_never_gives_the_secret_away(world: GateWorld) -> None:
    with swapped_all_the_time(world.home, world.secret.parent):
        ends = [world.rsync("-a").returncode for _ in range(25)]

    assert world.secrets_got() == []
    assert world.names() <= {"notes", "sub/secret"}
    assert set(ends) & {0, 12, 23}


def recording_rsync(folder: Path) -> Path:
    """Return an rsync that notes how it was started, and where."""
    program = folder / "recording-rsync"
    program.write_text(
        "#!/bin/sh\n"
        f'[ "$2" = --version ] && exec rsync "$@"\n{{ pwd; for word do echo "$word"; done; env; }} > {folder}/started\n'
    )
    program.chmod(0o755)
    return program


def test_nothing_of_the_session_reaches_rsync(tmp_path: Path) -> None:
    world = gate_world(tmp_path, policy={"rsync": str(recording_rsync(tmp_path))})
    session = {
        "RSYNC_PANIC_ACTION": "touch canary",
        "RSYNC_PROTECT_ARGS": "1",
        "CVSIGNORE": "*",
        "HOME": str(tmp_path),
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "BASH_ENV": str(tmp_path / "x"),
    }

    done = world.ask(pull_command(world.home / "sub", "--numeric-ids"), env=session)

    assert (done.returncode, done.stderr) == (0, "")
    folder, *rest = (tmp_path / "started").read_text().splitlines()
    assert folder == str(world.home / "sub")
    words = ["--server", "--sender", CLUSTER, "--numeric-ids", f"--confine-root={world.home / 'sub'}", ".", "./"]
    assert rest[: len(words)] == words
    environment = {line.partition("=")[0]: line.partition("=")[2] for line in rest[len(words) :]}
    assert {**environment, "PWD": ""}.items() >= {"HOME": "/nonexistent", "LANG": "C.UTF-8"}.items()
    assert set(environment) <= {"HOME", "LANG", "PATH", "PWD", "OLDPWD", "_", "SHLVL"}
    assert environment["PATH"] == "/usr/bin:/bin"


@pytest.mark.parametrize(
    "option", ["--log-file={}/canary", "--remove-source-files", "--remove-sent-files", "--write-batch={}/canary"]
)
def test_nothing_is_written_and_nothing_deleted(world: GateWorld, option: str) -> None:
    before = sorted(path.name for path in world.folder.rglob("*"))

    done = world.ask(pull_command(world.home, option.format(world.folder)))

    assert done.returncode == 64
    assert sorted(path.name for path in world.folder.rglob("*")) == before


def test_an_rsync_that_writes_finds_no_way_in(world: GateWorld) -> None:
    (world.folder / "mine").write_text(SECRET)

    done = world.rsync_of("-a", "-e", world.remote_shell(), world.folder / "mine", f"desktop:{world.home}/")

    assert done.returncode != 0
    assert not (world.home / "mine").exists()
    assert "refused: not-understood" in done.stderr
