"""Ask this Desktop's own sshd whether it takes the key whose line was just written, and find out why not.

The private half is the Server's; the public half is enough to be told `Server accepts key` (RFC 4252, 7; seen with
OpenSSH 9.2).  Python 3.9.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import tempfile
from pathlib import Path

from backupjump import process
from backupjump.errors import KeyRefused
from backupjump.escape import shown
from backupjump.operations.enroll.this_desktop import ThisDesktop
from backupjump.ssh.client_config import quoted_path

_SECONDS = 30.0
_ACCEPTED = re.compile(r"^debug1: Server accepts key: ", re.MULTILINE)


def prove_line(here: ThisDesktop, key: str, keys_file: Path) -> None:
    """Return if the sshd at `here.to` takes `key` for this account; KeyRefused says why not, and what to type."""
    with tempfile.TemporaryDirectory(prefix="backupjump-") as folder:
        public, known_hosts = Path(folder) / "data.pub", Path(folder) / "known_hosts"
        public.write_text(f"{key}\n", "ascii")
        known_hosts.write_text(f"bj-here {here.host_key}\n", "ascii")
        try:
            done = process.run(_argv(here, public, known_hosts), timeout=_SECONDS)
        except process.TimedOut as error:
            raise KeyRefused(
                f"this Desktop's sshd on {here.to} does not tell in {_SECONDS:.0f} s whether it takes the Server's key",
                hint="sudo journalctl -u ssh -n 20; then: backupjump enroll accept, once more",
            ) from error
    if _ACCEPTED.search(done.stderr.decode("utf-8", "replace")) is None:
        why, hint = why_refused(here, keys_file)
        raise KeyRefused(f"this Desktop's sshd on {here.to} does not take the Server's key yet: {why}", hint=hint)


def _argv(here: ThisDesktop, public: Path, known_hosts: Path) -> list[str]:
    host, _, port = here.to.rpartition(":")
    options = (
        f"IdentityFile={quoted_path(public)}",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "BatchMode=yes",
        "PreferredAuthentications=publickey",
        f"UserKnownHostsFile={quoted_path(known_hosts)}",
        "GlobalKnownHostsFile=/dev/null",
        "HostKeyAlias=bj-here",
        "StrictHostKeyChecking=yes",
        "HostKeyAlgorithms=ssh-ed25519",
        "ConnectTimeout=10",
    )
    words = [word for option in options for word in ("-o", option)]
    return ["ssh", "-v", "-N", "-T", "-F", os.devnull, *words, "-p", port, "-l", here.user, "--", host.strip("[]")]


def why_refused(here: ThisDesktop, keys_file: Path) -> tuple[str, str]:
    """Return what of this account keeps sshd from a key of its authorized_keys, and what to type."""
    again = "; then: backupjump enroll accept, once more"
    shell = pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    if Path(shell).name in ("nologin", "false") or not os.access(shell, os.X_OK):
        return f"its login shell is {shown(shell)}", f"sudo usermod --shell /bin/sh {here.user}{again}"
    # StrictModes: sshd looks at each folder from the file up to the account's home.  Source: OpenSSH misc.c, safe_path.
    looked_at = [path for path in (keys_file, *keys_file.parents) if here.home in (path, *path.parents)]
    if loose := [path for path in looked_at if _others_write(path)]:
        names = " ".join(shlex.quote(shown(str(path))) for path in loose)
        return f"others than {here.user} may write {names}", f"chmod go-w {names}{again}"
    return (
        f"its config may look for keys elsewhere than in {shown(str(keys_file))}, or not let {here.user} in",
        f"sudo sshd -T -C user={here.user},host=localhost,addr=127.0.0.1 | grep -E 'keys|allow[ug]|deny|pubkey|root'",
    )


def _others_write(path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return bool(found.st_mode & 0o022) or found.st_uid not in (0, os.geteuid())
