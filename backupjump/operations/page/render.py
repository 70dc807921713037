"""The page's values as one HTML text that needs nothing else: no script, no request. The one home of jinja2.

Names in it were chosen on other machines. Three things hold them: every value is defused and cut (`escape.defused`),
the template engine escapes it for HTML, and the page's own Content-Security-Policy allows one style sheet, by its
hash, and nothing else. No value stands in a style, in an address or in a name of an attribute.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from backupjump.escape import defused
from backupjump.operations.page.chart import HEIGHT, WIDTH

if TYPE_CHECKING:
    from backupjump.operations.page.view import PageView

TEMPLATE, STYLE = "page.html", "page.css"


def render(page: PageView) -> str:
    """Return the page as HTML; the same text for the same values, and no character that UTF-8 can't hold."""
    environment = Environment(
        # The folder beside this file: of `backupjump.operations.page`.
        loader=PackageLoader(__package__, package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = environment.get_template(STYLE).render()
    # The one text that goes in as it is: our own file, from which no value is reachable.
    return environment.get_template(TEMPLATE).render(
        page=page,
        style=Markup(style),  # noqa: S704
        style_hash=base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii"),
        width=WIDTH,
        height=HEIGHT,
    )


def _finalize(value: Any) -> Any:
    """Let a text through as far as it can do nothing to whoever reads the page or its source."""
    return defused(value) if isinstance(value, str) and not isinstance(value, Markup) else value
