"""No authorized_keys of the Server lets a Desktop in, but for route local's one port."""

from __future__ import annotations

import os
import pwd
import subprocess
from datetime import date
from pathlib import Path

import pytest

from backupjump.config.models import Desktop, RouteKind
from backupjump.operations.doctor.finding import FAIL, OK
from backupjump.operations.doctor.key_lines import read_lines
from backupjump.operations.doctor.server_keys import keys_files, line_findings, local_amiss, read_patterns
from backupjump.operations.enroll.authorized_keys import TUNNEL, Mark, tunnel_line

BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIKuNLFqluA2BL5C/kUU5vwpExeaOsYSI19FeROzUpawc"
KEY = f"ssh-ed25519 {BLOB}"


def desktop(route: RouteKind = RouteKind.PROXYJUMP) -> Desktop:
    jump = {"tunnel_ends_here": True} if route is RouteKind.LOCAL else {"jump_node": "jump"}
    given = {"name": "laptop", "route": route, "port": 2020, "user": "me", "identity_file": "/k", "host_key": KEY}
    return Desktop.model_validate({**given, **jump})


def test_a_tunnel_key_that_this_server_lets_in_is_red_and_its_line_goes(tmp_path: Path) -> None:
    file = tmp_path / "authorized keys"
    file.write_text(f'# mine\nssh-rsa AAAA me\nfrom="1.2.3.4" {KEY} laptop\n')

    (found,) = line_findings(file, file.read_bytes(), {BLOB: desktop()})

    assert (found.verdict, found.check) == (FAIL, "server.authorized-keys")
    assert "line 3" in found.evidence
    subprocess.run(["sh", "-c", found.fix.removeprefix("sudo ")], check=True)
    assert file.read_text() == "# mine\nssh-rsa AAAA me\n"


@pytest.mark.parametrize(
    ("options", "amiss"),
    [
        (
            'restrict,port-forwarding,permitlisten="127.0.0.1:2020",permitlisten="localhost:2020",permitopen="127.0.0.1:1"',
            0,
        ),
        ('restrict,port-forwarding,permitlisten="localhost:2020",permitopen="127.0.0.1:1",expiry-time="20301231"', 0),
        ('restrict,pty,port-forwarding,permitlisten="127.0.0.1:2020",permitopen="127.0.0.1:1"', 1),
        ('restrict,port-forwarding,permitlisten="127.0.0.1:2020",permitlisten="*:2020",permitopen="127.0.0.1:1"', 1),
        ('restrict,port-forwarding,permitlisten="127.0.0.1:2021",permitopen="127.0.0.1:1"', 1),
        ('restrict,port-forwarding,permitlisten="127.0.0.1:2020"', 1),
        ("restrict,port-forwarding", 2),
        ('from="10.0.0.1"', 3),
    ],
)
def test_route_local_s_line_must_be_as_narrow_as_a_jump_node_s(options: str, amiss: int, tmp_path: Path) -> None:
    local, file = desktop(RouteKind.LOCAL), tmp_path / "authorized_keys"
    file.write_text(f"{options} {KEY} laptop\n")
    (line,) = read_lines(file.read_bytes())

    (found,) = line_findings(file, file.read_bytes(), {BLOB: local})

    assert len(local_amiss(line, 2020)) == amiss
    assert found.verdict == (FAIL if amiss else OK)
    if amiss:
        subprocess.run(["sh", "-c", found.fix.removeprefix("sudo ")], check=True)
        (found,) = line_findings(file, file.read_bytes(), {BLOB: local})
        assert found.verdict == OK
        assert file.read_text().endswith(f" {KEY} laptop\n")


def test_the_line_of_enrolment_is_narrow_enough_for_route_local() -> None:
    text = tunnel_line(Mark(TUNNEL, "laptop", "0a1b2c3d"), KEY, port=2020, expires=date(2030, 1, 1))
    (line,) = read_lines(text.encode())

    assert local_amiss(line, 2020) == ()


def test_keys_are_looked_for_where_sshd_does() -> None:
    account = next(each for each in pwd.getpwall() if each.pw_uid == os.getuid())

    said = "port 22\nauthorizedkeysfile .ssh/authorized_keys /etc/keys/%u /k/%h/%U/%% none\n"

    places = keys_files([account], read_patterns(said))
    home = Path(account.pw_dir)
    assert places == (
        home / ".ssh/authorized_keys",
        Path(f"/etc/keys/{account.pw_name}"),
        Path(f"/k/{account.pw_dir}/{account.pw_uid}/%"),
        home / ".ssh/authorized_keys2",
    )
    assert read_patterns("") == (".ssh/authorized_keys", ".ssh/authorized_keys2")
