"""The Server's scheduler in the foreground: a job starts when it is due and its Desktop has been reached.

Each run is a process of its own, `backupjump run JOB --if-due`: one that crashes harms no other. What is due is
computed from what the store and the history tell, so a restart forgets nothing.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from backupjump.config.models import RouteKind
from backupjump.errors import BackupjumpError, Stopped
from backupjump.operations import sd
from backupjump.operations.due import due_at
from backupjump.operations.serve.child import Started, start_run
from backupjump.operations.serve.choose import Running, Waiting, due_desktops, to_start
from backupjump.operations.serve.look_out import LookOut
from backupjump.operations.site import open_site
from backupjump.operations.telling.after_run import tell_site
from backupjump.run import utc_now
from backupjump.ssh.route import route_to_jump

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from backupjump.config.models import Job
    from backupjump.operations.site import Site
    from backupjump.ssh.route import Route

log = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
# A job may have been run by hand, or acked, meanwhile.
_READ_AGAIN_SECONDS = 600.0
# So long a Desktop that answered is taken to be there.
_REACHED_SECONDS = 60.0
# A run that ended without a snapshot, for a reason that may pass, is not repeated sooner.
_PAUSE = timedelta(minutes=1)
_STOP_SECONDS = 60.0
# Who is told just now still is, or would be told again after the start.
_TELL_SECONDS = 15.0


class Serving:
    """One reading of the config, its look-outs, and what is under way."""

    def __init__(self, config: Path | None) -> None:
        self._config = config
        self._site = open_site(config, check_keys=True)
        self._waiting: dict[str, Waiting] = {}
        self._started: dict[str, Started] = {}
        self._answers: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
        self._reached: dict[str, tuple[float, str | None]] = {}
        self._wanted: frozenset[str] = frozenset()
        self._read_at = 0.0
        self._telling: threading.Thread | None = None
        self._look_outs = self._begin_looking()

    def step(self) -> None:
        """Take note of what has ended and who has answered, and start what is to be started."""
        self._note_ended()
        if time.monotonic() - self._read_at >= _READ_AGAIN_SECONDS or not self._read_at:
            self._read_at = time.monotonic()
            for job in self._site.server.jobs.values():
                self._read_due(job)
            self._tell()
        self._note_answers()
        now = utc_now()
        running = [each.running for each in self._started.values()]
        for each in to_start(
            self._waiting.values(),
            running,
            reached={name: over for name, (_at, over) in self._reached.items()},
            max_parallel=self._site.server.max_parallel,
            now=now,
        ):
            self._start(each)
        self._look_for(due_desktops(self._waiting.values(), [each.running for each in self._started.values()], now=now))
        if all(each.is_alive() for each in self._look_outs):  # else it is for systemd to start us anew
            sd.notify("WATCHDOG=1", f"STATUS={len(self._started)} running, {len(self._wanted)} awaited")

    def reload(self) -> None:
        """Read the config anew; a mistake in it is told, and the one before stays in force."""
        try:
            fresh = open_site(self._config, check_keys=True)
        except Stopped:
            raise
        except BackupjumpError as error:
            log.error("the config is not read anew: %s", error.with_hint)
            return
        self._stop_looking()
        self._site, self._waiting, self._read_at = fresh, {}, 0.0
        self._look_outs = self._begin_looking()
        log.info("the config was read anew: %d jobs", len(fresh.server.jobs))

    def close(self) -> None:
        """End the look-outs, and every run in order."""
        self._stop_looking()
        for each in self._started.values():
            log.info("%s: ending its run", each.running.job)
            each.ask_to_end()
        deadline = time.monotonic() + _STOP_SECONDS
        if self._telling is not None:
            self._telling.join(_TELL_SECONDS)
        for each in self._started.values():
            each.end(grace_seconds=max(1.0, deadline - time.monotonic()))
        self._started.clear()

    def _tell(self) -> None:
        """Let a thread see whether a job has become stale, which no run says; nothing here waits for it."""
        if self._telling is None or not self._telling.is_alive():
            self._telling = threading.Thread(target=tell_site, args=(self._site,), name="telling", daemon=True)
            self._telling.start()

    def _begin_looking(self) -> list[LookOut]:
        look_outs = [
            LookOut(name, way, routes, wanted=lambda: self._wanted, reached=self._answers.put)
            for name, way, routes in places_to_look(self._site)
        ]
        for each in look_outs:
            each.start()
        return look_outs

    def _look_for(self, desktops: frozenset[str]) -> None:
        before, self._wanted = self._wanted, desktops - self._reached.keys()
        if self._wanted - before:
            for each in self._look_outs:
                each.nudge()

    def _stop_looking(self) -> None:
        for each in self._look_outs:
            each.stop()

    def _read_due(self, job: Job) -> None:
        """Find out when `job` is due; one that can't be read is tried again with the others."""
        due = None
        try:
            due = due_at(self._site, job, now=utc_now())
        except Stopped:
            raise
        except BackupjumpError as error:
            log.warning("%s: %s", job.name, error.with_hint)
        except Exception:
            log.exception("looking when %s is due failed", job.name)
        if due is None:
            self._waiting.pop(job.name, None)
        else:
            self._wait(job, due)

    def _wait(self, job: Job, due: datetime) -> None:
        known = self._waiting.get(job.name)
        if known is None or known.due_at != due:
            log.debug("%s: due at %s", job.name, due)
        self._waiting[job.name] = Waiting(job=job.name, desktop=job.desktop, due_at=due)

    def _note_answers(self) -> None:
        now = time.monotonic()
        self._reached = {name: (at, over) for name, (at, over) in self._reached.items() if now - at < _REACHED_SECONDS}
        while not self._answers.empty():
            desktop, over = self._answers.get()
            self._reached.setdefault(desktop, (now, over))  # whoever finds it first counts

    def _start(self, waiting: Waiting) -> None:
        running = Running(job=waiting.job, desktop=waiting.desktop, jump_node=self._reached[waiting.desktop][1])
        self._started[waiting.job] = start_run(running, config=self._site.config_file)
        log.info("%s: started", waiting.job)

    def _note_ended(self) -> None:
        for name, each in list(self._started.items()):
            status = each.child.poll()
            if status is None:
                continue
            log.info("%s: %s", name, each.told(status))
            each.stack.close()
            del self._started[name]
            self._reached.pop(each.running.desktop, None)
            job = self._site.server.jobs.get(name)
            if job is None:
                continue
            self._read_due(job)
            self._put_off(name, status)

    def _put_off(self, name: str, status: int) -> None:
        """Let a job whose run came to nothing wait a little, so that one that ends at once is no storm."""
        waiting = self._waiting.get(name)
        soonest = utc_now() + _PAUSE
        if waiting is not None and status != 0 and waiting.due_at < soonest:
            job = self._site.job(name)
            self._wait(job, soonest)


def serve(config: Path | None) -> None:
    """Run jobs when they are due until a signal ends it; SIGHUP lets it read the config anew."""
    serving = Serving(config)
    try:
        with _hangups() as hung_up:
            sd.notify("READY=1")
            while True:
                if hung_up:
                    hung_up.clear()
                    serving.reload()
                serving.step()
                time.sleep(_TICK_SECONDS)
    finally:
        sd.notify("STOPPING=1")
        serving.close()


@contextmanager
def _hangups() -> Iterator[list[int]]:
    """Give a list that each SIGHUP within the block is put into, instead of ending the program."""
    seen: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _frame: seen.append(number))
    try:
        yield seen
    finally:
        signal.signal(signal.SIGHUP, before)


def places_to_look(site: Site) -> list[tuple[str, Route | None, list[Route]]]:
    """Return where Desktops are to be looked for: a name, the way to a JumpNode, and the routes over it.

    Behind those stand the routes without a standing login: nested and local, and apart from them direct ones, where an
    absent Desktop lets us wait.
    """
    over: dict[str, list[Route]] = {}
    by_login: list[Route] = []
    direct: list[Route] = []
    for desktop in site.server.desktops.values():
        for route in site.routes_to(desktop):
            if route.jump_node is not None and route.kind is not RouteKind.NESTED:
                over.setdefault(route.jump_node, []).append(route)
            else:
                (direct if route.is_direct else by_login).append(route)
    nodes = site.server.jump_nodes
    places: list[tuple[str, Route | None, list[Route]]] = [
        (name, route_to_jump(nodes[name], folder=site.state / "routes" / f"jump-{name}"), routes)
        for name, routes in over.items()
    ]
    return [*places, *((name, None, routes) for name, routes in (("by login", by_login), ("direct", direct)) if routes)]
