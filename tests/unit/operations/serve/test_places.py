from __future__ import annotations

import json
from pathlib import Path

from backupjump.operations.serve.serve import places_to_look
from backupjump.operations.site import open_site
from backupjump.ssh.route import data_host
from unit.ssh.routes import DESKTOP_KEY, JUMP_KEY


def test_a_desktop_is_looked_for_at_each_end_of_its_ways(tmp_path: Path) -> None:
    node = {"user": "bjserver", "identity_file": "/keys/hop", "host_key": JUMP_KEY}
    who = {"user": "me", "identity_file": "/keys/data", "host_key": DESKTOP_KEY}
    nested = {"route": "nested", "allow_plaintext_at_jump": True}
    desktops = {
        "laptop": {
            **who,
            "routes": [
                {"route": "direct", "host": "laptop.lan"},
                {"jump_node": "home", "port": 2020},
                {"jump_node": "spare", "port": 2021, "route": "proxycommand"},
                {"jump_node": "spare", "port": 2021, **nested},
            ],
        },
        "office": {**who, "jump_node": "spare", "port": 2022},
    }
    told = {
        "store": {"path": "/srv/backups"},
        "state_dir": str(tmp_path / "state"),
        "jump_nodes": {"home": {"host": "home.example", **node}, "spare": {"host": "spare.example", **node}},
        "desktops": desktops,
    }
    (tmp_path / "backupjump.yaml").write_text(json.dumps(told))

    places = places_to_look(open_site(tmp_path / "backupjump.yaml"))

    assert [(name, way is not None, [data_host(route) for route in routes]) for name, way, routes in places] == [
        ("home", True, ["bj-laptop+2"]),
        ("spare", True, ["bj-laptop+3", "bj-office"]),
        ("by login", False, ["bj-laptop+4"]),
        ("direct", False, ["bj-laptop"]),
    ]
