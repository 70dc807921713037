from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.desktop import Tunnel, Unless, load_desktop, read_desktop
from backupjump.config.load import load_server
from backupjump.config.problem import Problem
from backupjump.config.yaml_file import parse
from backupjump.errors import ConfigError

SAMPLE = Path(__file__).parents[3] / "examples" / "desktop" / "backupjump.yaml"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHHV/k+HmWciJVSzMUnHLALuITwNHWr4foBTMZqXEjS/"
JUMP_NODE = f"{{host: jump.example, user: tunnel, identity_file: /keys/tunnel, host_key: {KEY}}}"


def tunnel_of(tmp_path: Path, lines: str = "", jump_node: str = JUMP_NODE) -> Tunnel:
    (tmp_path / "f.yaml").write_text(f"tunnel:\n  jump_node: {jump_node}\n  port: 2020\n{lines}")
    return load_desktop(tmp_path / "f.yaml").tunnel


def test_the_sample_is_read_whole() -> None:
    config = load_desktop(SAMPLE)

    (jump_node,) = config.tunnel.jump_nodes
    assert (jump_node.host, jump_node.port, jump_node.user) == ("jumpnode.domain.ext", 22, "tunnel")
    assert jump_node.identity_file == Path("~/.ssh/keys/tunnel").expanduser()
    assert jump_node.host_keys == (KEY,)
    assert (config.tunnel.port, config.tunnel.to_host, config.tunnel.to_port) == (2020, "localhost", 22)
    assert config.tunnel.unless == Unless(battery_below=0.4, metered=True)
    assert config.gate is not None
    assert config.gate.hooks == {"dump-db": ("pg_dump", "-f", "/home/ann/db.sql", "app")}


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    tunnel = tunnel_of(tmp_path)

    assert (tunnel.to_host, tunnel.to_port, tunnel.opens, tunnel.windows) == ("localhost", 22, "when-due", ())
    assert (tunnel.every, tunnel.max_age) == (timedelta(hours=20), timedelta(hours=60))


def test_an_alarm_is_three_times_the_cadence_unless_it_is_said(tmp_path: Path) -> None:
    assert tunnel_of(tmp_path, "  every: 8h\n").max_age == timedelta(hours=24)
    assert tunnel_of(tmp_path, "  every: 8h\n  max_age: 2d\n").max_age == timedelta(days=2)


def test_several_jump_nodes_keep_their_order(tmp_path: Path) -> None:
    second = JUMP_NODE.replace("jump.example", "spare.example")

    tunnel = tunnel_of(tmp_path, jump_node=f"[{JUMP_NODE}, {second}]")

    assert [jump_node.host for jump_node in tunnel.jump_nodes] == ["jump.example", "spare.example"]


def test_windows_are_read(tmp_path: Path) -> None:
    tunnel = tunnel_of(
        tmp_path, '  open: [{every: [sat, sun], at: 02:00, for: 3h}, {every: day, at: "12:30", for: 1h}]\n'
    )

    assert tunnel.opens == "windows"
    assert [(window.at, window.length) for window in tunnel.windows] == [
        ("02:00", timedelta(hours=3)),
        ("12:30", timedelta(hours=1)),
    ]


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [("localhost:2222", "localhost", 2222), ("127.0.0.1:22", "127.0.0.1", 22), ("'[::1]:22'", "::1", 22)],
)
def test_the_tunnel_leads_to_a_host_and_a_port(tmp_path: Path, written: str, host: str, port: int) -> None:
    tunnel = tunnel_of(tmp_path, f"  to: {written}\n")

    assert (tunnel.to_host, tunnel.to_port) == (host, port)


@pytest.mark.parametrize(
    "written", ["localhost", "22", "':22'", "localhost:0", "localhost:99999", "'::1:22'", "-oX:22", "'a b:22'", "[]"]
)
def test_any_other_target_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(ConfigError, match=r"tunnel\.to: "):
        tunnel_of(tmp_path, f"  to: {written}\n")


def test_a_file_with_a_gate_alone_has_no_tunnel_to_open(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("gate: {read: [/home/ann]}")
    config = load_desktop(tmp_path / "f.yaml")

    with pytest.raises(ConfigError, match="has no `tunnel:`"):
        _ = config.tunnel


def test_the_desktop_reads_its_file_without_the_servers_libraries() -> None:
    code = (
        "import sys, pathlib, backupjump.config.desktop as d; d.load_desktop(pathlib.Path(sys.argv[1]));"
        "sys.exit(', '.join({'pydantic', 'click', 'fabric', 'pytimeparse', 'platformdirs'} & sys.modules.keys()) or 0)"
    )

    done = subprocess.run([sys.executable, "-c", code, SAMPLE], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


KEYS = st.sampled_from(
    [
        "tunnel",
        "gate",
        "state_dir",
        "jump_node",
        "port",
        "to",
        "open",
        "every",
        "max_age",
        "unless",
        "host",
        "user",
        "identity_file",
        "host_key",
        "at",
        "for",
        "battery_below",
        "metered",
        "read",
        "hooks",
        "a",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | KEYS
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4), max_leaves=12
)


@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_whatever_a_file_holds_is_read_or_refused_as_a_mistake(value: dict[str, object]) -> None:
    document = parse(Path("x.yaml"), yaml.safe_dump(value).encode(), environment={})
    problems: list[Problem] = list(document.problems)

    if document.whole:
        read_desktop(document, problems, check_keys=True)

    assert all(problem.render() for problem in problems)


def test_a_config_of_the_other_machine_is_told_as_such_and_nothing_else_of_it(tmp_path: Path) -> None:
    server, desktop = tmp_path / "server.yaml", tmp_path / "desktop.yaml"
    server.write_text("store: {path: /srv/backups}\njump_nodes: {}\ndesktops: {}\n")
    desktop.write_text(f"tunnel:\n  jump_node: {JUMP_NODE}\n  port: 2020\n")

    with pytest.raises(ConfigError) as on_desktop:
        load_desktop(server)
    with pytest.raises(ConfigError) as on_server:
        load_server(desktop)

    assert [str(each.value).splitlines()[0] for each in (on_desktop, on_server)] == [
        f"{server}:1:1: store: is of a Server's config; what was typed is a word for a Desktop",
        f"{desktop}:1:1: tunnel: is of a Desktop's config; what was typed is a word for a Server",
    ]
    assert all(len(str(each.value).splitlines()) == 3 for each in (on_desktop, on_server))
