"""The remote shell of route nested, read by two real shells."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupjump.ssh.second_shell import main, nested_command, outer_argv, relay_command, relay_options

words = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1, max_size=4)


def read_by_the_jump_node(command: str, folder: Path) -> list[str]:
    """Return the argv of the inner ssh as the JumpNode's shell makes it, with `ssh` a program that prints it."""
    ssh = folder / "ssh"
    ssh.write_text('#!/bin/sh\nprintf "%s\\0" "$@"\n')
    ssh.chmod(0o700)
    done = subprocess.run(["/bin/sh", "-c", command], env={"PATH": str(folder)}, capture_output=True, check=True)
    return done.stdout.decode("utf-8").split("\0")[:-1]


def read_by_the_desktop(command: str) -> list[str]:
    script = f"printf '%s\\0' {command}"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True)
    return done.stdout.decode("utf-8").split("\0")[:-1]


@settings(max_examples=25, deadline=None)
@given(words)
def test_two_shells_give_back_what_one_was_quoted_for(
    tmp_path_factory: pytest.TempPathFactory, argv: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("jump")

    inner = read_by_the_jump_node(nested_command("desktop", shlex.join(argv)), folder)

    assert inner[-3:-1] == ["--", "desktop"]
    assert read_by_the_desktop(inner[-1]) == argv


def test_the_words_of_rsync_are_joined_as_ssh_would_and_run_nowhere(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    words = ["rsync", "--server", "--sender", ".", f"/home/a\\ b\\$\\(touch\\ {canary}\\)/"]

    *_, command = outer_argv("/etc/config", "bj-jump-node", "desktop", words)
    inner = read_by_the_jump_node(command, tmp_path)

    assert inner[-1] == " ".join(words)
    assert read_by_the_desktop(inner[-1])[-1] == f"/home/a b$(touch {canary})/"
    assert not canary.exists()


def test_neither_leg_gets_a_terminal() -> None:
    argv = outer_argv("/etc/config", "bj-jump-node", "desktop", ["true"])

    assert argv[:5] == ("ssh", "-F", "/etc/config", "-T", "bj-jump-node")
    assert argv[5].startswith("exec ssh -T ")


def test_called_wrongly_it_says_how() -> None:
    with pytest.raises(SystemExit, match="CONFIG JUMP ALIAS HOST WORD"):
        main(["config", "jump"])


def test_the_relays_forced_command_is_one_word_for_the_jump_nodes_shell(tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nfor word do printf '%s\\n' \"$word\"; done\n")
    ssh.chmod(0o755)
    asked = "bj1 probe; $(touch PWN) `x` '\"\\ -oProxyCommand=x"

    done = subprocess.run(
        ["/bin/sh", "-c", relay_command("den")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "SSH_ORIGINAL_COMMAND": asked},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-3:] == ["--", "den", asked]


def test_the_line_of_a_relays_key_restricts_it_and_escapes_quotes_as_sshd_wants_them() -> None:
    options = relay_options("den")

    assert options.startswith('restrict,command="exec ssh -T ')
    assert options.endswith('-- den \\"$SSH_ORIGINAL_COMMAND\\""')
