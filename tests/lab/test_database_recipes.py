"""The recipes of examples/databases as they stand, on real databases: dumped by a run, restored, taken down."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from backupjump.demo.lab import Lab
from lab.databases import Database, done, mariadb, postgresql
from lab.gated import gated, published, stand
from program import backupjump, until

pytestmark = pytest.mark.lab

RECIPES = Path(__file__).parents[2] / "examples/databases"
PAGE = (RECIPES / "README.md").read_text()
DUMP_WHOLE = RECIPES / "desktop/dump_whole.py"


class Place:
    """The lab's Desktop with one hook of the recipes, its paths put where the lab has them."""

    def __init__(self, lab: Lab, hook: str, paths: dict[str, str]) -> None:
        self.lab, self.hook = lab, hook
        self.home = lab.folder / "gate/home/me"
        self.paths = {"/home/me": str(self.home), **paths}
        hooks = yaml.safe_load((RECIPES / "desktop/backupjump.yaml").read_text())["gate"]["hooks"]
        gated(lab, hooks={hook: [self.put(word) for word in hooks[hook]]})
        job = yaml.safe_load((RECIPES / "server/jobs/databases.yaml").read_text())
        assert hook in job["hooks"]["before"]
        job = {**json.loads(self.put(json.dumps(job))), "hooks": {"before": [hook]}, "desktop": "desktop"}
        (self.home / "bin").mkdir()
        (self.home / "dumps").mkdir()
        shutil.copy(DUMP_WHOLE, self.home / "bin")
        self.dump = Path(self.put(hooks[hook][1]))
        self.config = stand(lab, {"nightly": job})

    def put(self, text: str) -> str:
        for theirs, ours in self.paths.items():
            text = text.replace(theirs, ours)
        return text

    def run(self) -> Any:
        return backupjump(self.config, "run", "nightly", "--json")

    def kept(self) -> Path:
        """Return the dump in the newest snapshot."""
        return self.lab.store / "desktop/nightly/latest/tree" / self.dump.relative_to("/")

    def typed(self, line: str, **words: str) -> str:
        """Type a line of the page, with these words put in, and return what it prints."""
        assert line in PAGE
        for theirs, ours in words.items():
            line = line.replace(theirs, ours)
        said = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
        assert said.returncode == 0, said.stderr
        return said.stdout


@contextlib.contextmanager
def writing(write: Callable[[], object]) -> Iterator[None]:
    """Keep writing in another thread for as long as the block lasts; it has begun when the block does."""
    over, begun, failed = threading.Event(), threading.Event(), []

    def go_on() -> None:
        try:
            while not over.is_set():
                write()
                begun.set()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        until(begun.is_set, what="the writer")
        yield
    finally:
        over.set()
        thread.join()
    assert failed == []


BOTH = "SELECT (SELECT count(*) FROM debits), (SELECT count(*) FROM credits)"
PAIR = "BEGIN; INSERT INTO debits VALUES (1, 'ü'); INSERT INTO credits VALUES (1, NULL); COMMIT;"
TABLES = "CREATE TABLE debits (a int, b varchar(9)); CREATE TABLE credits (a int, b varchar(9));"


def check_balanced(counts: str, least: int) -> None:
    first, second = (int(number) for number in re.split(r"\D+", counts.strip()))
    assert first == second >= least


def account_sql(name: str, lab: Lab) -> str:
    """Return the SQL of the recipe for the account that the lab's gate has."""
    return re.sub(r"\bme\b", lab.user, (RECIPES / "desktop" / name).read_text())


def check_fails_with_the_old_dump_left(place: Place, *, status: int, said: str) -> None:
    """Run while the database is down."""
    before, snapshots = place.dump.read_bytes(), published(place.lab)
    run = place.run()
    assert (run.code, run.json["error"]["code"], run.json["attempts"]) == (1, "hook", 0), run
    assert (
        f"hook {place.hook} on desktop desktop ended with {status}; nothing was pulled" in run.json["error"]["message"]
    )
    assert said in run.json["error"]["message"]
    assert place.dump.read_bytes() == before
    assert sorted(path.name for path in place.dump.parent.iterdir()) == [f".{place.dump.name}.lock", place.dump.name]
    assert published(place.lab) == snapshots


@pytest.mark.parametrize("journal", ["wal", pytest.param("delete", marks=pytest.mark.long)])
def test_sqlite_is_dumped_under_a_writer_restored_and_its_loss_stops_the_run(lab: Lab, journal: str) -> None:
    place = Place(lab, "dump-sqlite", {})
    live = place.home / "app/app.db"
    live.parent.mkdir()
    with contextlib.closing(sqlite3.connect(live)) as app:
        app.executescript(f"PRAGMA journal_mode={journal}; PRAGMA synchronous=off; {TABLES} {PAIR}")

    def write() -> None:
        with contextlib.closing(sqlite3.connect(live, timeout=60)) as app:
            app.executescript(PAIR)

    with writing(write):
        said = place.run()

    assert said.code == 0, said
    restored = lab.folder / "restored.db"
    check = "sqlite3 -readonly app.sqlite 'PRAGMA integrity_check'"
    assert place.typed(check, **{"app.sqlite": str(place.kept())}) == "ok\n"
    place.typed(
        "cp app.sqlite /home/me/app/app.db", **{"app.sqlite": str(place.kept()), "/home/me/app/app.db": str(restored)}
    )
    with contextlib.closing(sqlite3.connect(restored)) as found:
        check_balanced(str(found.execute(BOTH).fetchone()[0:2])[1:-1], 1)
        assert found.execute("SELECT * FROM debits").fetchone() == (1, "ü")
    assert not list((place.kept().parents[1] / "app").glob("*"))
    live.unlink()
    check_fails_with_the_old_dump_left(place, status=1, said="unable to open database")
    assert not live.exists()


@pytest.fixture
def pg() -> Iterator[Database]:
    with postgresql() as database:
        yield database


@pytest.fixture
def maria() -> Iterator[Database]:
    with mariadb() as database:
        yield database


@pytest.mark.long
@pytest.mark.needs_root
def test_postgresql_is_dumped_by_a_role_that_can_only_read_restored_and_its_loss_stops_the_run(
    lab: Lab, pg: Database
) -> None:
    place = Place(lab, "dump-postgresql", {"/var/run/postgresql": str(pg.folder)})
    pg.sql(account_sql("postgresql.sql", lab))
    pg.sql("CREATE DATABASE app")
    pg.sql(f"{TABLES} ALTER TABLE debits ENABLE ROW LEVEL SECURITY; {PAIR}", database="app")

    with writing(lambda: pg.sql(PAIR, database="app")):
        said = place.run()

    assert said.code == 0, said
    for write in ("INSERT INTO debits VALUES (2)", "DROP TABLE debits", "CREATE TABLE mine (a int)"):
        refused = done(["psql", f"--host={pg.folder}", "-c", write, "app"])
        assert (refused.returncode, b"ERROR" in refused.stderr) == (1, True), refused
    roles = "pg_dumpall --globals-only --no-role-passwords"
    assert f"CREATE ROLE {lab.user};" in place.typed(roles, pg_dumpall=f"pg_dumpall --host={pg.folder}")
    copy = pg.folder / "app.pgdump"
    shutil.copy(place.kept(), copy)
    copy.chmod(0o644)
    here = {"sudo -u postgres": "setpriv --reuid=postgres --regid=postgres --init-groups env PGHOST=" + str(pg.folder)}
    place.typed("sudo -u postgres createdb restored", **here)
    line = "sudo -u postgres pg_restore --exit-on-error --single-transaction --dbname=restored app.pgdump"
    place.typed(line, **here, **{"app.pgdump": str(copy)})
    check_balanced(pg.sql(BOTH, database="restored"), 1)
    assert pg.sql("SELECT * FROM debits LIMIT 1", database="restored") == "1|ü"
    pg.stop()
    check_fails_with_the_old_dump_left(place, status=1, said="No such file or directory")


@pytest.mark.long
@pytest.mark.needs_root
def test_mariadb_is_dumped_by_a_user_that_can_only_read_restored_and_its_loss_stops_the_run(
    lab: Lab, maria: Database
) -> None:
    place = Place(lab, "dump-mysql", {"/run/mysqld/mysqld.sock": str(maria.folder / "socket")})
    maria.sql(f"CREATE DATABASE app; USE app; {TABLES} {PAIR}")
    maria.sql("USE app; CREATE VIEW v AS SELECT * FROM debits")
    maria.sql("USE app; CREATE PROCEDURE three() SELECT 3")
    maria.sql("USE app; CREATE TRIGGER t BEFORE INSERT ON debits FOR EACH ROW SET NEW.b = 'set'")
    maria.sql(account_sql("mysql.sql", lab))

    with writing(lambda: maria.sql(PAIR, database="app")):
        said = place.run()

    assert said.code == 0, said
    for write in ("INSERT INTO debits VALUES (2, '')", "DROP TABLE debits", "CREATE TABLE mine (a int)"):
        refused = done(["mariadb", "--no-defaults", f"--socket={maria.folder}/socket", "-e", write, "app"])
        assert (refused.returncode, b"denied" in refused.stderr) == (1, True), refused
    here = {"sudo mariadb": "setpriv --reuid=mysql --regid=mysql --init-groups " + " ".join(maria.client)}
    place.typed("sudo mariadb -e 'CREATE DATABASE restored'", **here)
    place.typed("sudo mariadb restored < app.sql", **here, **{"app.sql": str(place.kept())})
    check_balanced(maria.sql(BOTH, database="restored"), 1)
    assert maria.sql("SELECT * FROM v LIMIT 1; CALL three()", database="restored") == "1\tü\n3"
    maria.stop()
    check_fails_with_the_old_dump_left(place, status=2, said="Can't connect")


@pytest.mark.long
@pytest.mark.needs_root
def test_a_password_stands_in_a_file_for_its_account_alone(tmp_path: Path, pg: Database, maria: Database) -> None:
    secrets = (RECIPES / "desktop/mysql.cnf").read_text()
    password = "a-long-random-one"
    assert password in secrets
    maria.sql("CREATE DATABASE app; CREATE TABLE app.t (a int); INSERT INTO app.t VALUES (42)")
    maria.sql(
        f"CREATE USER dump@localhost IDENTIFIED BY '{password}'; GRANT SELECT, SHOW VIEW ON app.* TO dump@localhost"
    )
    (tmp_path / "dump.cnf").write_text(secrets)
    (tmp_path / "dump.cnf").chmod(0o600)
    pg.sql("CREATE DATABASE app")
    pg.sql(f"CREATE ROLE dump LOGIN PASSWORD '{password}'; GRANT pg_read_all_data TO dump")
    (pg.folder / "data/pg_hba.conf").write_text("local all postgres peer\nlocal all dump scram-sha-256\n")
    pg.sql("SELECT pg_reload_conf()")
    line = "localhost:5432:app:dump:a-long-random-one"
    assert line in PAGE
    (tmp_path / ".pgpass").write_text(line.replace("localhost", str(pg.folder)) + "\n")
    (tmp_path / ".pgpass").chmod(0o600)

    words = [
        "mariadb-dump",
        f"--defaults-extra-file={tmp_path}/dump.cnf",
        f"--socket={maria.folder}/socket",
        "--single-transaction",
        "app",
    ]
    by_file = dumped(tmp_path / "app.sql", *words)
    by_pgpass = dumped(
        tmp_path / "app.pg", "pg_dump", f"--host={pg.folder}", "--no-password", "--username=dump", "app",
        home=tmp_path,
    )  # fmt: skip
    (tmp_path / ".pgpass").unlink()
    without = dumped(
        tmp_path / "app.pg", "pg_dump", f"--host={pg.folder}", "--no-password", "--username=dump", "app",
        home=tmp_path,
    )  # fmt: skip

    assert (by_file.returncode, by_pgpass.returncode, without.returncode) == (0, 0, 1), (by_file, by_pgpass, without)
    assert "(42)" in (tmp_path / "app.sql").read_text()
    assert "dump complete" in (tmp_path / "app.pg").read_text()


def dumped(target: Path, *words: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script of the recipes as a hook would be run: nobody answers, and little stands in its environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home or target.parent)}
    return subprocess.run(
        [sys.executable, str(DUMP_WHOLE), str(target), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
