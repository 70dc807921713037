"""The JSON Schemas of the three kinds of file, for editors: made from the models, so they can't be out of date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from backupjump.config.checks import write_share
from backupjump.config.meanings import describe
from backupjump.config.models import Job, Server
from backupjump.config.noun import Noun
from backupjump.config.times import write_duration

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}


def schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of each kind of file: server, job, desktop."""
    for noun in Noun.__subclasses__():  # as they are defined: parts before what is made of them
        describe(noun)
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
    tunnel_port = {"type": "integer", "minimum": 1024, "maximum": 65535}
    jump_node = _mapping(
        "A JumpNode as the Desktop sees it.",
        ("host", "user", "identity_file", "host_key"),
        host=_told("DNS name or address.", _TEXT),
        port=_told("Port of its sshd.", {"type": "integer", "minimum": 1, "maximum": 65535, "default": 22}),
        user=_told("The account there that may open this Desktop's port, and nothing else.", _TEXT),
        identity_file=_told("The Desktop's private key for it.", _TEXT),
        host_key=_told("Its public host key, or a list (current and spare).", {"anyOf": [_TEXT, _TEXTS]}),
        tunnel_port=_told("The tunnel's port on this one; by default the tunnel's `port`.", tunnel_port),
    )
    window = _mapping(
        "A time in which the tunnel stands open.",
        ("every", "at", "for"),
        every=_told("Which days: day, or a list such as [mon, thu].", {"anyOf": [_TEXT, _TEXTS]}),
        at=_told('The clock time at which it opens, such as "02:00".', _TEXT),
        **{"for": _told("How long it stays open, past midnight too.", _TEXT)},
    )
    unless = _mapping(
        "When it stays closed, and the Server is told that its owner put it off.",
        (),
        battery_below=_told("Share of a full battery, when on battery, such as 40%.", _TEXT),
        metered=_told("On a connection that is paid by volume.", {"type": "boolean", "default": False}),
    )
    opens = {"enum": ["when-due", "always"], "default": "when-due"}
    tunnel = _mapping(
        "The reverse tunnel that this Desktop opens, and when.",
        ("jump_node", "port"),
        jump_node=_told(
            "The JumpNode, or several, tried in order.",
            {"anyOf": [jump_node, {"type": "array", "items": jump_node, "minItems": 1}]},
        ),
        port=_told("The tunnel's port on the JumpNode.", tunnel_port),
        to=_told("Where the tunnel leads: this Desktop's sshd.", {"type": "string", "default": "localhost:22"}),
        open=_told(
            "when-due (the last backup is older than `every`), always, or a list of windows.",
            {"anyOf": [opens, {"type": "array", "items": window, "minItems": 1}]},
        ),
        every=_told(
            "When-due: open as soon as the last published run is older than this.",
            {"type": "string", "default": "20h"},
        ),
        max_age=_told("Tell the owner when the last backup is older than this; by default 3 times `every`.", _TEXT),
        unless=unless,
        expires=_told(
            "The day on which this Desktop's keys end; by default never.", {"type": "string", "format": "date"}
        ),
    )
    gate = _mapping(
        "What the Server's key may do here.",
        ("read",),
        read=_told("Folders that it may read.", _TEXTS),
        hooks=_told(
            "Programs that it may start, by name; each an argv.",
            {"type": "object", "additionalProperties": _TEXTS},
        ),
        rsync=_told("The rsync that reads them, by its full path; by default the first of the usual places.", _TEXT),
    )
    state_dir = _told("Where this machine remembers (root: /var/lib/backupjump, else the XDG state folder).", _TEXT)
    return {
        "$schema": DIALECT,
        "title": "Desktop",
        **_mapping("A Desktop's file.", (), tunnel=tunnel, gate=gate, state_dir=state_dir),
    }


def _told(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, **schema}


def _mapping(description: str, required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }
