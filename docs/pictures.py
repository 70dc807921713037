"""Make the pictures of the README from real runs: the recording of the demo, and the report's screenshot.

    python docs/pictures.py

The three roles run on loopback with real sshds, as in `backupjump demo`. Needs pyte (the extra `dev`) and Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from backupjump.demo.home import make_home
from backupjump.demo.lab import Lab
from backupjump.demo.roles import job_yaml

HERE = Path(__file__).parent
_BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
# A fresh profile, no request of its own; as root it has no sandbox to set up.
_FLAGS = ("--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync", "--no-sandbox")  # fmt: skip
_SIZE = "1080,1150"
_NIGHTS = 6


def record_demo() -> None:
    """Record the demo from its first line to its last."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        demo = (Path(sys.executable).with_name("backupjump"), "demo", "--dir", folder)
        subprocess.run([sys.executable, HERE / "record.py", HERE / "pictures/demo.svg", *demo], check=True)


def shoot_report() -> None:
    """Run a few jobs over some nights of a minute each, one of which fails, and take a picture of their report."""
    with tempfile.TemporaryDirectory(prefix="report-") as folder, Lab(Path(folder) / "lab") as lab:
        make_home(lab.home, unreadable=False)
        (lab.home / "music").mkdir()
        config = lab.server_config(
            jobs={name: job_yaml((lab.home / name,)) for name in ("documents", "photos", "music")}
        )
        _backupjump(config, "store", "init")
        lab.open_tunnel()
        for night in range(_NIGHTS):
            (lab.home / f"photos/{night}.raw").write_bytes(bytes([night]) * 400_000 * (night + 1))
            (lab.home / f"documents/{night}.txt").write_text(f"{night}\n" * 10_000)
            if night == _NIGHTS - 1:
                (lab.home / "music").rename(lab.home / "music.away")
            for name in ("documents", "photos", "music"):
                _backupjump(config, "run", name, accepted=(0, 1, 3, 5))
        page = Path(folder) / "report.html"
        _backupjump(config, "report", "-o", str(page), accepted=(0, 1))
        _shoot(page, HERE / "pictures/report.png", profile=Path(folder) / "profile")


def _backupjump(config: Path, *words: str, accepted: tuple[int, ...] = (0,)) -> None:
    argv = [sys.executable, "-m", "backupjump", "--config", str(config), *words]
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in accepted:
        raise SystemExit(f"backupjump {' '.join(words)} ended with {done.returncode}")


def _shoot(page: Path, picture: Path, *, profile: Path) -> None:
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise SystemExit("there is no Chromium here: sudo apt-get install chromium-headless-shell")
    argv = [browser, *_FLAGS, f"--user-data-dir={profile}", f"--window-size={_SIZE}", f"--screenshot={picture}"]
    subprocess.run([*argv, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    record_demo()
    shoot_report()
