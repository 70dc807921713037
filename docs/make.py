"""Make docs/commands.md, docs/config.md, the man page and the completions from what `--help` and the models say.

python docs/make.py            write them
python docs/make.py --check    say which is out of date, and end with 1
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent
from typing import Any

import click
from click.shell_completion import get_completion_class

from backupjump.cli.main import cli
from backupjump.config.schema import schemas

HERE = Path(__file__).parent
_VERBATIM = "\b"
_CONFIG_HEAD = """\
# Every key of the config

Made by `docs/make.py` from the models that read the files. `backupjump config check` tells every mistake at its line,
`backupjump config show` what holds with all defaults filled in, and `backupjump config schema` prints the same for
editors. Lengths of time are `90s`, `30m`, `2h`, `7d`; sizes `10 MB`; shares `25%`; `${NAME}` in a text is a variable
of the environment."""

Command = tuple[str, str, str, list[tuple[str, str]]]


def commands() -> Iterator[Command]:
    """Yield each command that is no group: its words, its usage, its help, its options with their help."""
    with click.Context(cli, info_name="backupjump", max_content_width=100) as top:
        yield "backupjump", "[OPTIONS] COMMAND ...", cli.help or "", _options(cli, top)
        yield from _below(cli, top)


def _below(group: click.Group, context: click.Context) -> Iterator[Command]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        with click.Context(command, parent=context, info_name=name) as inner:
            if isinstance(command, click.Group):
                yield from _below(command, inner)
            else:
                usage = " ".join(command.collect_usage_pieces(inner))
                yield inner.command_path, usage, command.help or "", _options(command, inner)


def _options(command: click.Command, context: click.Context) -> list[tuple[str, str]]:
    records = (each.get_help_record(context) for each in command.get_params(context))
    return [record for record in records if record is not None and not record[0].endswith("--help")]


def paragraphs(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the paragraphs of a help text, and of each whether its line breaks are to be kept."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = paragraph.split("\n")
        if lines[0].strip() == _VERBATIM:
            yield True, dedent("\n".join(lines[1:]))
        else:
            yield False, " ".join(line.strip() for line in lines)


def commands_page() -> str:
    """Return docs/commands.md: every command with its help."""
    parts = ["# Commands", "What `backupjump COMMAND --help` says, on one page. Made by `docs/make.py`."]
    for path, usage, text, options in commands():
        parts += [f"## `{path}`", f"```\n{path} {usage}\n```"]
        parts += [f"```\n{body}\n```" if verbatim else body for verbatim, body in paragraphs(text)]
        if options:
            parts.append("\n".join(["| option | what it does |", "|---|---|", *map(_option_row, options)]))
    return "\n\n".join(parts) + "\n"


def _option_row(option: tuple[str, str]) -> str:
    return f"| `{option[0].replace('|', '&#124;')}` | {option[1].replace('|', '&#124;')} |"


def man_page() -> str:
    """Return backupjump.1, in the macros of man(7)."""
    lines = [f'.TH BACKUPJUMP 1 "" "backupjump {version("backupjump")}"', ".SH NAME"]
    lines += [r"backupjump \- backups pulled with rsync over a reverse SSH tunnel", ".SH SYNOPSIS"]
    first, *others = commands()
    lines += [rf"\fBbackupjump\fR {_roff(first[1])}", ".SH DESCRIPTION", *_man_text(first[2])]
    lines += [".SH OPTIONS", *_man_options(first[3]), ".SH COMMANDS"]
    for path, usage, text, options in others:
        lines += [f".SS {_roff(path.removeprefix('backupjump '))}", rf"\fB{_roff(path)}\fR {_roff(usage)}", ".PP"]
        lines += [*_man_text(text), *_man_options(options)]
    lines += [
        ".SH FILES",
        ".TP",
        r"\&./backupjump.yaml, ~/.config/backupjump/backupjump.yaml, /etc/backupjump/backupjump.yaml",
    ]
    lines += ["The config, in this order; each job is a file in the folder jobs beside it."]
    lines += [".SH SEE ALSO", r"\fBssh\fR(1), \fBrsync\fR(1), \fBsshd_config\fR(5)"]
    return "\n".join(lines) + "\n"


def _man_text(text: str) -> Iterator[str]:
    for verbatim, body in paragraphs(text):
        yield from [".PP", ".nf", _roff(body), ".fi"] if verbatim else [".PP", _roff(body)]


def _man_options(options: list[tuple[str, str]]) -> Iterator[str]:
    for name, text in options:
        yield from [".TP", rf"\fB{_roff(name)}\fR", _roff(text)]


def _roff(text: str) -> str:
    """Return `text` so that no line of it is a request, and no dash of an option becomes another sign."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("`", "")
    return re.sub(r"^([.'])", r"\\&\1", escaped, flags=re.MULTILINE)


def config_page() -> str:
    """Return docs/config.md: every key of every file, with its meaning and its default."""
    parts = [_CONFIG_HEAD]
    files = {
        "server": "The Server's backupjump.yaml",
        "job": "A job: jobs/NAME.yaml",
        "desktop": "The Desktop's backupjump.yaml",
    }
    made = schemas()
    for kind, title in files.items():
        parts.append(f"## {title}")
        parts += _sections(made[kind], "", made[kind].get("$defs", {}))
    return "\n\n".join(parts) + "\n"


def _sections(schema: Mapping[str, Any], path: str, known: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of the keys of `schema`, then one for each mapping below it, with its `path`."""
    rows, below = [], []
    for key, value in schema["properties"].items():
        wanted = key in schema.get("required", ())
        rows.append(f"| `{key}` | {_kind(value, known)} | {_default(value, wanted=wanted)} | {_meaning(value)} |")
        below += [(f"{path}{key}{end}", inner) for end, inner in _inner(value, known)]
    if path:
        yield f"### `{path.rstrip('.')}`"
    if path and schema.get("description"):
        yield schema["description"].partition("\n")[0]
    yield "\n".join(["| key | what | default | meaning |", "|---|---|---|---|", *rows])
    for inner_path, inner in below:
        yield from _sections(inner, f"{inner_path}.", known)


def _inner(value: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each mapping that can stand at a key, and what follows the key in its path."""
    for each in _choices(value, known):
        if "properties" in each:
            yield "", each
        elif isinstance(each.get("additionalProperties"), dict):
            yield from ((f".NAME{end}", inner) for end, inner in _inner(each["additionalProperties"], known))
        elif each.get("type") == "array" and not any("properties" in other for other in _choices(value, known)):
            yield from ((f"[]{end}", inner) for end, inner in _inner(each.get("items", {}), known))


def _choices(value: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in value:
        yield from _choices(known[value["$ref"].rpartition("/")[2]], known)
    elif "anyOf" in value or "oneOf" in value:
        for each in value.get("anyOf") or value["oneOf"]:
            yield from _choices(each, known)
    elif value.get("type") != "null":
        yield value


def _kind(value: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    kinds = dict.fromkeys(_kind_of(each, known) for each in _choices(value, known))
    return " or ".join(kinds)


def _kind_of(value: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if "enum" in value or "const" in value:
        return ", ".join(f"`{each}`" for each in value.get("enum", [value.get("const")]))
    match value.get("type"):
        case "array":
            items = value.get("items", {})
            return f"list of {_kind(items, known)}" if items else "list"
        case "object":
            return "mapping" if "properties" in value else "mapping by name"
        case "integer" | "number":
            return "number"
        case "boolean":
            return "true or false"
        case _:
            return "text"


def _default(value: Mapping[str, Any], *, wanted: bool) -> str:
    if wanted:
        return "**needed**"
    default = value.get("default")
    if default in (None, {}, []) or isinstance(default, dict):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _meaning(value: Mapping[str, Any]) -> str:
    return value.get("description", "").replace("\n", " ").replace("|", "&#124;")


def completion(shell: str) -> str:
    """Return what `shell` reads to complete our words, which it then asks us for."""
    made = get_completion_class(shell)
    assert made is not None
    return made(cli, {}, "backupjump", "_BACKUPJUMP_COMPLETE").source().strip() + "\n"


PAGES = {
    "commands.md": commands_page,
    "config.md": config_page,
    "man/backupjump.1": man_page,
    "completion/backupjump.bash": lambda: completion("bash"),
    "completion/backupjump.zsh": lambda: completion("zsh"),
    "completion/backupjump.fish": lambda: completion("fish"),
}


def main(words: list[str]) -> int:
    """Write the pages, or with `--check` compare them."""
    stale = [name for name, made in PAGES.items() if not _is_as(HERE / name, made())]
    if words == ["--check"]:
        sys.stderr.write("".join(f"docs/{name} is out of date: python docs/make.py\n" for name in stale))
        return 1 if stale else 0
    for name in stale:
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_text(PAGES[name](), encoding="utf-8")
    return 0


def _is_as(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
