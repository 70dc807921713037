"""Which difference between the Desktop and a snapshot no run would notice."""

from __future__ import annotations

import pytest

from backupjump.rsync.compare import is_silent
from backupjump.rsync.output import Item


@pytest.mark.parametrize(
    ("flags", "silent"),
    [
        (">fc........", True),
        (">fc..p.....", True),
        (">fcst......", False),
        (">fc.t......", False),
        (">fcs.......", False),
        (">f..t......", False),
        (">f+++++++++", False),
        (".f...p.....", False),
        ("cLc........", False),
        (".d..t......", False),
    ],
)
def test_only_another_content_of_the_same_size_and_time_is_silent(flags: str, silent: bool) -> None:
    assert is_silent(Item(flags=flags, size=1, checksum="", name=b"a")) == silent
