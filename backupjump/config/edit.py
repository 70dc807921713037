"""One value of a YAML file changed, all the rest kept byte for byte: a pinned key, the path of a new one.

A person's file has comments and an order that mean something; writing it anew from its values would lose
both. So text is changed in place, and read again before it counts. The Desktop runs this file: Python 3.9,
the standard library and yaml.
"""

from __future__ import annotations

import copy
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from backupjump.config.problem import Where, dotted
from backupjump.config.scalars import STR, plain_tag
from backupjump.config.syntax import compose
from backupjump.config.yaml_file import parse
from backupjump.errors import ConfigError
from backupjump.escape import shown
from backupjump.whole_files import replacing

if TYPE_CHECKING:
    from typing import TypeAlias

Value: TypeAlias = "str | int | bool | Sequence[str]"
"""What can be written: a scalar, or a list of texts."""

_PLAIN = re.compile(r"[A-Za-z0-9/~][A-Za-z0-9/~ +=._@-]*(?<! )")
_BOM = b"\xef\xbb\xbf"


def set_values(path: Path, changes: Mapping[Where, Value]) -> None:
    """Give each place of the file at `path` its new value, all of them at once or none.

    A key that is not there is added at the end of its mapping, which must be there. The file is replaced
    atomically and keeps its mode and owner. ConfigError when it can't be read or written, or where the
    result would not read as exactly these changes (an alias, for one); the file is untouched then.
    """
    target = Path(os.path.realpath(path))  # a link stays one
    try:
        raw = target.read_bytes()
        fresh = changed(target, raw, changes)
        if fresh != raw:
            _replace(target, fresh)
    except OSError as error:
        raise ConfigError(f"{shown(str(path))} can't be changed: {error.strerror}") from error


def changed(path: Path, raw: bytes, changes: Mapping[Where, Value]) -> bytes:
    """Return `raw`, the content of `path`, with each of `changes` in its place."""
    bom = _BOM if raw.startswith(_BOM) else b""
    before = parse(path, raw, environment=os.environ)
    if not before.whole:
        raise ConfigError("\n".join(problem.render() for problem in before.problems))
    text, wanted = before.text, copy.deepcopy(before.value)
    for where, value in changes.items():
        text = _set(path, text, where, value)
        _put(wanted, where, value)
    fresh = bom + text.encode("utf-8")
    after = parse(path, fresh, environment=os.environ)
    if not after.whole or after.value != wanted:
        raise _unsafe(path, *changes)
    return fresh


def append_text(path: Path, text: str) -> None:
    """Put `text`, whole keys of YAML, behind what the file at `path` says; atomically, and as `appended` allows."""
    target = Path(os.path.realpath(path))
    try:
        _replace(target, appended(target, target.read_bytes(), text))
    except OSError as error:
        raise ConfigError(f"{shown(str(path))} can't be changed: {error.strerror}") from error


def appended(path: Path, raw: bytes, text: str) -> bytes:
    """Return `raw`, the content of `path`, with `text` behind it; ConfigError where it would not read as both."""
    before, behind = (parse(path, each, environment=os.environ) for each in (raw, text.encode("utf-8")))
    fresh = raw + (b"" if raw.endswith(b"\n") or not raw else b"\n") + text.encode("utf-8")
    after = parse(path, fresh, environment=os.environ)
    if not after.whole or after.value != {**before.value, **behind.value}:
        names = " and ".join(behind.value)
        hint = f"{{}} around it, or a line `...`? write it with a key a line, or add {names} by hand"
        raise ConfigError(f"{shown(str(path))}: {names} can't be added at its end", hint=hint)
    return fresh


def _unsafe(path: Path, *places: Where) -> ConfigError:
    named = " and ".join(dotted(where) for where in places)
    hint = "there is an alias, or a layout that this program can't edit safely; change it by hand"
    return ConfigError(f"{shown(str(path))}: {named} can't be changed without changing more", hint=hint)


def _set(path: Path, text: str, where: Where, value: Value) -> str:
    """Return `text` with the value at `where` replaced, or added to its mapping."""
    node = compose(text)
    for part in where[:-1]:
        node = _below(node, part)
    key = where[-1]
    if not isinstance(node, yaml.MappingNode) or not isinstance(key, str):
        raise ConfigError(f"{shown(str(path))} has no {dotted(where[:-1])} that {dotted((key,))} could stand in")
    for key_node, old in node.value:
        if key_node.value == key:
            if old.start_mark.index < key_node.start_mark.index:  # an alias, whose value stands at its anchor
                raise _unsafe(path, where)
            return _replaced(text, key_node, old, _written(value), in_flow=bool(node.flow_style))
    return _added(text, node, f"{key}: {_written(value)}")


def _below(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        entry: yaml.Node = node.value[part]
        return entry
    return None


def _replaced(text: str, key: yaml.Node, old: yaml.Node, written: str, *, in_flow: bool) -> str:
    start, end = old.start_mark.index, _end(old)
    if in_flow or old.start_mark.line == key.end_mark.line:
        # A block scalar (| or >) ends behind its last line break.
        tail = "\n" if text[start:end].endswith("\n") else ""
        space = " " if text[start - 1] == ":" else ""
        return text[:start] + space + written + tail + text[end:]
    # A block that begins below its key: the value moves up to the key's line, and the block's lines go.
    colon = text.index(":", key.end_mark.index) + 1
    first = text.rindex("\n", 0, start) + 1
    return text[:colon] + " " + written + text[colon:first] + text[_line_end(text, end) :]


def _added(text: str, mapping: yaml.MappingNode, line: str) -> str:
    if mapping.flow_style:
        if not mapping.value:
            place = mapping.start_mark.index + 1
            return text[:place] + line + text[place:]
        place = _end(mapping.value[-1][1])
        return f"{text[:place]}, {line}{text[place:]}"
    newline = "\r\n" if "\r\n" in text else "\n"
    place = _line_end(text, _end(mapping.value[-1][1]))
    indent = " " * mapping.value[0][0].start_mark.column
    before = text[:place] if text[:place].endswith("\n") else text[:place] + newline
    return f"{before}{indent}{line}{newline}{text[place:]}"


def _end(node: yaml.Node) -> int:
    """Return where `node` ends; PyYAML lets a block end only where the next thing begins, comments included."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    return end


def _line_end(text: str, index: int) -> int:
    """Return where the line of the character before `index` ends, its line break included."""
    if index and text[index - 1] == "\n":
        return index
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        escaped = value.replace("${", "$${")
        plain = _PLAIN.fullmatch(escaped) and plain_tag(escaped) == STR
        return escaped if plain else json.dumps(escaped, ensure_ascii=False)
    return f"[{', '.join(map(_written, value))}]"


def _put(wanted: dict[str, Any], where: Where, value: Value) -> None:
    below: Any = wanted
    for part in where[:-1]:
        below = below[part]
    below[where[-1]] = value if isinstance(value, (str, int)) else list(value)


def _replace(target: Path, content: bytes) -> None:
    """Put `content` in the place of a file, there whole or not at all; it keeps its mode and owner."""
    found = target.stat()
    with replacing(target, mode=stat.S_IMODE(found.st_mode)) as file:
        if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(file.fileno(), found.st_uid, found.st_gid)
            # chown(2) takes set-user-ID and set-group-ID away.
            os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode))
        file.write(content)
