"""The trees that are backed up: made from a seed, so that every run of the benchmark has the same, and changed by one.

Half of the files are random bytes, as photos and archives are for a compressor, half are text, which packs about five
times.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SEED = 7
WORD_COUNT = 4000
POOL_BYTES = 4 << 20
BLOCK_BYTES = 64 << 10
# Of a big file one part in so many is overwritten where it is, in this many pieces, as an image of a disk changes.
BIG_SHARE = 100
BIG_PIECES = 16


@dataclass(frozen=True)
class Shape:
    """How a tree is to be: its regular files, their bytes together, its folders and how deep they go."""

    files: int
    total_bytes: int
    folders: int
    depth: int
    # Files so large that a change is a part of one, and none is added, deleted or renamed.
    is_big: bool = False

    def scaled(self, divisor: int) -> Shape:
        """Return one that is so many times smaller; big files become smaller ones, of the others there are fewer."""
        return Shape(
            files=self.files if self.is_big else max(self.files // divisor, 10),
            total_bytes=self.total_bytes // divisor,
            folders=max(self.folders // divisor, 1),
            depth=self.depth,
            is_big=self.is_big,
        )


SHAPES: Mapping[str, Shape] = {
    "home": Shape(files=60_000, total_bytes=2_000_000_000, folders=1_500, depth=4),
    "big": Shape(files=4, total_bytes=4 << 30, folders=1, depth=1, is_big=True),
    "tiny": Shape(files=200_000, total_bytes=210_000_000, folders=21_000, depth=8),
}


@dataclass(frozen=True)
class Mutation:
    """What was done to a tree, paths below its top; of a renamed file the new one."""

    changed: tuple[str, ...]
    added: tuple[str, ...]
    deleted: tuple[str, ...]
    renamed: tuple[str, ...]


class Content:
    """Makes what stands in files, the same for the same seed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        words = ["".join(rng.choices("etaoinshrdlucmfwypvbgk", k=rng.randint(2, 10))) for _ in range(WORD_COUNT)]
        frequent = [1 / (rank + 1) for rank in range(WORD_COUNT)]
        text = " ".join(rng.choices(words, weights=frequent, k=POOL_BYTES // 4))
        self._pool = text.encode()[:POOL_BYTES]

    def pieces(self, size: int, *, text: bool) -> Iterator[bytes]:
        """Yield `size` bytes, a block at a time; a block begins with a number, so that no two are the same."""
        while size > 0:
            length = min(size, BLOCK_BYTES)
            if text:
                start = self._rng.randrange(len(self._pool) - length)
                number = b"%x " % self._rng.getrandbits(60)
                yield (number + self._pool[start : start + length])[:length]
            else:
                yield self._rng.randbytes(length)
            size -= length


def make_tree(top: Path, shape: Shape, *, seed: int = SEED) -> None:
    """Fill the empty folder `top`."""
    rng = random.Random(seed)
    content = Content(rng)
    folders = list(_folders(shape, rng))
    for folder in folders:
        (top / folder).mkdir(parents=True, exist_ok=True)
    for number, size in enumerate(_sizes(shape, rng)):
        folder = folders[number % len(folders)]
        _write(top / folder / _name(number, rng), content, size, text=number % 2 == 1)
    for number, folder in enumerate(folders[::20]):
        (top / folder / f"link-{number}").symlink_to("../somewhere else")


def mutate(top: Path, *, seed: int) -> Mutation:
    """Change 1 % of the files of a tree, add .5 %, delete .5 %, rename .5 %; of big files change a part of one.

    What is changed gets other content of the same size: only its time tells.
    """
    rng = random.Random(seed)
    content = Content(rng)
    files = sorted(os.path.relpath(os.path.join(at, name), top) for at, name in _files(top))  # noqa: PTH118 (so many)
    if (top / files[0]).lstat().st_size >= BIG_SHARE * BLOCK_BYTES and len(files) < BIG_SHARE:
        return _mutate_big(top, rng.choice(files), content, rng)
    half = max(len(files) // 200, 1)
    picked = rng.sample(files, k=4 * half)
    changed, deleted, moving = picked[: 2 * half], picked[2 * half : 3 * half], picked[3 * half :]
    for number, each in enumerate(changed):
        _write(top / each, content, (top / each).lstat().st_size, text=number % 2 == 1)
    sizes = [(top / each).lstat().st_size for each in deleted]
    for each in deleted:
        (top / each).unlink()
    renamed = tuple(_renamed(top, each, files, rng) for each in moving)
    added = tuple(f"{Path(each).parent}/new-{seed}-{number}.dat" for number, each in enumerate(rng.sample(files, half)))
    for number, (each, size) in enumerate(zip(added, sizes, strict=True)):
        _write(top / each, content, size, text=number % 2 == 1)
    return Mutation(tuple(changed), added, tuple(deleted), renamed)


def _mutate_big(top: Path, file: str, content: Content, rng: random.Random) -> Mutation:
    size = (top / file).lstat().st_size
    length = size // BIG_SHARE // BIG_PIECES
    with (top / file).open("r+b") as opened:
        for _ in range(BIG_PIECES):
            opened.seek(rng.randrange(size - length))
            opened.writelines(content.pieces(length, text=False))
    return Mutation((file,), (), (), ())


def _renamed(top: Path, file: str, files: list[str], rng: random.Random) -> str:
    """Move a file, by turns within its folder or into another's, and return where it is now."""
    folder = Path(file if rng.random() < 0.5 else rng.choice(files)).parent
    new = f"{folder}/moved-{Path(file).name}"
    (top / file).rename(top / new)
    return new


def _folders(shape: Shape, rng: random.Random) -> Iterator[str]:
    """Yield the folders, each below one of those before it or at the top."""
    known = [""]
    for number in range(shape.folders):
        above = rng.choice(known)
        folder = f"{above}/folder-{number:05}".lstrip("/")
        if folder.count("/") < shape.depth - 1:
            known.append(folder)
        yield folder


def _sizes(shape: Shape, rng: random.Random) -> list[int]:
    """Return the sizes: few large, many small, together what is wanted but for rounding."""
    if shape.is_big:
        return [shape.total_bytes // shape.files] * shape.files
    drawn = [rng.lognormvariate(0, 1.3) for _ in range(shape.files)]
    scale = shape.total_bytes / sum(drawn)
    return [max(int(each * scale), 1) for each in drawn]


def _name(number: int, rng: random.Random) -> str:
    kind = rng.choice(("invoice", "IMG", "notes", "draft", "track"))
    return f"{kind}-{number:06}.{'txt' if number % 2 else 'jpg'}"


def _write(file: Path, content: Content, size: int, *, text: bool) -> None:
    with file.open("wb") as opened:
        opened.writelines(content.pieces(size, text=text))


def _files(top: Path) -> Iterator[tuple[str, str]]:
    for at, _, names in os.walk(top):
        for name in names:
            if not os.path.islink(os.path.join(at, name)):  # noqa: PTH114, PTH118 (so many)
                yield at, name
