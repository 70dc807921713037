"""A real browser for tests: Chromium without a window, spoken to by its DevTools protocol over two pipes.

One start serves many pages. Source: chromedevtools.github.io/devtools-protocol; content/browser/devtools/
devtools_pipe_handler.cc: fd 3 is read, fd 4 written, a NUL ends a message.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

# Debian's build without windows first: it brings no GTK.
_NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_SECONDS = 60.0


class Chromium:
    """A running browser with one tab; use it with `with`. `events` are those that came in since the last `open`."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._number = 0
        self._pending = b""

    def __enter__(self) -> Self:
        program = next(found for name in _NAMES if (found := shutil.which(name)))
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        theirs_in, self._out = _high_pipe()
        self._in, theirs_out = _high_pipe()
        # The shell puts our pipes where the browser looks for them.
        words = ["bash", "-c", 'exec "${@:3}" 3<&"$1" 4>&"$2"', "-", str(theirs_in), str(theirs_out), program]
        self._process = subprocess.Popen(
            [*words, *_ARGUMENTS, f"--user-data-dir={self._profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs_in, theirs_out),
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._session = ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(self, *_exc_info: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=_SECONDS)
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False, paper: bool = False) -> None:
        """Be a screen of that size, in dark mode or not, or a sheet of paper; a narrow one is a phone's."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media="print" if paper else "", features=[scheme])

    def open(self, url: str) -> None:
        """Load a page and wait until all of it is there."""
        self.events.clear()
        self.ask("Page.navigate", url=url)
        self._until(lambda: any(event["method"] == "Page.loadEventFired" for event in self.events))

    def tell(self, expression: str) -> Any:
        """Return what a JavaScript expression comes to in the page."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def shoot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen as a PNG; with `whole` all of the page, however long."""
        taken = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Say one word of the protocol and return the answer."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        answers: list[dict[str, Any]] = []
        self._until(lambda: bool(answers), into=answers)
        assert "error" not in answers[0], answers[0]
        result: dict[str, Any] = answers[0]["result"]
        return result

    def _until(self, truth: Any, *, into: list[dict[str, Any]] | None = None) -> None:
        deadline = time.monotonic() + _SECONDS
        while not truth():
            ready, _, _ = select.select([self._in], [], [], deadline - time.monotonic())
            assert ready, f"the browser did not answer within {_SECONDS} s"
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "the browser has gone"
            *whole, self._pending = (self._pending + chunk).split(b"\0")
            for message in map(json.loads, whole):
                if "method" in message:
                    self.events.append(message)
                elif into is not None and message["id"] == self._number:
                    into.append(message)

    def said(self, methods: Sequence[str]) -> list[dict[str, Any]]:
        """Return the parameters of what the page has caused since it was opened, of these kinds of events."""
        return [event["params"] for event in self.events if event["method"] in methods]


def _high_pipe() -> tuple[int, int]:
    """Return a pipe whose ends are far from 3 and 4."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]
