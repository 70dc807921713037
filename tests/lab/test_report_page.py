"""The report page in a real browser: what it looks like, and that no name in it does anything there."""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from backupjump.escape import defused
from backupjump.run import RunError, Status
from backupjump.store.layout import JobFolder
from backupjump.store.marks import Hold, Marks, write_marks
from chromium import Chromium
from hostile_texts import hostile_texts
from program import backupjump
from report_world import Past, a_run, make_site, mixed

pytestmark = pytest.mark.lab

# What the page is made of: every element with the names of its attributes, in their order.
SKELETON = """[...document.querySelectorAll('*')].map(
    each => each.tagName + ' ' + [...each.attributes].map(one => one.name).sort().join(' '))"""
WATCH = "window.refused = []; addEventListener('securitypolicyviolation', each => refused.push(each.blockedURI))"
POLICY = '<meta http-equiv="Content-Security-Policy"'


class Web(ThreadingHTTPServer):
    """A server on loopback: it has `pages` by path, and keeps what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        self.address = f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        page = self.server.pages.get(self.path)
        self.send_response(200 if page is not None else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write((page or "").encode())

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def page_with(folder: Path, texts: Sequence[str]) -> str:
    """Return the page of a Server whose Desktops chose all of these texts, wherever they have a say."""
    now = datetime.now(UTC)
    waiting = iter(texts)

    def told(job: int) -> Past:
        runs = []
        for ago in range(5, 0, -1):
            error = RunError(code="x", message="lost", hint=next(waiting))
            warnings = tuple(next(waiting) for _ in range(9))
            runs.append(a_run(now - timedelta(hours=ago, minutes=job), Status.SUSPECT, warnings=warnings, error=error))
        return Past(runs=runs)

    pasts = {f"job{number}": told(number) for number in range(len(texts) // 50)}
    # Where a text stands in the first lines, a held snapshot's note, and why the owner put it off.
    one = f"{texts[0]}\u202e\x07\ud800"
    failed = RunError(code="x", message=one, hint=one)
    pasts["broken"] = Past(runs=[a_run(now, Status.FAILED, error=failed)])
    pasts["held"] = Past(runs=[a_run(now - timedelta(days=9))], keys={"schedule": {"every": "month"}})
    pasts["held"] = replace(pasts["held"], runs=[*pasts["held"].runs, a_run(now, Status.AWAY, minutes=0)])
    config = make_site(folder, pasts)
    held = JobFolder(folder / "store", "desktop", "held")
    (snapshot,) = held.snapshots.iterdir()
    write_marks(held, Marks().held(snapshot.name, Hold(note=one)))
    tunnel = {"opens": one, "every": one, "windows": [], "deferred_at": now.isoformat(), "deferred_why": one}
    (folder / "state/desktops").mkdir(parents=True)
    (folder / "state/desktops/desktop.json").write_text(json.dumps({"at": now.isoformat(), "tunnel": tunnel}))
    done = backupjump(config, "report", "-o", str(folder / "page.html"))
    assert (done.code, done.out, done.err) == (0, "", "")
    return (folder / "page.html").read_text("utf-8")


def test_500_hostile_names_run_no_script_ask_for_nothing_and_add_nothing_to_the_page(tmp_path: Path, web: Web) -> None:
    texts = list(hostile_texts(web.address))
    harmless = [f"name {number} of them" for number in range(len(texts))]
    web.pages["/page"] = page_with(tmp_path / "hostile", texts)
    web.pages["/harmless"] = plain = page_with(tmp_path / "harmless", harmless)
    # The checks can fail: a name that got in raw would be caught, and the page's own policy alone would hold it.
    (raw,) = (text for text in texts if text.startswith("<svg onload"))
    held_back = plain.replace("name 7 of them", f"{raw}<img src={web.address}/asked/raw><script>owned = 1</script>")
    web.pages["/held-back"] = held_back
    web.pages["/caught"] = held_back.replace(POLICY, "<meta")

    with Chromium() as browser:
        browser.ask("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        found = {}
        for name in ("/page", "/harmless", "/held-back", "/caught"):
            browser.open(web.address + name)
            found[name] = (
                browser.tell(SKELETON),
                browser.tell("refused.length"),
                browser.said(["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"]),
            )
            if name == "/page":
                shown = browser.tell("document.documentElement.textContent")

    assert len(set(texts)) == 500
    assert found["/page"] == (found["/harmless"][0], 0, [])
    assert [text for text in texts if defused(text)[1:500] not in shown] == []
    acting = {unicodedata.category(each) for each in shown if each != "\n"} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert acting == set()
    assert shown.count(f"{web.address}/asked/0'") >= 6
    assert found["/held-back"][1] >= 3
    assert found["/caught"][0] != found["/harmless"][0]
    asked = set(web.asked)
    assert {path for path in asked if path.startswith("/asked")} >= {"/asked/raw"}
    assert asked - {path for path in asked if path.startswith("/asked")} == set(web.pages)
    assert web.asked.index("/caught") < min(web.asked.index(path) for path in asked if path.startswith("/asked"))


def test_the_page_can_be_read_on_a_phone_in_the_dark_on_paper_and_by_a_screen_reader(tmp_path: Path) -> None:
    config = make_site(tmp_path / "site", mixed(datetime.now(UTC)))
    assert backupjump(config, "report", "-o", str(tmp_path / "page.html")).code == 0

    with Chromium() as browser:
        browser.open((tmp_path / "page.html").as_uri())
        width, ground = {}, {}
        for dark in (False, True):
            browser.look(width=360, height=780, dark=dark)
            ground[dark] = browser.tell("getComputedStyle(document.body).backgroundColor")
        closed = browser.tell("document.querySelector('.snapshots').checkVisibility()")
        for each in (360, 768, 1280):
            browser.look(width=each)
            browser.tell("document.querySelectorAll('details').forEach(each => each.open = true)")
            width[each] = browser.tell("document.documentElement.scrollWidth")
        browser.tell("document.querySelectorAll('details').forEach(each => each.open = false)")
        browser.look(paper=True)
        on_paper = browser.tell("[...document.querySelectorAll('.snapshots')].every(each => each.offsetHeight > 100)")
        browser.look()
        headings = browser.tell("[...document.querySelectorAll('h1,h2,h3')].map(each => each.tagName).join(' ')")
        language = browser.tell("document.documentElement.lang")
        nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
        said = browser.said(["Log.entryAdded", "Runtime.exceptionThrown"])

    roles = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    names = {role: [name for each, name in roles if each == role] for role, _name in roles}
    assert width == {each: each for each in width}
    assert ground == {False: "rgb(246, 245, 242)", True: "rgb(20, 23, 26)"}
    assert (closed, on_paper, language, said) == (False, True, "en", [])
    assert headings == "H1 " + " ".join(["H2"] * 4 + ["H3"] * 7)
    assert {"banner", "main", "contentinfo", "article"} <= set(names)
    assert [name for role in ("image", "table", "region", "article", "link") for name in names[role] if not name] == []
    assert len(names["image"]) == 1 + 3 * 7
    assert [name for name in names["image"][1:] if not re.search("^\\w+: .* last .+", name)] == []
    cells = [name for name in names["cell"] if ": " in name]
    assert len(cells) >= 7 * 12 * 7
    assert any(name.endswith(": suspect: needs a look") for name in cells)
    assert {"suspect", "broken", "late", "away", "good"} <= {name for role, name in roles if role == "StaticText"}
