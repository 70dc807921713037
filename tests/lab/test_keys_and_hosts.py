"""What a run trusts on its own machine: the config, the keys, and the files it writes for ssh."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from program import backupjump

pytestmark = pytest.mark.lab


def test_k6_a_run_does_not_start_with_keys_or_a_config_that_are_others_too(lab: Lab) -> None:
    config = lab.server_config()
    job = config.parent / "jobs/nightly.yaml"
    others_too = {config: 0o664, job: 0o622, job.parent: 0o777, lab.data_key: 0o644, lab.hop_key: 0o640}

    for path, mode in others_too.items():
        before = path.stat().st_mode
        path.chmod(mode)
        said = backupjump(config, "run", "nightly")
        path.chmod(before)

        assert said.code == 2, said
        assert f"by others (mode {mode:04o}); type: chmod" in said.err


def test_k6_nor_does_the_tunnel(lab: Lab) -> None:
    config = lab.desktop_config()
    config.chmod(0o666)

    said = backupjump(config, "tunnel", "open")

    assert said.code == 2
    assert "can be written by others (mode 0666); type: chmod go-w" in said.err


def test_k5_what_somebody_did_to_the_files_for_ssh_between_two_runs_is_undone_before_the_next(lab: Lab) -> None:
    config = lab.server_config()
    backupjump(config, "store", "init")
    lab.open_tunnel()
    assert backupjump(config, "run", "nightly").code == 0
    (ssh_config,) = lab.state.rglob("ssh_config")
    (known_hosts,) = lab.state.rglob("known_hosts")
    wholesome = {path: path.read_text() for path in (ssh_config, known_hosts)}
    canary = lab.folder / "canary"
    ssh_config.write_text(f'Match exec "touch {canary}"\n  ProxyCommand touch {canary}\n{wholesome[ssh_config]}')
    known_hosts.unlink()
    elsewhere = lab.folder / "elsewhere"
    elsewhere.write_text("@revoked * ssh-ed25519 AAAA\n@cert-authority * ssh-ed25519 AAAA\n\0garbage")
    known_hosts.symlink_to(elsewhere)

    said = backupjump(config, "run", "nightly")

    assert said.code == 0, said
    assert {path: path.read_text() for path in wholesome} == wholesome
    assert not known_hosts.is_symlink()
    assert elsewhere.read_text().startswith("@revoked")
    assert not canary.exists()


def test_with_a_umask_that_lets_a_group_write_the_lab_runs_too(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        with Lab(tmp_path / "lab") as lab:
            config = lab.server_config()
            said = [backupjump(config, *words) for words in (("store", "init"), ("run", "nightly"))]
    finally:
        os.umask(before)

    # The tunnel is closed.
    assert [each.code for each in said] == [0, 75], said
