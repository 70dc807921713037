"""The house rules that no linter of ours checks."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

HOUSE = Path(__file__).parents[2]
OURS = [file for folder in ("backupjump", "jobs", "examples", "tests") for file in (HOUSE / folder).rglob("*.py")]
VERMIN = Path(sys.executable).with_name("vermin")
HEAVY = {"fabric", "invoke", "jinja2", "paramiko", "pydantic", "rich", "xxhash", "yaml", "zstandard"}


def desktop_side() -> list[Path]:
    """Return the files of what the Desktop runs: those of the contract in pyproject.toml, and what they import."""
    tools = tomllib.loads((HOUSE / "pyproject.toml").read_text())["tool"]
    contract = next(each for each in tools["importlinter"]["contracts"] if "Desktop" in each["name"])
    graph = grimp.build_graph("backupjump", exclude_type_checking_imports=True, cache_dir=None)
    named = graph.modules.intersection(contract["source_modules"])  # lint-imports says which one is not there
    modules = named.union(*(graph.find_upstream_modules(module) for module in named))
    files = [HOUSE / (module.replace(".", "/") + ".py") for module in sorted(modules)]
    return [file for file in files if not file.with_suffix("").is_dir()]


@pytest.mark.parametrize("words", [["-m", "backupjump", "--help"], ["-c", "import backupjump.cli.main"]])
def test_help_starts_without_the_heavy_libraries(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words], capture_output=True, text=True, check=True, cwd=HOUSE
    )

    imported = set(re.findall(r"^import time: .*\| +(\w+)", done.stderr, flags=re.MULTILINE))
    assert "backupjump" in imported
    assert imported & HEAVY == set()


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (["--config", "/not/there.yaml", "tunnel", "open"], {}),
        ([], {"_BACKUPJUMP_COMPLETE": "bash_complete", "COMP_WORDS": "backupjump run n", "COMP_CWORD": "2"}),
    ],
    ids=["tunnel open", "TAB"],
)
def test_the_desktop_and_the_tab_key_do_without_the_server_s_libraries(
    words: list[str], environment: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "backupjump", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=HOUSE,
        env={**os.environ, **environment},
    )

    imported = set(re.findall(r"^import time: .*\| +([\w.]+)", done.stderr, flags=re.MULTILINE))
    assert "backupjump.config.find" in imported
    assert imported & (HEAVY - {"yaml"}) == set()


def test_package_files_are_empty() -> None:
    assert [str(file) for file in OURS if file.name == "__init__.py" and file.read_bytes()] == []


def test_no_file_is_too_long_to_read() -> None:
    lengths = {str(file.relative_to(HOUSE)): len(file.read_text().splitlines()) for file in OURS}

    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_what_the_desktop_runs_uses_nothing_newer_than_python_3_9() -> None:
    files = [str(file) for file in desktop_side()]

    done = subprocess.run(
        # TypeAlias is imported for the type checker only, which vermin can't tell.
        [
            VERMIN,
            "--target=3.9-",
            "--violations",
            "--no-tips",
            "--processes=1",
            "--exclude",
            "typing.TypeAlias",
            *files,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", desktop_side(), ids=lambda file: str(file.relative_to(HOUSE)))
def test_what_the_desktop_runs_never_evaluates_a_union_of_types(file: Path) -> None:
    tree = ast.parse(file.read_text())

    assert "annotations" in {
        name.name for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names
    }, "without it, `int | None` in a signature fails before Python 3.10"
    assert [node.lineno for node in evaluated(tree) if is_union_of_types(node)] == []


def evaluated(tree: ast.AST) -> list[ast.AST]:
    """Return every node but those in annotations, which stay text."""
    nodes = []
    for field, value in ast.iter_fields(tree):
        if field in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                nodes += [child, *evaluated(child)]
    return nodes


def is_union_of_types(node: ast.AST) -> bool:
    """Say whether this is `A | None` or `int | str`, as in an alias or in isinstance."""
    types = {"None", "int", "str", "bytes", "float", "bool", "dict", "list", "tuple"}
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.BitOr)
        and bool({ast.unparse(node.left).split("[")[0], ast.unparse(node.right).split("[")[0]} & types)
    )


def test_the_union_check_itself_can_fail() -> None:
    tree = ast.parse("Alias = list[int] | dict\ndef f(x: int | None) -> str | None: ...\nflags = a | b\n")

    assert [node.lineno for node in evaluated(tree) if is_union_of_types(node)] == [1]


def test_the_tree_names_no_machine_it_was_made_on() -> None:
    folders = ("backupjump", "docs", "examples", "jobs", "tests", ".ci")
    files = [file for folder in folders for file in (HOUSE / folder).rglob("*") if file.is_file()]
    files += [file for file in HOUSE.iterdir() if file.suffix in {".md", ".toml", ".yaml"}]
    # Spelled in pieces, so that this file does not find itself.
    foreign = re.compile(
        "|".join(
            [
                "/wor" + "k/(main|shared)",
                "/roo" + r"t/\.",
                "/op" + "t/(pypi|wheels)",
                "pypi" + r"\.",
                "deb" + r"\.debian",
            ]
        )
    )

    found = [str(file) for file in files if file.suffix != ".pyc" and foreign.search(file.read_text(errors="replace"))]

    assert found == []


def test_no_test_is_ever_skipped() -> None:
    skips = re.compile(r"pytest\.(skip|xfail|importor" + r"skip)|mark\.(skip|skip" + "if|xf" + r"ail)\b")

    assert [str(file) for file in (HOUSE / "tests").rglob("*.py") if skips.search(file.read_text())] == []


# Where a signal may be caught with all other errors: it is told or recorded there, or none is raised (a thread, the
# gate, a word at TAB), or nothing is waited for.
CATCHES_SIGNALS = {
    "backupjump/cli/arguments.py",
    "backupjump/frame.py",
    "backupjump/gate/main.py",
    "backupjump/notify/in_time.py",
    "backupjump/operations/doctor/server_desktop.py",
    "backupjump/operations/doctor/server_tools.py",
    "backupjump/operations/bring.py",
    "backupjump/operations/pull.py",
    "backupjump/operations/recorded.py",
    "backupjump/operations/serve/look_out.py",
}


def swallows_signals(tree: ast.AST) -> bool:
    """Whether a handler for BackupjumpError or Exception gets Stopped too, and does not raise it on."""
    for node in ast.walk(tree):
        caught: set[str] = set()
        for handler in node.handlers if isinstance(node, ast.Try) else ():
            names = set(re.findall(r"\w+", ast.unparse(handler.type) if handler.type else "Exception"))
            caught |= names
            raises = any(isinstance(each, ast.Raise) for each in handler.body)
            if names & {"BackupjumpError", "Exception"} and "Stopped" not in caught and not raises:
                return True
    return False


def test_no_signal_is_taken_for_an_ordinary_error() -> None:
    """Stopped is a BackupjumpError, and is raised once: who swallows it can't be ended by TERM any more."""
    files = {file.relative_to(HOUSE).as_posix(): file for file in (HOUSE / "backupjump").rglob("*.py")}

    found = {name for name, file in files.items() if swallows_signals(ast.parse(file.read_text()))}

    assert found <= CATCHES_SIGNALS
    assert swallows_signals(ast.parse("try: f()\nexcept BackupjumpError: pass"))
