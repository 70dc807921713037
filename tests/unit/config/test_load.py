from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.cross_checks import machine_problems
from backupjump.config.find import find_config
from backupjump.config.load import desktop_named, job_named, load_server, read_job, read_server
from backupjump.config.machines import machines
from backupjump.config.models import Desktop, RouteKind
from backupjump.config.problem import Problem
from backupjump.config.yaml_file import parse
from backupjump.errors import ConfigError, UsageError

SAMPLE = Path(__file__).parents[3] / "examples" / "server" / "backupjump.yaml"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, which is the current folder's parent, and no variable set."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("BACKUPJUMP_CONFIG", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_the_config_is_looked_for_in_this_order(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_user = bare / ".config" / "backupjump" / "backupjump.yaml"
    of_user.parent.mkdir(parents=True)
    of_user.touch()
    assert find_config(None) == of_user

    (bare / "here" / "backupjump.yaml").touch()
    assert find_config(None) == Path("backupjump.yaml")

    (bare / "named.yaml").touch()
    monkeypatch.setenv("BACKUPJUMP_CONFIG", str(bare / "named.yaml"))
    assert find_config(None) == bare / "named.yaml"

    (bare / "given.yaml").touch()
    assert find_config(bare / "given.yaml") == bare / "given.yaml"


def test_a_config_that_was_named_but_is_not_there_is_not_replaced_by_another(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "here" / "backupjump.yaml").touch()
    monkeypatch.setenv("BACKUPJUMP_CONFIG", "/none.yaml")

    with pytest.raises(ConfigError, match=r"/none.yaml \(from \$BACKUPJUMP_CONFIG\) is not there"):
        find_config(None)
    with pytest.raises(ConfigError, match=r"/other.yaml \(from --config\) is not there"):
        find_config(Path("/other.yaml"))


def test_without_a_config_the_hint_is_to_make_one(bare: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no config; looked at backupjump\.yaml, ") as caught:
        find_config(None)

    assert "backupjump init server" in caught.value.hint


def test_a_server_is_read_with_its_jobs_each_named_by_its_file() -> None:
    server = load_server(SAMPLE)

    assert sorted(server.jobs) == ["laptop-home", "office-system"]
    assert [job.name for job in server.jobs.values()] == ["laptop-home", "office-system"]
    assert [desktop.name for desktop in server.desktops.values()] == ["laptop", "office"]
    assert server.desktops["office"].route is RouteKind.PROXYCOMMAND
    assert server.jobs["laptop-home"].bwlimit == 2_000_000


def test_an_editors_own_files_beside_the_jobs_are_not_jobs(tmp_path: Path) -> None:
    (tmp_path / "backupjump.yaml").write_text("store: {path: /srv/backups}")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / ".#nightly.yaml").symlink_to("ann@host.4711")
    (tmp_path / "jobs" / "nightly.yaml~").write_text("garbage: [")
    (tmp_path / "jobs" / "tasks.py").touch()

    assert load_server(tmp_path / "backupjump.yaml").jobs == {}


def test_jobs_that_can_not_be_listed_are_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "backupjump.yaml").write_text("store: {path: /srv/backups}")
    (tmp_path / "jobs").touch()

    with pytest.raises(ConfigError, match="jobs can't be read: Not a directory"):
        load_server(tmp_path / "backupjump.yaml")


def test_an_unknown_job_is_refused_with_a_guess() -> None:
    server = load_server(SAMPLE)

    with pytest.raises(UsageError) as caught:
        job_named(server, "laptophome")

    assert str(caught.value) == "there is no job 'laptophome'; did you mean 'laptop-home'?"
    assert caught.value.hint == "there are: laptop-home, office-system"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["--help", "-x", "-laptop-home"])
def test_a_job_name_that_starts_with_a_dash_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="starts with a dash: was it meant as an option"):
        job_named(load_server(SAMPLE), name)


def test_jobs_and_desktops_are_found_by_name() -> None:
    server = load_server(SAMPLE)

    assert job_named(server, "laptop-home").desktop == "laptop"
    assert desktop_named(server, "office").port == 2021
    with pytest.raises(UsageError, match="there is no desktop 'ofice'; did you mean 'office'"):
        desktop_named(server, "ofice")


def test_a_desktop_made_by_the_program_keeps_the_rules_of_its_route() -> None:
    with pytest.raises(ValueError, match="host_key is missing"):
        Desktop(name="laptop", jump_node="jump", port=2020, user="ann", identity_file=Path("/key"))


def test_on_route_nested_the_keys_of_the_desktop_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "backupjump.yaml").write_text(
        SAMPLE.with_name("backupjump.yaml")
        .parents[1]
        .joinpath("nested", "backupjump.yaml")
        .read_text()
        .replace("~/.ssh/keys/jumpnode", str(tmp_path / "key"))
        .replace("port: 2020", "port: 2020\n    identity_file: /not/used")
    )

    assert load_server(tmp_path / "backupjump.yaml", check_keys=True).desktops["laptop"].user is None


KEYS = st.sampled_from(
    [
        "store",
        "path",
        "kind",
        "jump_nodes",
        "desktops",
        "host",
        "port",
        "user",
        "identity_file",
        "host_key",
        "jump_node",
        "route",
        "sources",
        "desktop",
        "exclude",
        "schedule",
        "every",
        "at",
        "timezone",
        "keep",
        "hooks",
        "server_hooks",
        "gates",
        "max_deleted",
        "bwlimit",
        "max_size",
        "state_dir",
        "notify",
        "name",
        "a",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | KEYS
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4), max_leaves=12
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_whatever_a_file_holds_is_read_or_refused_as_a_mistake(value: dict[str, object]) -> None:
    document = parse(Path("x.yaml"), yaml.safe_dump(value).encode(), environment={})
    server_mistakes: list[Problem] = list(document.problems)
    job_mistakes: list[Problem] = []

    server = read_server(document, server_mistakes)
    list(machine_problems(machines(document, (document,)), check_keys=True))
    job = read_job(document, job_mistakes)

    assert (server is None) <= bool(server_mistakes)
    assert (job is None) <= bool(job_mistakes)
    assert all(problem.render() for problem in [*server_mistakes, *job_mistakes])
