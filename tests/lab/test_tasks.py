"""`inv -r jobs` and `fab -r jobs` run the very task that the command line runs."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from program import backupjump, until

pytestmark = pytest.mark.lab

JOBS = Path(__file__).parents[2] / "jobs"


def call(program: str, config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `inv` or `fab` of this interpreter's environment, as someone who stands beside his config."""
    return subprocess.run(
        [Path(sys.executable).with_name(program), "-r", str(JOBS), *words],
        env={**os.environ, "BACKUPJUMP_CONFIG": str(config)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def stand(lab: Lab) -> Path:
    (lab.home / "file").write_text("content")
    config = lab.server_config()
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    return config


@pytest.mark.parametrize("program", ["inv", "fab"])
def test_a_pull_by_a_task_publishes_and_the_other_tasks_see_it(lab: Lab, program: str) -> None:
    config = stand(lab)

    pulled = call(program, config, "pull", "nightly")
    listed = call(program, config, "snapshots", "nightly")
    status = call(program, config, "status")
    restored = call(program, config, "restore", "nightly", "--to", str(lab.folder / "back"))
    versions = call(program, config, "versions", "nightly", str(lab.home / "file"))
    same = call(program, config, "diff", "nightly", "--before", "latest")

    assert (pulled.returncode, listed.returncode, status.returncode, restored.returncode) == (0, 0, 0, 0), pulled
    assert versions.stdout.splitlines()[-1].startswith("backupjump restore nightly ")
    assert same.stdout.endswith(": nothing differs\n")
    assert pulled.stdout.startswith("nightly: ok, snapshot 20")
    assert listed.stdout.split()[0] in pulled.stdout
    assert status.stdout.startswith("nightly: good")
    assert (lab.folder / "back" / lab.home.relative_to("/") / "file").read_text() == "content"


@pytest.mark.parametrize("program", ["inv", "fab"])
def test_list_shows_pull_beside_the_other_tasks(lab: Lab, program: str) -> None:
    said = call(program, lab.server_config(), "--list")

    names = [line.split()[0] for line in said.stdout.splitlines() if line.startswith("  ")]
    assert sorted(names) == ["diff", "pull", "restore", "snapshots", "status", "versions"]


def test_the_exit_code_and_the_hint_of_a_failed_pull_reach_the_shell(lab: Lab) -> None:
    config = stand(lab)
    lab.close_tunnel()

    said = call("inv", config, "pull", "nightly")

    assert said.returncode == 75
    assert "hint:" in said.stdout


@pytest.mark.parametrize("job", ["--help", "-rf", "nightyl"])
def test_a_flag_or_a_slip_in_the_place_of_the_job_runs_nothing(lab: Lab, job: str) -> None:
    config = stand(lab)

    said = call("inv", config, "pull", job)

    assert said.returncode in (1, 2)
    assert not (lab.store / "desktop").exists()


def test_an_invoke_or_fabric_config_of_the_user_changes_nothing(lab: Lab, tmp_path: Path) -> None:
    config = stand(lab)
    canary = tmp_path / "canary"
    (tmp_path / ".invoke.yaml").write_text("run: {shell: /bin/false, echo: true, dry: true}\n")
    (tmp_path / ".fabric.yaml").write_text(f"gateway: evil\nuser: nobody\nrun: {{shell: {canary}}}\n")

    said = subprocess.run(
        [Path(sys.executable).with_name("fab"), "-r", str(JOBS), "pull", "nightly"],
        env={**os.environ, "BACKUPJUMP_CONFIG": str(config), "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert said.returncode == 0, said


def test_a_task_that_is_told_to_end_ends_its_rsync_and_is_recorded(lab: Lab) -> None:
    config = stand(lab)
    (lab.home / "large").write_bytes(b"l" * 30_000_000)
    slow = config.parent / "jobs/nightly.yaml"
    slow.write_text(slow.read_text() + "bwlimit: 500 kB/s\n")

    with subprocess.Popen(
        [Path(sys.executable).with_name("inv"), "-r", str(JOBS), "pull", "nightly"],
        env={**os.environ, "BACKUPJUMP_CONFIG": str(config)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as running:
        until(lambda: list(lab.store.glob("desktop/nightly/work/*/tree")), what="a transfer under way")
        running.terminate()
        code = running.wait(30)

    last = backupjump(config, "history", "nightly", "--json").json[-1]
    assert (code, last["status"], last["exit_code"]) == (143, "interrupted", 143)
    with (lab.store / "desktop/nightly/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
