"""Record a program on a terminal of its own as one animated SVG, with no script in it: for the README.

    python docs/record.py docs/pictures/demo.svg backupjump demo --dir /tmp/demo

Needs pyte (the extra `dev`). Long pauses are cut short, and each new line stands long enough to be read; who has asked
for less motion sees the last screen alone.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pyte

COLUMNS, ROWS = 112, 30
_CELL_WIDTH, _LINE_HEIGHT, _MARGIN, _BAR = 8.4, 19, 16, 34
_SHORTEST, _LONGEST, _LAST = 0.12, 1.6, 6.0
_TO_READ_A_LINE = 0.35
_CHUNK_BYTES = 65536
_COLOURS = {
    "default": "#d8dee9", "black": "#4c566a", "red": "#ff7b85", "green": "#a3d977", "brown": "#ebcb8b",
    "blue": "#81a1c1", "magenta": "#c9a4d4", "cyan": "#88c0d0", "white": "#eceff4",
}  # fmt: skip
_STYLE = """\
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;fill:#d8dee9}
.f{visibility:hidden}
"""


@dataclass(frozen=True)
class Frame:
    """A screen, its lines as SVG text, and for how many seconds it stands."""

    lines: tuple[str, ...]
    seconds: float


def record(argv: Sequence[str]) -> Iterator[Frame]:
    """Yield the screens that `argv` writes, typed at a prompt first; it must end by itself, and well."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    stream.feed(b"$ ")
    typed = [Path(argv[0]).name, *argv[1:]]
    for count in range(1, len(typed) + 1):
        stream.feed(f"\r$ {' '.join(typed[:count])}".encode())
        yield Frame(_lines(screen), 0.3)
    stream.feed(b"\r\n")
    last, last_at, seen = _lines(screen), time.monotonic(), frozenset[str]()
    for chunk in _output(argv):
        now = time.monotonic()
        if now - last_at >= _SHORTEST:
            new = len(set(last) - seen)
            yield Frame(last, max(min(_LONGEST, now - last_at), _TO_READ_A_LINE * new))
            last_at, seen = now, seen | frozenset(last)
        stream.feed(chunk)
        last = _lines(screen)
    yield Frame(last, _LAST)


def _output(argv: Sequence[str]) -> Iterator[bytes]:
    """Yield what `argv` writes, as it comes; the folder that the program lies in is shown as one where it may lie."""
    here = os.fsencode(Path(argv[0]).absolute().parent)
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, env=environment) as child:
        os.close(slave)
        while True:
            select.select([master], [], [])
            try:
                yield os.read(master, _CHUNK_BYTES).replace(here, b"/opt/backupjump/bin")
            except OSError:  # Linux answers EIO once the program has ended
                break
    os.close(master)
    if child.returncode != 0:
        raise SystemExit(f"{argv[0]} ended with {child.returncode}")


def _lines(screen: pyte.Screen) -> tuple[str, ...]:
    """Return each row of the screen as spans of one colour; empty for an empty row."""
    rows = []
    for number in range(ROWS):
        row = screen.buffer[number]
        spans: list[tuple[str, str, bool]] = []
        for column in range(COLUMNS):
            cell = row[column]
            if spans and spans[-1][1:] == (cell.fg, cell.bold):
                spans[-1] = (spans[-1][0] + cell.data, cell.fg, cell.bold)
            else:
                spans.append((cell.data, cell.fg, cell.bold))
        rows.append("".join(_span(*span) for span in spans).rstrip())
    return tuple(rows)


def _span(text: str, colour: str, bold: bool) -> str:  # noqa: FBT001
    if colour == "default" and not bold:
        return escape(text)
    weight = ' font-weight="bold"' if bold else ""
    return f'<tspan fill="{_COLOURS.get(colour, "#d8dee9")}"{weight}>{escape(text)}</tspan>'


def svg(frames: Sequence[Frame], *, title: str) -> str:
    """Return the frames as one picture; each distinct line stands in it once."""
    lines = {line: f"l{number}" for number, line in enumerate(dict.fromkeys(_all_lines(frames)))}
    width, height = round(COLUMNS * _CELL_WIDTH) + 2 * _MARGIN, ROWS * _LINE_HEIGHT + _BAR + _MARGIN
    total = sum(frame.seconds for frame in frames)
    style, groups, at = [_STYLE], [], 0.0
    for number, frame in enumerate(frames):
        begin, at = at, at + frame.seconds
        start, end = 100 * begin / total, 100 * at / total
        style.append(f"@keyframes k{number}{{0%{{visibility:hidden}}{start:.2f}%{{visibility:visible}}")
        style.append(f"{end:.2f}%{{visibility:hidden}}}}\n")
        style.append(f"#f{number}{{animation:k{number} {total:.1f}s step-end infinite}}\n")
        uses = (
            f'<use href="#{lines[line]}" y="{row * _LINE_HEIGHT}"/>' for row, line in enumerate(frame.lines) if line
        )
        groups.append(f'<g class="f" id="f{number}">{"".join(uses)}</g>')
    still = "".join(f"#f{number}{{animation:none}}" for number in range(len(frames)))
    style.append(f"@media(prefers-reduced-motion:reduce){{{still}#f{len(frames) - 1}{{visibility:visible}}}}")
    defined = (f'<text id="{name}" xml:space="preserve">{line}</text>' for line, name in lines.items())
    dots = "".join(
        f'<circle cx="{_MARGIN + 6 + 20 * index}" cy="17" r="6" fill="{colour}"/>'
        for index, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img"'
            f' aria-labelledby="t"><title id="t">{escape(title)}</title>',
            f"<style>{''.join(style)}</style><defs>{''.join(defined)}</defs>",
            f'<rect width="{width}" height="{height}" rx="10" fill="#20242c"/>{dots}',
            f'<g transform="translate({_MARGIN} {_BAR + 14})">',
            *groups,
            "</g></svg>",
        ]
    )


def _all_lines(frames: Sequence[Frame]) -> Iterator[str]:
    return (line for frame in frames for line in frame.lines if line)


def main(words: Sequence[str]) -> int:
    """Record `words[1:]` into the file `words[0]`."""
    if len(words) < 2:
        raise SystemExit(__doc__)
    file, argv = Path(words[0]), words[1:]
    frames = tuple(record(argv))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        svg(frames, title=f"A terminal: {Path(argv[0]).name} {' '.join(argv[1:])}") + "\n", encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
