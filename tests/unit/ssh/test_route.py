"""A Desktop of the config made into an ssh_config, and read back by the real ssh."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import RouteKind
from backupjump.errors import ConfigError
from backupjump.process import run
from backupjump.ssh.client_config import known_hosts
from backupjump.ssh.route import Route, data_host, openssh_too_old, prepare, remote_shell, ssh_config
from unit.ssh.routes import DESKTOP_KEY, JUMP_KEY, SPARE_KEY, route_of

DIRECT = [RouteKind.PROXYJUMP, RouteKind.PROXYCOMMAND, RouteKind.LOCAL]


def settings_of(alias: str, config: str, folder: Path) -> dict[str, str]:
    """Return what the real ssh would do for `alias` with `config`."""
    file = folder / "f"
    file.write_text(config)
    done = run(["ssh", "-G", "-F", str(file), alias], timeout=30)
    return dict(line.split(" ", 1) for line in done.stdout.decode().splitlines() if " " in line)


@pytest.mark.parametrize("kind", DIRECT)
def test_ssh_reads_every_strict_setting_for_the_desktop(tmp_path: Path, kind: RouteKind) -> None:
    seen = settings_of("bj-laptop", ssh_config(route_of(kind)), tmp_path)

    expected = {
        "hostname": "127.0.0.1",
        "port": "2020",
        "user": "me",
        "identityfile": "/keys/data",
        "hostkeyalias": "bj-laptop",
        "identitiesonly": "yes",
        "identityagent": "none",
        "userknownhostsfile": "/var/lib/backupjump/routes/laptop/known_hosts",
        "globalknownhostsfile": "/dev/null",
        "stricthostkeychecking": "true",
        "updatehostkeys": "false",
        "forwardagent": "no",
        "clearallforwardings": "yes",
        "permitlocalcommand": "no",
        "batchmode": "yes",
        "preferredauthentications": "publickey",
        "connecttimeout": "10",
        "serveraliveinterval": "15",
        "serveralivecountmax": "3",
        "loglevel": "INFO",
    }
    assert {key: seen.get(key) for key in expected} == expected


@pytest.mark.parametrize("kind", [RouteKind.PROXYJUMP, RouteKind.PROXYCOMMAND, RouteKind.NESTED])
def test_the_jump_node_has_its_own_key_and_its_own_pin(tmp_path: Path, kind: RouteKind) -> None:
    seen = settings_of("bj-jump-node", ssh_config(route_of(kind)), tmp_path)

    expected = {"hostname": "jump.example.org", "user": "bjserver", "identityfile": "/keys/hop"}
    assert {key: seen.get(key) for key in expected} == expected
    assert seen["hostkeyalias"] == "bj-jump-node"
    assert "proxyjump" not in seen
    assert "proxycommand" not in seen


def test_proxyjump_jumps(tmp_path: Path) -> None:
    seen = settings_of("bj-laptop", ssh_config(route_of("proxyjump")), tmp_path)

    assert seen["proxyjump"] == "bj-jump-node"


def test_proxycommand_names_the_file_of_the_run_wherever_the_text_is_stored(tmp_path: Path) -> None:
    route = route_of("proxycommand")

    seen = settings_of("bj-laptop", ssh_config(route), tmp_path)

    assert seen["proxycommand"] == f"ssh -F {route.config_file} -W %h:%p bj-jump-node"


@pytest.mark.parametrize("kind", ["proxyjump", "proxycommand"])
@pytest.mark.parametrize("name", ["with space", "it's", "100%h", "a;b"])
def test_a_folder_with_characters_that_act_is_quoted_for_the_shell_that_reads_it(
    tmp_path: Path, kind: str, name: str
) -> None:
    route = route_of(kind, folder=tmp_path / name)

    seen = settings_of("bj-laptop", ssh_config(route), tmp_path)

    assert shlex.split(seen["proxycommand"].replace("%%", "%"))[2] == str(route.config_file)
    assert "proxyjump" not in seen, "ssh pastes -F into the jump's command as it is"


def test_a_percent_sign_in_a_path_is_doubled_for_ssh() -> None:
    assert 'UserKnownHostsFile "/r/50%%/known_hosts"' in ssh_config(route_of("local", folder=Path("/r/50%")))


@pytest.mark.parametrize("name", ['a"b', "a\\b", "${HOME}", "a\nProxyCommand x"])
def test_a_folder_that_ssh_config_can_not_write_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no way to write"):
        ssh_config(route_of("local", folder=Path("/r") / name))


def test_local_goes_through_nothing(tmp_path: Path) -> None:
    config = ssh_config(route_of("local"))

    assert "Proxy" not in config
    assert "bj-jump" not in config


def test_nested_tells_people_how_to_log_in(tmp_path: Path) -> None:
    config = ssh_config(route_of("nested"))

    assert "#   ssh -t -F /var/lib/backupjump/routes/laptop/ssh_config bj-jump-node ssh den" in config
    assert "bj-laptop" not in config


def test_an_old_ssh_skips_what_it_may_and_never_the_jump(tmp_path: Path) -> None:
    first = ssh_config(route_of("proxyjump")).splitlines()[0]

    assert first == "IgnoreUnknown IdentityAgent,UpdateHostKeys"


def test_several_routes_share_one_file_and_one_jump_node(tmp_path: Path) -> None:
    one = route_of("proxyjump")
    assert one.target is not None
    other = replace(one, desktop="tower", target=replace(one.target, alias="bj-tower", port=2021), folder=tmp_path)

    config = ssh_config(one, other)

    assert config.count("Host bj-jump-node\n") == 1
    assert settings_of("bj-tower", config, tmp_path)["port"] == "2021"
    assert settings_of("bj-tower", config, tmp_path)["userknownhostsfile"].split() == [
        str(one.known_hosts_file),
        str(other.known_hosts_file),
    ]


def test_every_pinned_key_stands_in_known_hosts_under_its_alias() -> None:
    assert known_hosts(route_of("proxyjump").hops) == (
        f"bj-jump-node {JUMP_KEY}\nbj-laptop {DESKTOP_KEY}\nbj-laptop {SPARE_KEY}\n"
    )


@pytest.mark.parametrize(
    ("version", "kind", "refused"),
    [
        ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19", "proxyjump", False),
        ("OpenSSH_10.0p2, OpenSSL 3.5.1", "proxyjump", False),
        ("OpenSSH_7.3p1, OpenSSL 1.0.2h", "proxyjump", False),
        ("OpenSSH_7.2p2 Ubuntu-4ubuntu2.10, OpenSSL 1.0.2g", "proxyjump", True),
        ("OpenSSH_6.6.1p1, OpenSSL 1.0.1e-fips", "proxyjump", True),
        ("OpenSSH_6.6.1p1, OpenSSL 1.0.1e-fips", "proxycommand", False),
        ("OpenSSH_6.6.1p1, OpenSSL 1.0.1e-fips", "local", False),
        ("OpenSSH_9.9p2, LibreSSL 3.3.6", "proxyjump", False),
        ("OpenSSH_for_Windows_8.6p1, LibreSSL 3.4.3", "proxyjump", False),
        ("Sun_SSH_1.1.5", "proxyjump", False),
        ("", "proxyjump", False),
    ],
)
def test_proxyjump_needs_openssh_7_3(version: str, kind: str, refused: bool) -> None:
    problem = openssh_too_old(version, RouteKind(kind))

    assert (problem is not None) == refused
    assert problem is None or "route: proxycommand" in problem


@pytest.mark.parametrize("kind", DIRECT)
def test_rsync_gets_ssh_with_the_config_and_no_terminal(kind: RouteKind) -> None:
    route = route_of(kind)

    assert remote_shell(route) == ("ssh", "-F", str(route.config_file), "-T")
    assert data_host(route) == "bj-laptop"


def test_rsync_gets_the_second_shell_on_nested() -> None:
    route = route_of("nested")

    assert remote_shell(route)[1:] == (
        *("-I", "-m", "backupjump.ssh.second_shell"),
        *(str(route.config_file), "bj-jump-node", "den"),
    )


def with_keys(folder: Path) -> Route:
    """Return a local route whose key really exists."""
    route = route_of("local", folder=folder / "route")
    key = folder / "key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], timeout=60)
    assert route.target is not None
    return replace(route, target=replace(route.target, identity_file=key))


def test_prepare_writes_for_us_alone_and_mends_what_was_changed(tmp_path: Path) -> None:
    route = with_keys(tmp_path)

    prepare(route)
    route.known_hosts_file.write_text("garbage")
    route.config_file.chmod(0o644)
    route.folder.chmod(0o755)
    prepare(route)

    modes = [path.stat().st_mode & 0o777 for path in (route.folder, route.config_file, route.known_hosts_file)]
    assert modes == [0o700, 0o600, 0o600]
    assert route.known_hosts_file.read_text() == known_hosts(route.hops)
    assert sorted(path.name for path in route.folder.iterdir()) == ["known_hosts", "ssh_config"]


def test_prepare_leaves_files_alone_that_are_right(tmp_path: Path) -> None:
    route = with_keys(tmp_path)
    prepare(route)
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(route.folder.iterdir())]

    prepare(route)

    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(route.folder.iterdir())] == before


def test_prepare_refuses_a_folder_that_is_a_link(tmp_path: Path) -> None:
    route = with_keys(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    route.folder.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match="is a link"):
        prepare(route)

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_prepare_refuses_a_key_that_others_can_read(tmp_path: Path) -> None:
    route = with_keys(tmp_path)
    (tmp_path / "key").chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        prepare(route)

    assert not route.folder.exists()


def test_prepare_refuses_proxyjump_with_an_ssh_too_old_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = with_keys(tmp_path).target
    assert target is not None
    route = route_of("proxyjump", folder=tmp_path / "route")
    assert route.jump is not None
    route = replace(route, jump=replace(route.jump, identity_file=target.identity_file), target=target)
    (tmp_path / "ssh").write_text("#!/bin/sh\necho OpenSSH_7.2p2 Ubuntu-4ubuntu2.10 >&2\n")
    (tmp_path / "ssh").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigError, match=r"OpenSSH_7\.2p2 .*say route: proxycommand") as refused:
        prepare(route)

    assert refused.value.exit_code == 2
    assert not route.folder.exists()


def test_by_a_relay_the_desktops_own_key_logs_in_to_the_jump_node_and_ssh_leads_to_the_desktop(tmp_path: Path) -> None:
    route = route_of("nested", relay=True)

    seen = settings_of("bj-laptop", ssh_config(route), tmp_path)

    expected = {"hostname": "jump.example.org", "user": "bjserver", "identityfile": "/keys/data"}
    assert {key: seen[key] for key in expected} == expected
    assert seen["hostkeyalias"] == "bj-jump-node"
    assert remote_shell(route) == ("ssh", "-F", str(route.config_file), "-T")


def test_two_relays_and_a_tunnel_by_one_jump_node_keep_their_keys(tmp_path: Path) -> None:
    relay, tunnel = route_of("nested", relay=True), route_of("proxyjump")

    config = ssh_config(relay, replace(tunnel, desktop="office"))

    assert settings_of("bj-laptop", config, tmp_path)["identityfile"] == "/keys/data"
    assert settings_of("bj-jump-node", config, tmp_path)["identityfile"] == "/keys/hop"
