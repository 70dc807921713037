"""One file for the Desktop: backupjump-desktop.pyz, with our modules that the Desktop runs, PyYAML and schedule inside.

What goes in is found by walking the imports of the Desktop's front, so it can't be forgotten here. The
Server writes it; installed.py says what becomes of it on the Desktop.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import backupjump
from backupjump.errors import BackupjumpError
from backupjump.escape import shown
from backupjump.operations.installed import write_zip

FRONT = "backupjump.desktop.main"

_MAIN = b"""\
import sys

if sys.version_info < (3, 9):
    sys.exit("backupjump: needs Python 3.9 or newer, and this is %d.%d" % sys.version_info[:2])

from backupjump.desktop.main import main

if __name__ == "__main__":
    sys.exit(main())
"""
_HOUSE = Path(backupjump.__file__).parent
# What the Desktop's modules need besides the standard library: distribution to package.
_LIBRARIES = {"PyYAML": "yaml", "schedule": "schedule"}
# The binding to the C library; the pure classes are used all the same, and do without it.
_LEFT_OUT = frozenset({"yaml/cyaml.py"})


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The file that was written, its length and its SHA-256 in hex: the Desktop's owner can compare it."""

    path: Path
    size_bytes: int
    sha256: str


def write_bundle(path: Path) -> Bundle:
    """Write the Desktop's program to `path` and return what it is; the same version gives the same bytes."""
    try:
        write_zip(path, _members())
        content = path.read_bytes()
    except OSError as error:
        raise BackupjumpError(f"{shown(str(path))} can't be written: {error.strerror}") from error
    return Bundle(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def desktop_modules() -> frozenset[str]:
    """Return the names of our modules that the Desktop's front imports, at once or inside a function."""
    found: set[str] = set()
    ahead = [FRONT]
    while ahead:
        module = ahead.pop()
        if module in found:
            continue
        found.add(module)
        parents = module.split(".")[:-1]
        ahead += [".".join(parents[: number + 1]) for number in range(len(parents))]
        ahead += _imports(ast.parse(_file_of(module).read_bytes()))
    return frozenset(found)


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yield our modules that `tree` imports when it runs: what is for the type checker alone is passed over."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for other in node.orelse:
                yield from _imports(other)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if _is_ours(name.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _is_ours(node.module):
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names if _is_module(node.module, name.name))
        else:
            yield from _imports(node)


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == _HOUSE.name


def _is_module(package: str, name: str) -> bool:
    folder = _HOUSE.parent / package.replace(".", "/") / name
    return folder.is_dir() or folder.with_suffix(".py").is_file()


def _file_of(module: str) -> Path:
    path = _HOUSE.parent / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _members() -> dict[str, bytes]:
    members = {"__main__.py": _MAIN}
    for module in desktop_modules():
        file = _file_of(module)
        members[file.relative_to(_HOUSE.parent).as_posix()] = file.read_bytes()
    for package in _LIBRARIES.values():
        for file in _folder_of(package).glob("*.py"):
            members[f"{package}/{file.name}"] = file.read_bytes()
    # By these importlib.metadata tells the version, and the bundle whose work it is.
    for name in ("backupjump", *_LIBRARIES):
        found = importlib.metadata.distribution(name)
        folder = f"{name}-{found.version}.dist-info"
        members[f"{folder}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {found.version}\n".encode()
        members[f"{folder}/LICENSE"] = _license_of(found)
    return {name: content for name, content in members.items() if name not in _LEFT_OUT}


def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _license_of(found: importlib.metadata.Distribution) -> bytes:
    for file in found.files or ():
        if file.name.upper().startswith("LICEN"):
            return file.read_binary()
    # A distribution's own package keeps it elsewhere; the field names it at least.
    return f"{found.metadata['Name']}: {found.metadata['License'] or 'see its own distribution'}\n".encode()
