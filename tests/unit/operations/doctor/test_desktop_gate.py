"""What is said of the gate, its rsync and its policy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from backupjump.config.desktop import Gate
from backupjump.gate.rsync_here import RsyncHere
from backupjump.operations.doctor.desktop_gate import (
    Said,
    check_gate,
    check_policy,
    check_rsync,
    judge_confinement,
    judge_probe,
    judge_refusal,
    judge_version,
    start_gate,
)
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN
from backupjump.operations.doctor.on_desktop import enrolment_words
from gate_world import gate_world

MEND = "sed -i s/this/that/ keys"
PROBED = json.dumps({"gate": 1}).encode()


def rsync(version: str, *, protocol: int = 32, confines: bool = True) -> RsyncHere:
    return RsyncHere("/usr/bin/rsync", f"rsync  version {version}  protocol version {protocol}\n", confines)


@pytest.mark.parametrize(
    ("here", "verdict", "evidence"),
    [
        (rsync("3.5.0"), OK, "/usr/bin/rsync is 3.5.0, protocol 32"),
        (rsync("3.2.7"), OK, "3.2.7"),
        (rsync("3.2.4"), FAIL, "too old"),
        (rsync("3.3.0", protocol=31), FAIL, "protocol 31"),
        (
            RsyncHere("/usr/bin/rsync", "openrsync: protocol version 29\nrsync version 2.6.9 compatible", False),
            FAIL,
            "",
        ),
        (RsyncHere("/usr/bin/rsync", "\x1b[2J", False), FAIL, "can not be read"),
    ],
)
def test_an_rsync_is_judged_as_the_server_judges_it(here: RsyncHere, verdict: str, evidence: str) -> None:
    finding = judge_version(here, "apt-get install -y rsync")

    assert (finding.verdict, bool(finding.fix)) == (verdict, verdict == FAIL)
    assert evidence in finding.evidence


def test_an_rsync_that_can_not_be_confined_is_amber() -> None:
    assert judge_confinement(rsync("3.5.0"), "").verdict == OK
    assert judge_confinement(rsync("3.2.7", confines=False), "apt-get install").verdict == WARN


def test_without_rsync_the_package_is_named(tmp_path: Path) -> None:
    version, confines = check_rsync(tmp_path / "rsync")

    assert (version.verdict, confines.verdict) == (FAIL, SKIP)
    assert version.fix.endswith("apt-get install -y rsync")


def test_each_folder_and_hook_of_the_policy_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    (tmp_path / "file").touch()
    roots = tuple(str(tmp_path / name) for name in ("there", "link", "file", "gone it is"))
    policy = Gate(read=roots, hooks={"dump": ("sh", "-c", "true"), "lost": ("no-such-program",)})

    findings = list(check_policy(policy, tmp_path / "bj.yaml"))

    assert [each.verdict for each in findings] == [OK, FAIL, FAIL, FAIL, OK, FAIL]
    assert [each.fix for each in findings if each.verdict == FAIL] == [
        f"${{EDITOR:-vi}} {tmp_path}/bj.yaml",
        f"${{EDITOR:-vi}} {tmp_path}/bj.yaml",
        f"mkdir -p '{tmp_path}/gone it is'",
        f"${{EDITOR:-vi}} {tmp_path}/bj.yaml",
    ]
    assert f"name {tmp_path}/there under `read`" in findings[1].evidence


@pytest.mark.parametrize(
    ("said", "verdict", "evidence"),
    [
        (Said(0, PROBED, b"", 0.08), OK, "version 1, answers in 80 ms"),
        (Said(0, PROBED, b"", 1.5), WARN, "only after 1500 ms"),
        (Said(0, b"hello", b"", 0.1), FAIL, "is no gate"),
        (Said(0, b"[1]", b"", 0.1), FAIL, "is no gate"),
        (Said(2, b"", b"backupjump-gate: its config can't be used\x1b\n", 0.1), FAIL, "can't be used\\x1b"),
        (Said(2, PROBED, b"", 0.1), FAIL, "it ended with 2"),
        (None, FAIL, "can't be started"),
    ],
)
def test_a_gate_has_to_answer_at_once_and_in_its_own_words(said: Said | None, verdict: str, evidence: str) -> None:
    finding = judge_probe(said, ["/usr/bin/gate"], mend=MEND)

    assert (finding.verdict, bool(finding.fix)) == (verdict, verdict != OK)
    assert evidence in finding.evidence


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (Said(64, b"", b"refused", 0.1), OK),
        (Said(0, b"backupjump-doctor\n", b"", 0.1), FAIL),
        (Said(64, b"backupjump-doctor\n", b"", 0.1), FAIL),
        (Said(1, b"", b"", 0.1), FAIL),
        (None, SKIP),
    ],
)
def test_a_gate_has_to_refuse_what_is_none_of_its_words(said: Said | None, verdict: str) -> None:
    assert judge_refusal(said, mend=MEND).verdict == verdict


def test_a_program_that_obeys_whatever_is_asked_is_found_out() -> None:
    shell = [sys.executable, "-c", "import os; os.system(os.environ['SSH_ORIGINAL_COMMAND'])"]

    assert judge_refusal(start_gate(shell, "echo backupjump-doctor"), mend=MEND).verdict == FAIL


def test_a_line_that_obeys_another_config_is_told(tmp_path: Path) -> None:
    world = gate_world(tmp_path)

    findings = list(check_gate(world.argv, config=tmp_path / "other.yaml", mend=MEND))

    assert [(each.check, each.verdict) for each in findings] == [
        ("gate.config", WARN),
        ("gate.starts", OK),
        ("gate.refuses", OK),
    ]


def test_a_mended_line_keeps_the_word_of_its_enrolment() -> None:
    assert enrolment_words(["gate", "--enrolment", "0a1b2c3d", "--config", "x"]) == ("--enrolment", "0a1b2c3d")
    assert enrolment_words(["gate", "--config", "x"]) == ()
