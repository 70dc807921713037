"""Machines that were reinstalled, and impostors, on real sshds: what repin learns, and what it leaves alone."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from backupjump.config.desktop import load_desktop
from backupjump.config.load import load_server
from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.errors import HostKeyRefused, JumpNodeUnreachable, TunnelNotOpen, UsageError
from backupjump.operations.enroll.repin import Consent
from backupjump.operations.enroll.repin_on_desktop import repin_jump_node
from backupjump.operations.enroll.repin_on_server import repin_machine
from backupjump.ssh.control import open_control
from backupjump.ssh.keys import fingerprint
from lab.routes import route_in
from lab.terminal import Terminal
from program import argv, backupjump

pytestmark = pytest.mark.lab


def is_right(key: str) -> Consent:
    return Consent(yes=True, fingerprint=fingerprint(key))


@pytest.mark.parametrize("kind", [RouteKind.PROXYJUMP, RouteKind.LOCAL])
def test_a_reinstalled_desktop_is_reached_again_and_only_its_key_was_asked_for(lab: Lab, kind: RouteKind) -> None:
    config = lab.server_config(kind.value)
    before = config.read_text()
    old = lab.desktop.host_key_public
    lab.desktop.renew_host_key()
    lab.open_tunnel()

    repinned = repin_machine(config, "desktop", is_right(lab.desktop.host_key_public), jump_node=False)

    log = lab.desktop.log.read_text()
    assert "desktop desktop is pinned to SHA256:" in repinned.lines[0]
    assert repinned.script is None
    assert config.read_text() == before.replace(f'"{old}"', lab.desktop.host_key_public)
    assert "Accepted" not in log
    assert "Failed" not in log
    server = load_server(config)
    assert server.desktops["desktop"].host_key == (lab.desktop.host_key_public,)


def test_a_reinstalled_jump_node_is_pinned_anew_on_the_server_and_on_the_desktop(lab: Lab) -> None:
    config, desktop = lab.server_config(), lab.desktop_config()
    lab.jump.renew_host_key()
    consent = is_right(lab.jump.host_key_public)

    repin_machine(config, "jumpnode", consent, jump_node=False)
    repin_jump_node(desktop, None, consent)

    assert load_server(config).jump_nodes["jumpnode"].host_key == (lab.jump.host_key_public,)
    assert load_desktop(desktop).tunnel.jump_nodes[0].host_keys == (lab.jump.host_key_public,)
    assert "Accepted" not in lab.jump.log.read_text()
    again = repin_machine(config, "jumpnode", Consent(), jump_node=True)
    assert "nothing to change" in again.lines[0]
    assert "nothing to change" in repin_jump_node(desktop, "127.0.0.1:" + str(lab.jump.port), Consent())[0]


def test_a_stranger_on_the_jump_node_s_address_is_not_asked_for_the_desktop_s_key(lab: Lab) -> None:
    config = lab.server_config()
    before = config.read_text()
    lab.desktop.renew_host_key()
    lab.jump.renew_host_key()

    with pytest.raises(HostKeyRefused, match="JumpNode jumpnode shows another host key"):
        repin_machine(config, "desktop", is_right(lab.desktop.host_key_public), jump_node=False)

    assert config.read_text() == before


def test_a_machine_that_does_not_answer_is_named_and_nothing_changes(lab: Lab) -> None:
    config, desktop = lab.server_config(), lab.desktop_config()
    before = config.read_text(), desktop.read_text()
    consent = is_right(lab.desktop.host_key_public)

    with pytest.raises(TunnelNotOpen):
        repin_machine(config, "desktop", consent, jump_node=False)
    lab.jump.stop()
    with pytest.raises(JumpNodeUnreachable):
        repin_machine(config, "jumpnode", consent, jump_node=False)
    with pytest.raises(JumpNodeUnreachable):
        repin_jump_node(desktop, None, consent)

    assert (config.read_text(), desktop.read_text()) == before


def test_a_name_that_nobody_has_is_refused_with_a_guess_and_nested_with_a_reason(lab: Lab) -> None:
    with pytest.raises(UsageError, match="did you mean 'desktop'"):
        repin_machine(lab.server_config(), "desktp", Consent(), jump_node=False)
    with pytest.raises(UsageError, match="there is no JumpNode 'desktop'"):
        repin_machine(lab.server_config(), "desktop", Consent(), jump_node=True)
    with pytest.raises(UsageError, match="route nested"):
        repin_machine(lab.server_config("nested"), "desktop", Consent(), jump_node=False)


def test_a_key_that_is_still_pinned_is_recognised_through_the_tunnel(lab: Lab) -> None:
    config = lab.server_config("proxycommand")
    lab.open_tunnel()

    repinned = repin_machine(config, "desktop", Consent(), jump_node=False)

    assert repinned.lines[0].endswith("nothing to change")
    with open_control(route_in(lab, RouteKind.PROXYCOMMAND)) as control:
        assert control.run(["true"], timeout=10).status == 0


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_a_person_sees_both_fingerprints_and_decides(lab: Lab, answer: str, code: int) -> None:
    config = lab.server_config()
    before, old = config.read_text(), lab.jump.host_key_public
    lab.jump.renew_host_key()

    words = argv(config, "enroll", "repin", "jumpnode")
    with Terminal(words, devices=Path("/dev"), owner=os.getuid()) as terminal:
        terminal.expect(rf"pinned:  {re.escape(fingerprint(old))}")
        terminal.expect(rf"offered: {re.escape(fingerprint(lab.jump.host_key_public))}")
        terminal.expect(r"ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
        terminal.expect(r"\[y/N\] $")
        terminal.type(f"{answer}\n")
        ended = terminal.end()

    assert ended.code == code
    assert (config.read_text() == before) == (code == 1)


def test_the_words_that_would_trust_a_stranger_are_refused(lab: Lab) -> None:
    config = lab.server_config()

    for words in (["jumpnode", "--yes"], [], ["jumpnode", "--jump-node", "jumpnode"]):
        assert backupjump(config, "enroll", "repin", *words).code == 2
