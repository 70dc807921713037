from __future__ import annotations

import json
from pathlib import Path

from backupjump.config import desktop, schema
from backupjump.config.schema import schemas

COMMITTED = Path(schema.__file__).with_name("schema.json")


def test_the_committed_schema_is_that_of_the_models() -> None:
    made = json.dumps(schemas(), indent=2) + "\n"

    assert COMMITTED.read_text() == made, f"make it anew: schemas() of {schema.__name__}, into {COMMITTED.name}"


def test_names_are_not_keys_of_a_file() -> None:
    server, job = schemas()["server"], schemas()["job"]

    assert "jobs" not in server["properties"]
    assert "name" not in job["properties"]
    assert job["required"] == ["desktop", "sources"]
    assert "name" not in server["$defs"]["JumpNode"]["required"]


def test_the_desktops_schema_has_the_keys_that_are_read() -> None:
    top = schemas()["desktop"]["properties"]
    tunnel = top["tunnel"]["properties"]

    assert tuple(top) == desktop.TOP_KEYS
    assert tuple(tunnel) == desktop.TUNNEL_KEYS
    assert tuple(tunnel["jump_node"]["anyOf"][0]["properties"]) == desktop.JUMP_NODE_KEYS
    assert tuple(tunnel["open"]["anyOf"][1]["items"]["properties"]) == desktop.WINDOW_KEYS
    assert tuple(tunnel["unless"]["properties"]) == desktop.UNLESS_KEYS
    assert tuple(top["gate"]["properties"]) == desktop.GATE_KEYS


def test_defaults_stand_as_a_person_writes_them() -> None:
    job = schemas()["job"]

    assert job["properties"]["time_limit"]["default"] == "12h"
    assert job["$defs"]["Gates"]["properties"]["max_deleted"]["default"] == "25%"
