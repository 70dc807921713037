import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backupjump.errors import ProgramMissing, Stopped
from backupjump.process import (
    Child,
    TimedOut,
    clean_environment,
    run,
    running,
    shown_argv,
    signals_as_exceptions,
    signals_held,
    spawn,
)


def ended(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status == "Z"


def until(truth: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if truth():
            return True
        os.sched_yield()
    return False


def test_a_status_other_than_zero_is_a_value_with_all_that_was_printed() -> None:
    done = run(["sh", "-c", "cat; echo out; echo err >&2; exit 7"], timeout=10, stdin=b"in\n")

    assert (done.status, done.stdout, done.stderr) == (7, b"in\nout\n", b"err\n")


def test_a_word_is_never_read_by_a_shell(tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    done = run(["echo", f"$(touch {canary})", "; touch", "*"], timeout=10)

    assert done.stdout == f"$(touch {canary}) ; touch *\n".encode()
    assert not canary.exists()


def test_a_missing_program_is_named_with_the_package_that_has_it() -> None:
    with pytest.raises(ProgramMissing, match="no-such-program") as raised:
        run(["no-such-program"], timeout=1)

    assert "apt-get install" in raised.value.hint


def test_what_does_not_end_in_time_is_ended_with_its_whole_group(tmp_path: Path) -> None:
    child_pid = tmp_path / "pid"

    with pytest.raises(TimedOut):
        run(["sh", "-c", f"sleep 300 & echo $! > {child_pid}; wait"], timeout=0.5)

    assert until(lambda: ended(int(child_pid.read_text())))


def test_leaving_the_block_kills_even_a_child_that_ignores_term() -> None:
    with spawn(
        [sys.executable, "-c", "import signal,time; signal.signal(15, 1); print('up', flush=True); time.sleep(300)"]
    ) as child:
        child.stdout.readline()
        status = child.stop(grace=0.2)

    assert status == -signal.SIGKILL


@pytest.mark.parametrize(
    "name", ["RSYNC_RSH", "RSYNC_PROXY", "RSYNC_PROTECT_ARGS", "SSH_AUTH_SOCK", "SSH_ASKPASS", "LC_MESSAGES", "LANG"]
)
def test_variables_that_change_the_tools_never_reach_a_child(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "evil")

    assert name not in clean_environment()
    assert clean_environment()["LC_ALL"] == "C"


def test_a_child_has_a_session_of_its_own() -> None:
    child = run([sys.executable, "-c", "import os; print(os.getsid(0))"], timeout=10)

    assert int(child.stdout) != os.getsid(0)


def test_a_signal_becomes_an_exception_and_the_old_handler_comes_back() -> None:
    before = signal.getsignal(signal.SIGUSR1)

    with pytest.raises(Stopped) as raised, signals_as_exceptions(Stopped, signal.SIGUSR1):
        signal.raise_signal(signal.SIGUSR1)

    assert raised.value.exit_code == 128 + signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) is before


def test_two_signals_in_the_same_moment_are_one_end_and_no_word_of_a_race(monkeypatch: pytest.MonkeyPatch) -> None:
    both = (signal.SIGUSR1, signal.SIGUSR2)
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    def work() -> None:
        with signals_as_exceptions(Stopped, *both):
            signal.pthread_sigmask(signal.SIG_BLOCK, both)
            for each in both:
                os.kill(os.getpid(), each)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, both)

    with pytest.raises(Stopped):
        work()

    assert told == []


def test_argv_is_shown_as_a_line_that_can_be_pasted() -> None:
    assert shown_argv(["rsync", "-a", "a b"]) == "rsync -a 'a b'"


def test_a_group_of_which_only_unburied_processes_are_left_is_not_waited_for(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    # The orphan's new parent is the test itself, which never asks for its status: as in a container without init.
    become_subreaper = ctypes.CDLL(None, use_errno=True).prctl
    assert become_subreaper(36, 1, 0, 0, 0) == 0
    begun = time.monotonic()

    with spawn(["sh", "-c", f"(exec sleep 0.1) & echo $! > {pid_file}"]) as child:
        child.wait(10)
        assert until(lambda: pid_file.exists() and ended(int(pid_file.read_text())))
        child.stop(grace=60)

    became = Path(f"/proc/{pid_file.read_text().strip()}/stat").read_text().rpartition(")")[2].split()[0]
    os.waitpid(int(pid_file.read_text()), 0)
    become_subreaper(36, 0, 0, 0, 0)
    assert became == "Z"
    assert time.monotonic() - begun < 50


def test_a_signal_that_was_held_is_raised_where_it_no_longer_is() -> None:
    passed = []

    def work() -> None:
        with signals_as_exceptions(Stopped, signal.SIGTERM):
            with signals_held(), signals_held():
                os.kill(os.getpid(), signal.SIGTERM)
                passed.append("held")
            passed.append("raised too late")

    with pytest.raises(Stopped):
        work()

    assert passed == ["held"]


def test_a_program_that_is_running_has_ended_when_a_signal_has_left_the_block() -> None:
    seen: list[Child] = []

    def work() -> None:
        with signals_as_exceptions(Stopped, signal.SIGTERM), running(["sleep", "60"]) as child:
            seen.append(child)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped):
        work()

    assert seen[0].poll() == -signal.SIGTERM
