"""A dead-man's switch: the protocol of healthchecks.io, by the standard library alone; the only home of urllib.request.

    URL/start            the Desktop has been reached
    URL                  a good run, one with warnings too
    URL/1, /4, /5        failed, damage found, suspect: the exit code
    URL/fail             the program broke
    URL/log              away, deferred, interrupted: noted, and the alarm's clock goes on

Source: healthchecks.io/docs/http_api. `rid` ties the two ends of a run together, and must be a UUID.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from backupjump.errors import BackupjumpError
from backupjump.run import Run, Status

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from typing import IO

    from backupjump.config.telling import Ping

SECONDS = 10.0
_MOST_BYTES = 100_000
_TRIES = 3
_PAUSE_SECONDS = 1.0


def ending_of(run: Run, *, broke: bool = False) -> str | None:
    """Return what is put behind the URL when `run` has ended; None when nothing is to be said of it."""
    if broke:
        return "/fail"
    if run.status in (Status.NOT_DUE, Status.LOCKED) or run.exit_code > 128:
        return None
    if run.status in (Status.AWAY, Status.DEFERRED, Status.INTERRUPTED):
        return "/log"
    return "" if run.exit_code in (0, 3) else f"/{run.exit_code}"


def address_of(ping: Ping, run: Run, ending: str) -> str:
    """Return the whole address to ping."""
    return f"{ping.url.replace('{job}', run.job)}{ending}?rid={uuid.uuid5(uuid.NAMESPACE_URL, run.run_id)}"


def send(address: str, text: str) -> None:
    """Ping `address` with `text`, at most 100 kB of it; raise when it was not taken after three tries.

    The address is in no message: who knows it can ping.
    """
    opener = urllib.request.build_opener(_SameHost)
    body = text.encode("utf-8", "backslashreplace")[-_MOST_BYTES:]
    request = urllib.request.Request(address, data=body, method="POST")  # noqa: S310 (http or https: telling.py)
    request.add_header("Content-Type", "text/plain; charset=utf-8")
    request.add_header("User-Agent", "backupjump")
    for left in reversed(range(_TRIES)):
        try:
            with opener.open(request, timeout=SECONDS) as answer:
                answer.read(1)
            return
        except urllib.error.HTTPError as error:
            error.close()
            problem, again = f"{error.code} {error.reason}", error.code >= 500
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            problem, again = str(reason) or type(error).__name__, True
        if not (left and again):
            raise BackupjumpError(f"{urlsplit(address).hostname} did not take the ping: {problem}")
        time.sleep(_PAUSE_SECONDS)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to the same host alone, and never one from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request to follow with; raise HTTPError where it would lead elsewhere."""
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.hostname != before.hostname or (before.scheme, after.scheme) == ("https", "http"):
            raise urllib.error.HTTPError(req.full_url, code, "a redirect to another host", headers, None)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
