"""A Desktop whose gate and agent run under two accounts, which share a folder: the real program under both."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import kill_tree
from desktop_program import desktop_argv
from program import Said, until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

# ssh wants accounts that have a name.
GATE, AGENT = (pwd.getpwnam(name).pw_uid for name in ("daemon", "nobody"))
GROUP = 4444


@dataclass(frozen=True)
class Desktop:
    """A Desktop with its gate's config and its agent's, and the folder that both name."""

    folder: Path
    shared: Path

    def words(self, account: int, *words: str) -> list[str]:
        """Return what starts the Desktop's program under `account`."""
        identity = ("--reuid", str(account), "--regid", str(account), "--groups", str(GROUP))
        return ["setpriv", *identity, "--", *desktop_argv(*words)]

    def type(self, account: int, *words: str, **environment: str) -> Said:
        done = subprocess.run(
            self.words(account, *words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def tunnel(self, *words: str) -> Said:
        return self.type(AGENT, "--config", str(self.folder / "agent.yaml"), "tunnel", *words)

    def gate(self, command: str) -> Said:
        words = ("gate", "--config", str(self.folder / "gate.yaml"))
        return self.type(GATE, *words, SSH_ORIGINAL_COMMAND=command)


@pytest.fixture
def desktop(lab: Lab) -> Iterator[Desktop]:
    # Not below tmp_path, which is for its owner alone.
    with tempfile.TemporaryDirectory(prefix="backupjump-accounts-") as place:
        yield _desktop(lab, Path(place))


def _desktop(lab: Lab, folder: Path) -> Desktop:
    shared = folder / "state"
    shared.mkdir()
    folder.chmod(0o755)
    os.chown(shared, 0, GROUP)
    shared.chmod(0o3770)
    key = folder / "key"
    shutil.copyfile(lab.tunnel_key, key)
    key.chmod(0o600)
    tunnel, _, _ = lab.desktop_config().read_text().partition("\n")
    (folder / "agent.yaml").write_text(f"{tunnel.replace(str(lab.tunnel_key), str(key))}\nstate_dir: {shared}\n")
    (folder / "gate.yaml").write_text(f"{tunnel}\ngate: {{read: [{lab.home}]}}\nstate_dir: {shared}\n")
    for account, name in ((AGENT, "agent.yaml"), (AGENT, "key"), (GATE, "gate.yaml")):
        os.chown(folder / name, account, account)
    return Desktop(folder, shared)


def test_the_agent_hears_from_the_gate_that_a_backup_has_been_made_and_the_gate_what_was_put_off(
    desktop: Desktop,
) -> None:
    paused = desktop.tunnel("pause", "2h")
    words = desktop.words(AGENT, "--config", str(desktop.folder / "agent.yaml"), "tunnel", "agent")
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as agent:
        try:
            until(lambda: "closed: paused" in desktop.tunnel("status").out, seconds=30)
            asked = desktop.gate("bj1 probe")
            desktop.tunnel("resume")
            until(lambda: "tunnel: open on" in desktop.tunnel("status").out, seconds=30)
            done = desktop.gate("bj1 done ok run-1")
            until(lambda: "closed: not due until" in desktop.tunnel("status").out, seconds=30)
            agent.send_signal(signal.SIGTERM)
            code = agent.wait(30)
        finally:
            if agent.poll() is None:
                kill_tree(agent.pid, itself_too=True)

    assert (paused.code, done.code, code) == (0, 0, 0), (paused, done)
    assert '"deferred_why": "paused"' in asked.out


def test_a_folder_that_can_not_be_written_to_is_named_and_status_needs_none(desktop: Desktop) -> None:
    desktop.shared.chmod(0o755)

    said = [desktop.tunnel(*words) for words in (("pause", "2h"), ("agent",), ("open", "--for", "1m"), ("status",))]

    assert [each.code for each in said] == [2, 2, 2, 0], said
    for each in said[:3]:
        assert f"the state folder {desktop.shared} can't be written to: Permission denied" in each.err
        assert f"hint: see: ls -ld {desktop.shared}" in each.err
    assert "no agent is running" in said[3].out
