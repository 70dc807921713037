from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import grimp
import pytest

from backupjump.operations.bundle import desktop_modules, write_bundle
from backupjump.operations.installed import BUNDLE_NAME, SYSTEM_PYTHON, made_ready
from desktop_program import desktop, desktop_bundle
from pythons import PYTHONS

IMPORT_ALL = """
import sys, zipfile, importlib
sys.path.insert(0, sys.argv[1])
names = [name[:-3].replace("/", ".") for name in zipfile.ZipFile(sys.argv[1]).namelist() if name.endswith(".py")]
for name in names:
    if name != "__main__":
        importlib.import_module(name.replace(".__init__", ""))
print(sys.modules["yaml"].__file__)
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / BUNDLE_NAME).path


def test_it_holds_the_modules_that_the_front_imports_and_no_other() -> None:
    graph = grimp.build_graph("backupjump", exclude_type_checking_imports=True, cache_dir=None)
    imported = {"backupjump.desktop.main", *graph.find_upstream_modules("backupjump.desktop.main")}
    packages = {".".join(name.split(".")[:count]) for name in imported for count in range(1, name.count(".") + 1)}

    assert desktop_modules() == imported | packages


def test_the_same_version_gives_the_same_bytes(tmp_path: Path, bundle: Path) -> None:
    again = write_bundle(tmp_path / "again.pyz")

    assert again.path.read_bytes() == bundle.read_bytes()
    assert again.size_bytes == bundle.stat().st_size


def test_it_is_a_program_with_the_licenses_of_all_that_is_inside(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        licenses = [archive.read(name).decode() for name in names if name.endswith("LICENSE")]

    assert bundle.stat().st_mode & 0o777 == 0o755
    assert bundle.read_bytes().startswith(b"#!/usr/bin/python3 -I\n")
    assert len(licenses) == 3
    assert all("Copyright (c)" in text for text in licenses)
    parts = {name.split("/")[0].split("-")[0] for name in names}
    assert parts == {"__main__.py", "backupjump", "yaml", "PyYAML", "schedule"}


@pytest.mark.parametrize("python", PYTHONS)
def test_all_of_it_loads_in_every_python_there_is_and_yaml_is_its_own(python: str, bundle: Path) -> None:
    done = subprocess.run(
        [python, "-I", "-W", "error", "-c", IMPORT_ALL, str(bundle)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert str(bundle / "yaml") in done.stdout


@pytest.mark.parametrize("python", PYTHONS)
def test_what_is_ready_for_one_python_runs_in_every_other(python: str) -> None:
    said = desktop("--version", python=python)

    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("backupjump 0.")


def test_ready_it_holds_the_same_sources_and_what_was_made_of_them(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        before = {name: archive.read(name) for name in archive.namelist()}

    made_ready(made_ready(bundle))

    with zipfile.ZipFile(bundle) as archive:
        assert {name: archive.read(name) for name in before} == before
        added = set(archive.namelist()) - before.keys()
        assert added == {f"{name}c" for name in before if name.endswith(".py")}
    assert bundle.stat().st_mode & 0o777 == 0o755


def test_ready_it_compiles_nothing_and_so_would_run_without_its_sources(tmp_path: Path) -> None:
    bare = tmp_path / "bare.pyz"
    with zipfile.ZipFile(desktop_bundle()) as archive, zipfile.ZipFile(bare, "w") as copy:
        for name in archive.namelist():
            if not name.endswith(".py"):
                copy.writestr(name, archive.read(name))

    said = desktop("config", "check", "--help", bundle=bare)

    assert (said.code, said.err) == (0, "")
    assert "backupjump config check" in said.out


def test_a_python_that_is_too_old_gets_a_sentence_instead_of_a_traceback(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        main = archive.read("__main__.py").decode()

    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", f"import sys; sys.version_info = (3, 8, 1)\n{main}"], capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (1, "backupjump: needs Python 3.9 or newer, and this is 3.8\n")
