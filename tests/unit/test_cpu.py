"""Whether a processor encrypts AES by itself, from what Linux says of it."""

from __future__ import annotations

from pathlib import Path

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
        ("cpu:type:x86,ven0002fam0019mod0001:feature:,0000,0091,0099,009A\n", True),
        ("cpu:type:x86,ven0002fam0019mod0001:feature:,0000,0091,009A,0199\n", False),
        ("cpu:type:aarch64:feature:,0000,0001,0003\n", True),
        ("cpu:type:aarch64:feature:,0000,0001\n", False),
        ("cpu:type:ppc64le:feature:,0003\n", None),
    ],
)
def test_a_flag_of_that_very_name_counts(cpuinfo: str, *, aes: bool | None) -> None:
    assert read_aes(cpuinfo) is aes


def test_both_files_of_this_machine_say_the_same() -> None:
    said = {
        path.read_text() for path in map(Path, ("/proc/cpuinfo", "/sys/devices/system/cpu/modalias")) if path.exists()
    }

    assert len({read_aes(text) for text in said} - {None}) <= 1


def test_this_machine_is_asked_without_a_fault() -> None:
    assert has_aes() in (True, False, None)
