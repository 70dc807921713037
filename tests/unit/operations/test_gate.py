import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.models import Hooks, Job
from backupjump.errors import DesktopUnfit, GateRefused, HookFailed, SourceMissing
from backupjump.operations.gate import DesktopTunnel, Gate, read_gate, read_hook
from backupjump.operations.hooks import check_offered
from backupjump.operations.probe import check_gate

HOST = "desktop laptop"
SAID = "rsync  version 3.5.0  protocol version 32\nChecksum list:\n    xxh128 md5\n"
ANSWER: dict[str, Any] = {
    "gate": 1,
    "rsync": {"said": SAID, "confines": True},
    "roots": [{"path": "/home/me", "state": "folder"}],
    "clock": "2026-11-22T12:00:00Z",
    "power": {"on_battery": False, "percent": None},
    "hooks": ["dump-db"],
}
GATE = Gate(
    version=1,
    rsync_said=SAID,
    confines=True,
    roots={"/home/me": "folder"},
    clock=datetime(2026, 11, 22, 12, tzinfo=UTC),
    hooks=("dump-db",),
)


def gate_with(**changes: Any) -> Gate:
    found = read_gate(0, json.dumps({**ANSWER, **changes}).encode(), b"", host=HOST)
    assert found is not None
    return found


def job(*sources: str, **more: Any) -> Job:
    return Job(name="nightly", desktop="laptop", sources=sources or ("/home/me",), **more)


def test_the_answer_of_a_gate_is_read() -> None:
    assert gate_with() == GATE


TUNNEL: dict[str, Any] = {
    "opens": "windows",
    "every": "20h",
    "windows": [{"every": ["mon", "thu"], "at": "22:00", "for": "8h"}, {"every": "day", "at": "12:00", "for": "1h"}],
    "deferred_at": None,
    "deferred_why": None,
}


def test_a_desktop_tells_of_its_tunnel() -> None:
    windows = (("mon thu", "22:00", "8h"), ("day", "12:00", "1h"))
    put_off = {"deferred_at": "2026-11-22T02:00:00Z", "deferred_why": "paused"}

    assert gate_with(tunnel=None).tunnel is None
    assert gate_with(tunnel=TUNNEL).tunnel == DesktopTunnel(opens="windows", every="20h", windows=windows)
    assert gate_with(tunnel={**TUNNEL, **put_off}).tunnel == DesktopTunnel(
        opens="windows",
        every="20h",
        windows=windows,
        deferred_at=datetime(2026, 11, 22, 2, tzinfo=UTC),
        deferred_why="paused",
    )


@pytest.mark.parametrize(
    "lie",
    [
        7,
        [],
        {"opens": 5},
        {"windows": {}},
        {"windows": [5]},
        {"windows": [{}]},
        {"windows": [{"every": [5], "at": "", "for": ""}]},
        {"deferred_at": "soon"},
        {"deferred_at": 5},
        {"deferred_why": 5},
    ],
)
def test_a_tunnel_of_wrong_types_is_no_answer(lie: Any) -> None:
    tunnel = {**TUNNEL, **lie} if isinstance(lie, dict) else lie

    with pytest.raises(DesktopUnfit, match="no gate"):
        gate_with(tunnel=tunnel)


@pytest.mark.parametrize(
    ("status", "stdout", "stderr"),
    [
        (127, b"", b"sh: 1: bj1: not found"),
        (126, b"", b"bj1: Permission denied"),
        (1, b"Welcome!\n", b"bj1: Command not found."),
        (127, b"", b"sh: 1: backupjump-gate: not found"),
        (1, b"", b"rrsync: SSH_ORIGINAL_COMMAND does not run rsync"),
        (-1, b"", b""),
    ],
)
def test_a_shell_that_does_not_know_the_word_is_no_gate(status: int, stdout: bytes, stderr: bytes) -> None:
    assert read_gate(status, stdout, stderr, host=HOST) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{}",
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"gate": ' + b"9" * 5000 + b"}",
        b"x" * 65_536,
        *(
            json.dumps({**ANSWER, **lie}).encode()
            for lie in (
                {"gate": "1"}, {"gate": True}, {"gate": 0}, {"gate": -1}, {"gate": 1.0}, {"gate": 10**9},
                {"rsync": None}, {"rsync": {"said": 7, "confines": True}}, {"rsync": {"said": SAID, "confines": 1}},
                {"rsync": {"said": SAID}}, {"roots": {}}, {"roots": [7]}, {"roots": [{"path": 1, "state": "folder"}]},
                {"roots": [{"path": "/home"}]}, {"clock": "noon"}, {"clock": "2026-13-99T99:99:99Z"}, {"clock": 0},
                {"hooks": None}, {"hooks": [1]}, {"hooks": "dump-db"},
                {"words": "list"}, {"words": [1]}, {"words": True},
            )
        ),
        b"\x1b[2J\x1b]0;title\x07 \xe2\x80\xae",
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_told_short_and_harmless(answer: bytes) -> None:
    with pytest.raises(DesktopUnfit, match="desktop laptop: what answers `bj1 probe` is no gate") as raised:
        read_gate(0, answer, b"", host=HOST)

    assert len(str(raised.value)) < 300
    assert str(raised.value).isprintable()
    assert raised.value.hint


@given(answer=st.one_of(st.binary(), st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(json.dumps)))
def test_no_answer_breaks_the_reader(answer: bytes | str) -> None:
    stdout = answer if isinstance(answer, bytes) else answer.encode()

    with pytest.raises(DesktopUnfit):
        read_gate(0, stdout, b"", host=HOST)


@given(
    key=st.sampled_from(sorted([*ANSWER, "aes"])),
    lie=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["path", "state", "said", "confines"]), inner),
    ),
)
def test_whatever_stands_at_a_key_it_is_a_gate_or_a_clear_error(key: str, lie: object) -> None:
    found: object = None
    try:
        found = read_gate(0, json.dumps({**ANSWER, key: lie}).encode(), b"", host=HOST)
    except DesktopUnfit as error:
        found = error

    assert isinstance(found, Gate) or str(found).isprintable()
    assert found is not None


def test_a_login_shell_that_talks_before_the_gate_is_named_as_what_it_is() -> None:
    with pytest.raises(DesktopUnfit, match="login shell prints text before every command: Welcome"):
        read_gate(0, b"Welcome!\n" + json.dumps(ANSWER).encode() + b"\n", b"", host=HOST)


def test_a_gate_that_refuses_even_the_probe_is_told_of() -> None:
    with pytest.raises(GateRefused, match="too long to tell"):
        read_gate(64, b"", b"backupjump-gate: refused: not-understood: too long to tell\n", host=HOST)


def test_a_gate_without_a_usable_config_is_told_of_and_the_plain_commands_are_not_tried() -> None:
    with pytest.raises(DesktopUnfit, match="its config can't be used"):
        read_gate(2, b"", b"backupjump-gate: its config can't be used; on the Desktop: ...\n", host=HOST)


@pytest.mark.parametrize("source", ["/home/me", "/home/me/deep/er", "/home/me/a b*"])
def test_a_source_in_a_folder_of_the_gate_may_be_pulled(source: str) -> None:
    assert check_gate(GATE, job(source)).text == "3.5.0"


@pytest.mark.parametrize("source", ["/home/me2", "/home", "/etc", "/"])
def test_a_source_that_no_folder_of_the_gate_covers_is_refused_with_what_to_add(source: str) -> None:
    with pytest.raises(GateRefused, match=r"does not let .* be read") as raised:
        check_gate(GATE, job(source))

    assert f"add {source} to gate.read" in raised.value.hint


def test_a_gate_that_lets_everything_be_read_covers_every_source() -> None:
    everything = gate_with(roots=[{"path": "/", "state": "folder"}])

    assert check_gate(everything, job("/etc", "/home")).text == "3.5.0"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("absent", "does not exist"),
        ("link", "symbolic link"),
        ("not-a-folder", "not a folder"),
        ("closed", "may not be entered"),
        ("a later word\x1b[2J", r"a later word\\x1b"),
    ],
)
def test_a_source_whose_root_is_no_folder_is_missing(state: str, said: str) -> None:
    roots = [{"path": "/home", "state": "folder"}, {"path": "/home/me", "state": state}]

    with pytest.raises(SourceMissing, match=said):
        check_gate(gate_with(roots=roots), job("/home/me/documents"))


def test_an_rsync_behind_the_gate_is_judged_as_any_other() -> None:
    old = gate_with(rsync={"said": "rsync  version 2.6.9  protocol version 29", "confines": False})

    with pytest.raises(DesktopUnfit, match="too old"):
        check_gate(old, job())


def test_a_hook_of_the_gate_tells_its_status_and_its_last_lines() -> None:
    answer = {"hook": "dump-db", "status": 75, "said": ["one", "two", "caf\\xe9", "not now"]}

    ended = read_hook(0, json.dumps(answer).encode(), b"", name="dump-db", host=HOST)

    assert (ended.status, ended.said) == (75, "two / caf\\xe9 / not now")


def test_what_a_lying_hook_says_stays_short_and_harmless() -> None:
    answer = {"status": 0, "said": ["\x1b[2J" * 2000, "\ud800\u202e", "a\nb"] * 3}

    ended = read_hook(0, json.dumps(answer).encode(), b"", name="dump-db", host=HOST)

    assert len(ended.said) < 650
    assert ended.said.isprintable()


@pytest.mark.parametrize(
    "answer",
    [b"", b"done", {"status": 256, "said": []}, {"status": -1, "said": []}, {"status": "0", "said": []}, {"status": 0}],
)
def test_an_answer_to_a_hook_that_is_none_is_a_clear_error(answer: object) -> None:
    stdout = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    with pytest.raises(DesktopUnfit, match="what answers `bj1 hook dump-db` is no gate"):
        read_hook(0, stdout, b"", name="dump-db", host=HOST)


@pytest.mark.parametrize(
    ("status", "stderr", "said"),
    [
        (64, b"backupjump-gate: refused: no-hook: this Desktop offers no hook of that name", "no-hook"),
        (1, b"backupjump-gate: failed: no memory", "no memory"),
        (137, b"Killed", "its gate ended with 137"),
    ],
)
def test_a_gate_that_does_not_run_a_hook_says_why(status: int, stderr: bytes, said: str) -> None:
    with pytest.raises((GateRefused, DesktopUnfit), match=said):
        read_hook(status, b"", stderr, name="dump-db", host=HOST)


@pytest.mark.parametrize("when", ["before", "after", "on_failure", "always"])
def test_a_hook_that_is_not_offered_is_found_in_every_list_with_a_guess(when: str) -> None:
    with pytest.raises(HookFailed, match=r"no hook 'dump-bd', did you mean 'dump-db'\?") as raised:
        check_offered(job(hooks=Hooks.model_validate({when: ["dump-db", "dump-bd"]})), GATE)

    assert "offers: dump-db;" in raised.value.hint


def test_without_a_gate_the_hint_is_to_do_without() -> None:
    with pytest.raises(HookFailed, match="only a gate offers hooks"):
        check_offered(job(hooks=Hooks(before=("dump-db",))), None)


def test_a_job_without_hooks_needs_no_gate() -> None:
    check_offered(job(), None)
