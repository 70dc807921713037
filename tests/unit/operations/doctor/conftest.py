"""A tunnel key that is really there."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.demo.sshd import make_key
from backupjump.operations.doctor.tunnel_key import TunnelKey
from backupjump.ssh.client_config import Hop
from backupjump.ssh.tunnel_verdicts import Forward


@pytest.fixture(scope="session")
def tunnel_key(tmp_path_factory: pytest.TempPathFactory) -> TunnelKey:
    """Return the key of a Desktop whose port is 2020."""
    private: Path = make_key(tmp_path_factory.mktemp("keys") / "tunnel", comment="tunnel")
    hop = Hop("bj-jump", "jumpnode.domain.ext", 22, "tunnel", private, ())
    return TunnelKey(Forward(jump=hop, port=2020, to_host="localhost", to_port=22))
