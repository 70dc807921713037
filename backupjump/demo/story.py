"""The story that `backupjump demo` tells: enrolment, tunnel, two pulls with changes between, a lost file, a restore."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from backupjump.demo.compare import compare_trees
from backupjump.demo.enrolment import JOB, enrol, server_config
from backupjump.demo.home import change_home, make_home
from backupjump.demo.lab import Lab
from backupjump.demo.narration import Narrator
from backupjump.errors import BackupjumpError
from backupjump.escape import shown


def tell(folder: Path | None, *, keep: bool) -> None:
    """Play the whole story in `folder` (a temporary one when None) and end every process it started.

    With `keep` the sshds, the tunnel and the files stay, and the commands to go on with are printed.
    Without it a temporary folder is removed again; one that was asked for stays.
    """
    place = folder or Path(tempfile.mkdtemp(prefix="backupjump-demo-"))
    lab = Lab(place, bare=True)
    ended = False
    try:
        with lab:
            narrator = Narrator()
            _play(lab, narrator)
            ended = True
            if keep:
                _leave_running(lab, narrator)
            else:
                narrator.step("Close: the tunnel and both sshds end, and with them the only way in")
    finally:
        if folder is None and not (keep and ended):
            _remove(place)


def _remove(place: Path) -> None:
    for folder, _, _ in os.walk(place):
        Path(folder).chmod(0o700)  # a home can hold a folder that even its owner can't change
    shutil.rmtree(place)


def _leave_running(lab: Lab, narrator: Narrator) -> None:
    server = server_config(lab)
    pids = lab.leave_running()
    narrator.step("Kept: both sshds and the tunnel go on; to play with it")
    for words in (("run", JOB), ("snapshots", JOB), ("history", JOB), ("status",), ("ssh-config", "desktop")):
        narrator.show(("backupjump", "--config", str(server), *words))
    narrator.say("Change something in the home, then run again:")
    narrator.show(("touch", str(lab.home / "something new")))
    narrator.say("To end it all:")
    narrator.show(("kill", *map(str, pids)))
    narrator.show(("rm", "-r", str(lab.folder)))


def _play(lab: Lab, narrator: Narrator) -> None:
    _set_the_stage(lab, narrator)
    server = enrol(lab, narrator)
    _take_the_job(lab, narrator, server)
    first = _pull(narrator, server, "First pull: the Server comes through the JumpNode and takes everything")
    _change(lab, narrator)
    second = _pull(narrator, server, "Second pull: only what changed is transferred, the rest is linked")
    _show_sharing(lab, narrator, first, second)
    narrator.step("Snapshots: each one a whole, plain tree")
    narrator.run(server, "snapshots", JOB)
    narrator.step("Look into the newest one")
    narrator.run(server, "ls", JOB, str(lab.home))
    _lose_and_restore(lab, narrator, server)


def _set_the_stage(lab: Lab, narrator: Narrator) -> None:
    narrator.step(f"Place: everything of this demo lies below {lab.folder}; ~/.ssh is not touched")
    for note in lab.notes:
        narrator.say(note)
    narrator.step(f"JumpNode: an sshd on 127.0.0.1:{lab.jump.port} that lets nobody in yet, and has no sessions")
    narrator.step(f"Desktop: an sshd on 127.0.0.1:{lab.desktop.port} that lets nobody in yet")
    narrator.step("Home: a few hundred files to care about")
    home = make_home(lab.home)
    narrator.say(home.told)


def _take_the_job(lab: Lab, narrator: Narrator, server: Path) -> None:
    narrator.step("Job: jobs/nightly.yaml of this project takes the place of the one that was written; checked")
    (server.parent / f"jobs/{JOB}.yaml").write_text(_nightly(lab.home))
    narrator.run(server, "config", "check")
    narrator.step("Store: an existing folder is made the store; nothing else ever makes one")
    narrator.run(server, "store", "init")


def _nightly(home: Path) -> str:
    """Return this project's own jobs/nightly.yaml, with the demo's home in the place of /home/me."""
    packed = resources.files("backupjump.demo") / "nightly.yaml"
    text = packed.read_text() if packed.is_file() else _checkout_nightly().read_text()
    return text.replace("/home/me", str(home))


def _checkout_nightly() -> Path:
    return Path(__file__).parents[2] / "jobs/nightly.yaml"


def _pull(narrator: Narrator, server: Path, title: str) -> dict[str, Any]:
    narrator.step(title)
    # 3 is right where a file of the home is unreadable even to its owner; the warning is told below.
    done = narrator.run(server, "run", JOB, "--json", quiet=True, accepted=(0, 3))
    run: dict[str, Any] = json.loads(done.stdout)
    narrator.say(
        f"{run['status']}: snapshot {run['snapshot']}, {run['files_total']} files, {run['bytes_total'] / 1e6:.1f} MB\n"
        f"{run['files_new']} new, {run['files_changed']} changed, {run['files_deleted']} deleted, "
        f"{run['files_linked']} linked; {run['bytes_received'] / 1e6:.2f} MB came through the tunnel"
    )
    for warning in run["warnings"]:
        narrator.say(f"warning: {warning}")
    return run


def _change(lab: Lab, narrator: Narrator) -> None:
    narrator.step("A day of work on the Desktop")
    for change in change_home(lab.home):
        narrator.say(shown(str(change)))


def _show_sharing(lab: Lab, narrator: Narrator, first: dict[str, Any], second: dict[str, Any]) -> None:
    narrator.step("What was linked: the same inode in both snapshots, so it costs nothing twice")
    snapshots = lab.store / "desktop" / JOB / "snapshots"
    old, new = (snapshots / run["snapshot"] / "tree" for run in (first, second))
    linked = sum(1 for path in _files(new) if _same_inode(old, new, path))
    narrator.say(f"{linked} of {second['files_total']} files of {second['snapshot']} are those of {first['snapshot']}")
    narrator.say(f"{second['files_new'] + second['files_changed']} files are its own")


def _files(tree: Path) -> list[bytes]:
    root = os.fsencode(tree)
    every = (os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names)  # noqa: PTH118
    return [path[len(root) :] for path in every if stat.S_ISREG(os.lstat(path).st_mode)]


def _same_inode(old: Path, new: Path, path: bytes) -> bool:
    try:
        return os.lstat(os.fsencode(old) + path).st_ino == os.lstat(os.fsencode(new) + path).st_ino
    except FileNotFoundError:
        return False


def _lose_and_restore(lab: Lab, narrator: Narrator, server: Path) -> None:
    lost = lab.home / "documents/letters/letter 01.txt"
    content = lost.read_bytes()
    narrator.step("A file is lost on the Desktop")
    narrator.show(("rm", str(lost)))
    times = lost.parent.stat()
    lost.unlink()
    os.utime(lost.parent, ns=(times.st_atime_ns, times.st_mtime_ns))
    narrator.step("Restore: it comes back from the newest snapshot")
    target = lab.folder / "restored"
    narrator.run(server, "restore", JOB, str(lost), "--to", str(target))
    narrator.step("Compare: byte for byte")
    back = target / lost.relative_to("/")
    if back.read_bytes() != content:
        raise BackupjumpError(f"{back} is not what {lost} was")
    narrator.say(f"{len(content)} bytes, equal to what was lost")
    narrator.step("Restore everything, and compare it with the Desktop's home: names, modes, times, links, bytes")
    whole = lab.folder / "restored-whole"
    narrator.run(server, "restore", JOB, "--to", str(whole))
    comparison = compare_trees(lab.home, whole / lab.home.relative_to("/"))
    if comparison.differences:
        raise BackupjumpError("restored, but different:\n" + "\n".join(comparison.differences[:5]))
    narrator.say(f"{comparison.compared} names compared, 0 differences")
