"""Whether a processor encrypts AES by itself, from what Linux says of it."""

from __future__ import annotations

import pytest

from backupjump.cpu import has_aes, read_aes

X86 = "processor\t: 0\nmodel name\t: any\nflags\t\t: fpu vme sse4_2 aes xsave\nbogomips\t: 4890.81\n"
ARM = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm aes pmull sha1\nCPU part\t: 0xd0b\n"


@pytest.mark.parametrize(
    ("cpuinfo", "aes"),
    [
        (X86, True),
        (ARM, True),
        (X86.replace(" aes", " vaes"), False),
        (ARM.replace(" aes", ""), False),
        ("processor\t: 0\ncpu\t\t: POWER9\n", None),
        ("", None),
    ],
)
def test_a_flag_of_that_very_name_counts(cpuinfo: str, *, aes: bool | None) -> None:
    assert read_aes(cpuinfo) is aes


def test_this_machine_is_asked_without_a_fault() -> None:
    assert has_aes() in (True, False, None)
