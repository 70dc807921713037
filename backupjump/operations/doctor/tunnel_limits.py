"""What a thief of the tunnel key gets on the JumpNode beyond the Desktop's own port: each thing is tried.

Python 3.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from backupjump import process
from backupjump.errors import ProgramMissing
from backupjump.escape import shown
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, Finding
from backupjump.operations.doctor.trespass import Forwards, Session, try_command, try_sftp
from backupjump.operations.doctor.tunnel_key import TunnelKey
from backupjump.ssh.tunnel_verdicts import Forward

_SECONDS = 25.0
# Nobody can make a socket there: where sshd grants one, none is left behind on the JumpNode.
_NO_SOCKET = "/nonexistent/backupjump-doctor"
# Sockets that every account of a machine with systemd may use.
_SOCKETS = ("/run/systemd/journal/stdout", "/run/dbus/system_bus_socket")


def foreign_ends(port: int) -> tuple[str, ...]:
    """Return what the key must not listen on: another port, any port, our own one for all the world, a socket."""
    other = port + 1 if port < 65535 else port - 1
    return (f"127.0.0.1:{other}", "127.0.0.1:0", f"*:{port}", f"0.0.0.0:{port}", _NO_SOCKET)


def reach_of(forward: Forward) -> tuple[str, ...]:
    """Return what the key must not connect to: the JumpNode's own sshd, and its sockets."""
    return (f"127.0.0.1:{forward.jump.port}", *_SOCKETS)


def judge_listening(tried: Forwards, key: TunnelKey) -> Finding:
    """Return whether the key may listen on anything but its own port of loopback."""
    asked, there = foreign_ends(key.forward.port), key.jump_node
    answers = answers_to(tried.said)[: len(asked)]
    if len(answers) < len(asked):
        return Finding(
            "tunnel.other-ports", SKIP, f"{there}: {len(asked) - len(answers)} of {len(asked)} questions had no answer"
        )
    # sshd looks first whether the key may: a port that is merely taken was granted.
    granted = [to for to, answer in zip(asked, answers) if answer != "refused"]  # noqa: B905 (3.9)
    if not granted:
        return Finding(
            "tunnel.other-ports",
            OK,
            f"{there}: may listen on nothing else ({', '.join(asked[:4])} or a socket: refused)",
        )
    why = f"{there}: a thief of this key may listen on {', '.join(granted)} too"
    fix = key.set_sshd("AllowStreamLocalForwarding no") if granted == [_NO_SOCKET] else key.narrow()
    return Finding("tunnel.other-ports", FAIL, why, fix)


def answers_to(said: str) -> tuple[str, ...]:
    """Return for each forward asked for `granted`, `taken` (it may, but somebody is there) or `refused`, in order.

    sshd says so in a debug message before it answers no.  Source: OpenSSH serverloop.c, channels.c; seen.
    """
    answers, may = [], True
    for line in said.splitlines():
        if line.startswith(("debug1: Remote: Server has disabled", "debug1: Remote: port forwarding refused")):
            may = False
        elif line.startswith("debug1: remote forward "):
            success = line.startswith("debug1: remote forward success")
            answers.append("granted" if success else "taken" if may else "refused")
            may = True
    return tuple(answers)


def judge_reaching(tried: Forwards, key: TunnelKey) -> Finding:
    """Return whether the key may connect to anything from the JumpNode."""
    granted, asked = [way.to for way in tried.reached if way.granted], len(reach_of(key.forward))
    if not granted and len(tried.reached) < asked:
        why = f"{key.jump_node}: {asked - len(tried.reached)} of {asked} questions had no answer"
        return Finding("tunnel.other-ways", SKIP, why)
    if not granted:
        return Finding(
            "tunnel.other-ways", OK, f"{key.jump_node}: leads nowhere from there (its sshd, its sockets: refused)"
        )
    why = f"{key.jump_node}: a thief of this key may connect to {', '.join(granted)} from there, and so to more"
    fix = key.set_sshd("AllowStreamLocalForwarding no") if set(granted) <= set(_SOCKETS) else key.narrow()
    return Finding("tunnel.other-ways", FAIL, why, fix)


def check_session(config: Path, key: TunnelKey) -> Iterator[Finding]:
    """Ask for a command, and for files by sftp."""
    alias = key.forward.jump.alias
    try:
        session = try_command(config, alias, seconds=_SECONDS)
    except (process.TimedOut, ProgramMissing) as error:
        yield Finding("tunnel.no-session", SKIP, f"{key.jump_node} did not answer: {shown(str(error), limit=200)}")
    else:
        yield judge_session(session, key)
    yield judge_files(try_sftp(config, alias, seconds=_SECONDS), key)


def judge_files(offered: bool | None, key: TunnelKey) -> Finding:  # noqa: FBT001 (three answers: None is unknown)
    """Return whether the key gets files by sftp."""
    if offered is None:
        return Finding("tunnel.no-files", SKIP, f"{key.jump_node} did not answer")
    if offered:
        why = f"{key.jump_node}: a thief of this key gets its files by sftp"
        return Finding("tunnel.no-files", FAIL, why, key.narrow())
    return Finding("tunnel.no-files", OK, f"{key.jump_node}: no files by sftp")


def judge_session(session: Session, key: TunnelKey) -> Finding:
    """Return whether the key gets a command run, or a terminal."""
    if session.ran or session.terminal:
        what = "shell" if session.ran else "terminal"
        return Finding(
            "tunnel.no-session", FAIL, f"{key.jump_node}: a thief of this key gets a {what} there", key.narrow()
        )
    if not session.logged_in:
        return Finding("tunnel.no-session", SKIP, f"{key.jump_node} did not let us in a second time, so none was tried")
    return Finding("tunnel.no-session", OK, f"{key.jump_node}: no shell, no command, no terminal")
