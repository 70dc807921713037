"""Real database servers in a folder of their own, as accounts of their own, behind a socket and no port."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from program import until


@dataclass
class Database:
    """A server that can be stopped and started; `client` are the words of its superuser's SQL shell."""

    folder: Path
    account: str
    server: Sequence[str]
    client: Sequence[str]
    ready: Sequence[str]
    _running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and return once it answers."""
        self._running = subprocess.Popen(as_account(self.account, self.server), stdin=subprocess.DEVNULL)
        until(lambda: done(as_account(self.account, self.ready)).returncode == 0, seconds=60, what="the server")

    def stop(self) -> None:
        """End the server and return when it has ended."""
        if self._running is not None:
            self._running.send_signal(signal.SIGINT if self.account == "postgres" else signal.SIGTERM)
            try:
                self._running.wait(60)
            finally:
                self._running.kill()
                self._running = None

    def sql(self, text: str, *, database: str | None = None) -> str:
        """Return what the superuser is answered."""
        words = as_account(self.account, [*self.client, *([database] if database else [])])
        answer = subprocess.run(words, input=text.encode(), capture_output=True, timeout=60, check=False)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.decode().strip()


def done(words: Sequence[str | Path]) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end."""
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)


def as_account(account: str, words: Sequence[str]) -> list[str]:
    """Return the words that start a program as `account`; it stays the same process."""
    return ["setpriv", f"--reuid={account}", f"--regid={account}", "--init-groups", "--", *words]


@contextlib.contextmanager
def postgresql() -> Iterator[Database]:
    """A PostgreSQL that lets in each account under its own name (peer), and no password."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    with _folder("postgres") as folder:
        data = str(folder / "data")
        made = done(as_account("postgres", [f"{programs}/initdb", "--auth-local=peer", "--pgdata", data]))
        assert made.returncode == 0, made.stderr
        socket = f"--host={folder}"
        with _served(
            Database(
                folder=folder,
                account="postgres",
                server=[f"{programs}/postgres", "-D", data, "-k", str(folder), "-c", "listen_addresses="],
                client=["psql", "-v", "ON_ERROR_STOP=1", "-qAt", socket],
                ready=["pg_isready", "-q", socket],
            )
        ) as database:
            yield database


@contextlib.contextmanager
def mariadb() -> Iterator[Database]:
    """A MariaDB whose superuser is the account mysql, by its socket; no other user is there yet."""
    with _folder("mysql") as folder:
        # Two of them in /tmp take each other's temporary tables away (seen).
        data, socket = [f"--datadir={folder / 'data'}", f"--tmpdir={folder}"], f"--socket={folder / 'socket'}"
        method = ["--auth-root-authentication-method=socket", "--auth-root-socket-user=mysql"]
        made = done(as_account("mysql", ["mariadb-install-db", "--no-defaults", *data, *method, "--skip-test-db"]))
        assert made.returncode == 0, made.stderr
        pid = f"--pid-file={folder / 'pid'}"
        with _served(
            Database(
                folder=folder,
                account="mysql",
                server=["mariadbd", "--no-defaults", *data, socket, "--skip-networking", pid],
                client=["mariadb", "--no-defaults", socket, "-N"],
                ready=["mariadb-admin", "--no-defaults", socket, "ping"],
            )
        ) as database:
            database.sql("DROP USER IF EXISTS root@localhost")
            yield database


@contextlib.contextmanager
def _served(database: Database) -> Iterator[Database]:
    try:
        database.start()
        yield database
    finally:
        database.stop()


@contextlib.contextmanager
def _folder(account: str) -> Iterator[Path]:
    """Give a folder of `account`; its path is short, as that of a socket has to be, and open to all accounts."""
    folder = Path(tempfile.mkdtemp(prefix=f"{account}-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        os.chown(folder, pwd.getpwnam(account).pw_uid, -1)
        yield folder
    finally:
        shutil.rmtree(folder)
