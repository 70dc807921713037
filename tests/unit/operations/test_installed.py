from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from backupjump.errors import BackupjumpError
from backupjump.operations.bundle import write_bundle
from backupjump.operations.installed import (
    BUNDLE_NAME,
    SYSTEM_PYTHON,
    gate_argv,
    is_ready,
    made_ready,
    program,
    running_bundle,
    settle,
)
from desktop_program import desktop_bundle, run_inside


def test_of_an_installation_the_gate_is_started_by_its_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    script, *words = gate_argv(Path("desktop.yaml"))

    assert script == str(Path(sys.executable).with_name("backupjump-gate"))
    assert words == ["--config", str(tmp_path / "desktop.yaml")]
    assert (running_bundle(), program()) == (None, "backupjump")


def test_of_the_one_file_the_gate_is_started_by_the_systems_python() -> None:
    argv = run_inside("from backupjump.operations.installed import gate_argv; print(gate_argv(Path('/etc/d.yaml')))")

    words = ("/usr/bin/python3", "-I", str(desktop_bundle()), "gate", "--config", "/etc/d.yaml")
    assert argv == f"{words}\n"


def test_the_one_file_says_how_a_person_starts_it(tmp_path: Path) -> None:
    here = run_inside("from backupjump.operations.installed import program; print(program())", home=tmp_path)

    assert here == f"/usr/bin/python3 {desktop_bundle()}\n"


def test_settled_it_lies_where_it_stays_ready_and_has_a_name(tmp_path: Path) -> None:
    bare = write_bundle(tmp_path / BUNDLE_NAME).path
    place, link = tmp_path / "lib/backupjump" / BUNDLE_NAME, tmp_path / "bin/backupjump"

    assert settle(bare, place=place, link=link) == place
    settle(place, place=place, link=link)

    assert (is_ready(bare), is_ready(place)) == (False, True)
    assert place.stat().st_mode & 0o777 == 0o755
    assert link.samefile(place)
    assert sorted(path.name for path in place.parent.iterdir()) == [BUNDLE_NAME]


def test_a_program_that_has_the_name_already_keeps_it(tmp_path: Path) -> None:
    link = tmp_path / "backupjump"
    link.write_text("another")

    settle(desktop_bundle(), place=tmp_path / BUNDLE_NAME, link=link)

    assert link.read_text() == "another"


def test_a_place_that_can_not_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BackupjumpError, match=r"file can't be written: (File exists|Not a directory)"):
        settle(desktop_bundle(), place=tmp_path / "file" / BUNDLE_NAME)


def test_what_another_python_made_is_not_taken_for_ready(tmp_path: Path) -> None:
    pyz = tmp_path / BUNDLE_NAME
    with zipfile.ZipFile(pyz, "w") as archive:
        archive.writestr("__main__.py", "")
        archive.writestr("__main__.pyc", b"\x00\x00\r\n and more")

    assert not is_ready(pyz)
    assert is_ready(made_ready(pyz))


@pytest.mark.parametrize("by_link", [False, True])
def test_the_first_command_after_an_upgrade_of_python_does_its_work(by_link: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        place = home / ".local/share/backupjump" / BUNDLE_NAME
        link = home / ".local/bin/backupjump"
        for folder in (place.parent, link.parent):
            folder.mkdir(parents=True)
        write_bundle(place)
        link.symlink_to(place)

        done = _run_as_nobody(home, str(link if by_link else place), "init", "desktop", "--dir", str(home / "made"))

        assert (done.returncode, done.stderr) == (0, "")
        assert (home / "made/backupjump.yaml").exists()
        assert _is_ready_for_the_system(place)
        assert link.is_symlink()


def _run_as_nobody(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the one file as an account that settles it at home, which root does not."""
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = {"user": 65534, "group": 65534, "extra_groups": []}
        for each in (home, *home.rglob("*")):
            os.chown(each, 65534, 65534, follow_symlinks=False)
    return subprocess.run(
        [SYSTEM_PYTHON, "-I", *words],
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **account,
    )


def _is_ready_for_the_system(pyz: Path) -> bool:
    """Whether the system's Python, which may be another than that of the tests, finds it ready."""
    code = "from backupjump.operations.installed import is_ready; print(is_ready(Path(sys.argv[2])))"
    inside = "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); " + code
    done = subprocess.run(
        [SYSTEM_PYTHON, "-I", "-c", inside, str(pyz), str(pyz)], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout == "True\n"
