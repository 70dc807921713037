"""The gate at the end of every route: our own adapter's pulls and the control connection's words get through."""

from __future__ import annotations

import json

import pytest

from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.process import run
from backupjump.rsync.argv import pull_argv
from backupjump.ssh.control import open_control
from backupjump.ssh.route import data_host, remote_shell
from lab.gated import gated
from lab.routes import EVERY, by_ssh, route_in
from rsync_world import plan_of

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("kind", EVERY)
def test_what_a_run_needs_passes_the_gate_and_nothing_else_does(lab: Lab, kind: RouteKind) -> None:
    world = gated(lab)
    source = world.home / "a b$(touch canary);'*\\é"
    source.mkdir()
    (source / "file").write_text("mine")
    lab.open_tunnel()
    route = route_in(lab, kind)
    plan = plan_of(source, world.got, remote_shell(route), host=data_host(route))

    with open_control(route) as control:
        probe = control.run(["bj1", "probe"], timeout=30)
        hook = control.run(["bj1", "hook", "say"], timeout=30)
        shell = control.run(["sh", "-c", "touch canary"], timeout=30)
    pulled = run(pull_argv(plan, plan.transfers[0], marker="m1"), timeout=60)
    stolen = by_ssh(route, "cat", str(world.secret))

    assert json.loads(probe.stdout)["roots"] == [{"path": str(world.home), "state": "folder"}]
    assert json.loads(hook.stdout)["said"] == ["said", "sh 0"]
    assert (shell.status, shell.stdout) == (64, b"")
    assert pulled.status == 0, pulled.stderr
    assert world.names() == {"file"}
    assert (stolen.status, stolen.stdout) == (64, b"")
    assert list(lab.folder.rglob("canary")) == []
