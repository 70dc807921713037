"""The files that enrolment writes on the Server: they say what was agreed, and none stays that would not be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from backupjump.errors import ConfigError
from backupjump.operations.enroll.server_files import (
    desktop_text,
    job_text,
    jump_node_text,
    server_config_path,
    server_text,
    write_and_load,
)
from enroll_world import DESKTOP_KEY, HOST_KEY, INVITATION, TUNNEL_KEY, reply_to


def texts(folder: Path) -> dict[Path, str]:
    invitation = replace(INVITATION, expires=date(2027, 12, 31))
    return {
        folder / "backupjump.yaml": server_text(folder / "store ${x}"),
        folder / "jump_nodes/jumpnode.yaml": jump_node_text(
            host="2001:db8::1", port=2222, user="bjserver", identity_file=Path("/k/jump"), host_key=HOST_KEY
        ),
        folder / "desktops/laptop.yaml": desktop_text(
            invitation, reply_to(), jump_node="jumpnode", identity_file=Path("/k/laptop")
        ),
        folder / "jobs/laptop.yaml": job_text(reply_to()),
    }


def test_what_is_written_is_read_as_it_was_agreed(tmp_path: Path) -> None:
    server = write_and_load(tmp_path / "backupjump.yaml", texts(tmp_path))

    desktop, node, job = server.desktops["laptop"], server.jump_nodes["jumpnode"], server.jobs["laptop"]
    assert server.store.path == tmp_path / "store ${x}"
    assert (node.host, node.port, node.user, node.host_key) == ("2001:db8::1", 2222, "bjserver", (HOST_KEY,))
    assert (desktop.port, desktop.user, desktop.route, desktop.jump_node) == (2020, "me", "proxyjump", "jumpnode")
    assert (desktop.host_key, desktop.tunnel_key) == ((DESKTOP_KEY,), TUNNEL_KEY)
    assert desktop.expires == date(2027, 12, 31)
    assert (job.desktop, job.sources) == ("laptop", ("/home/me",))
    assert job.keep is not None
    assert {path.stat().st_mode & 0o777 for path in texts(tmp_path)} == {0o600}


@pytest.mark.parametrize("name", ["2024", "on", "null", "1e3", "2026-11-22", "0x10"])
def test_a_name_that_yaml_would_take_for_something_else_stays_a_name(tmp_path: Path, name: str) -> None:
    reply = reply_to(desktop=name, hooks=(name,))
    ends = {"jump_node": name, "identity_file": Path("/k/laptop")}
    written = {
        tmp_path / "backupjump.yaml": server_text(tmp_path / "store"),
        tmp_path / f"jump_nodes/{name}.yaml": jump_node_text(
            host="jump.example", port=22, user=name, identity_file=Path("/k/jump"), host_key=HOST_KEY
        ),
        tmp_path / f"desktops/{name}.yaml": desktop_text(replace(INVITATION, desktop=name), reply, **ends),
        tmp_path / f"jobs/{name}.yaml": job_text(reply).replace("# hooks:", "hooks:"),
    }

    server = write_and_load(tmp_path / "backupjump.yaml", written)

    assert (server.jump_nodes[name].user, server.desktops[name].jump_node) == (name, name)
    assert (server.jobs[name].desktop, server.jobs[name].hooks.before) == (name, (name,))


def test_a_desktop_that_offers_no_hooks_and_one_with_several_keys_are_read_too(tmp_path: Path) -> None:
    plain = texts(tmp_path)
    reply = reply_to(hooks=(), host_keys=(DESKTOP_KEY, HOST_KEY), read=("/home/me", "/srv/a b"))
    plain[tmp_path / "jobs/laptop.yaml"] = job_text(reply)
    plain[tmp_path / "desktops/laptop.yaml"] = desktop_text(
        INVITATION, reply, jump_node="jumpnode", identity_file=Path("/k/laptop")
    )

    server = write_and_load(tmp_path / "backupjump.yaml", plain)

    assert server.jobs["laptop"].sources == ("/home/me", "/srv/a b")
    assert server.desktops["laptop"].host_key == (DESKTOP_KEY, HOST_KEY)
    assert server.desktops["laptop"].expires is None


def test_no_file_stays_where_one_of_them_would_not_be_read(tmp_path: Path) -> None:
    broken = {**texts(tmp_path), tmp_path / "jobs/other.yaml": "desktop: nobody\nsources: [/x]\n"}

    with pytest.raises(ConfigError):
        write_and_load(tmp_path / "backupjump.yaml", broken)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/laptop.yaml").write_text("# mine\n")

    with pytest.raises(ConfigError, match="File exists"):
        write_and_load(tmp_path / "backupjump.yaml", texts(tmp_path))

    assert (tmp_path / "jobs/laptop.yaml").read_text() == "# mine\n"
    assert not (tmp_path / "backupjump.yaml").exists()


def test_a_bare_server_s_config_goes_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKUPJUMP_CONFIG", str(tmp_path / "named.yaml"))

    assert server_config_path(tmp_path / "said.yaml") == tmp_path / "said.yaml"
    assert server_config_path(None) == tmp_path / "named.yaml"
    monkeypatch.delenv("BACKUPJUMP_CONFIG")
    (tmp_path / "backupjump.yaml").write_text("")
    assert server_config_path(None) == tmp_path / "backupjump.yaml"
