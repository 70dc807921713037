"""The JSON Schemas of the three kinds of file, for editors: made from the models, so they can't be out of date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from backupjump.config.checks import write_share
from backupjump.config.models import Job, Noun, Server
from backupjump.config.times import write_duration

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}


def schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of each kind of file: server, job, desktop."""
    return {"server": _of_model(Server), "job": _of_model(Job), "desktop": _desktop()}


def _of_model(noun: type[Noun]) -> dict[str, Any]:
    """Return the schema that pydantic has for `noun`, without names: those are keys or stems in the files."""
    schema = noun.model_json_schema(schema_generator=_AsWritten)
    for part in (schema, *schema.get("$defs", {}).values()):
        for injected in ("name", "jobs"):
            if injected in part.get("properties", {}):
                del part["properties"][injected]
            part["required"] = [key for key in part.get("required", []) if key != injected]
    return {"$schema": DIALECT, **schema}


class _AsWritten(GenerateJsonSchema):
    """Defaults as a person writes them: `30m`, `25%`."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return write_duration(dft)
        return write_share(dft) if isinstance(dft, float) else super().encode_default(dft)


def _desktop() -> dict[str, Any]:
    """Return the schema of a Desktop's file, whose models are dataclasses (config/desktop.py)."""
    host_key = {"anyOf": [_TEXT, _TEXTS], "description": "Its public host key, or a list (current and spare)."}
    jump_node = _mapping(
        "A JumpNode as the Desktop sees it.",
        ("host", "user", "identity_file", "host_key"),
        host=_TEXT,
        port={"type": "integer", "minimum": 1, "maximum": 65535, "default": 22},
        user=_TEXT,
        identity_file=_TEXT,
        host_key=host_key,
    )
    window = _mapping(
        "A time in which the tunnel stands open.",
        ("every", "at", "for"),
        every={"anyOf": [_TEXT, _TEXTS]},
        at=_TEXT,
        **{"for": _TEXT},
    )
    opens = {"enum": ["when-due", "always"], "default": "when-due"}
    tunnel = _mapping(
        "The reverse tunnel that this Desktop opens, and when.",
        ("jump_node", "port"),
        jump_node={"anyOf": [jump_node, {"type": "array", "items": jump_node, "minItems": 1}]},
        port={"type": "integer", "minimum": 1024, "maximum": 65535},
        to={"type": "string", "default": "localhost:22"},
        open={"anyOf": [opens, {"type": "array", "items": window, "minItems": 1}]},
        every={"type": "string", "default": "20h"},
        max_age=_TEXT,
        unless=_mapping("When it stays closed.", (), battery_below=_TEXT, metered={"type": "boolean"}),
        expires={"type": "string", "format": "date"},
    )
    hooks = {"type": "object", "additionalProperties": _TEXTS}
    gate = _mapping("What the Server's key may do here.", ("read",), read=_TEXTS, hooks=hooks, rsync=_TEXT)
    return {
        "$schema": DIALECT,
        "title": "Desktop",
        **_mapping("A Desktop's file.", (), tunnel=tunnel, gate=gate, state_dir=_TEXT),
    }


def _mapping(description: str, required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }
