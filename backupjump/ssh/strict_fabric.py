"""Fabric with everything off that trusts, guesses or waits for ever: the only home of fabric and paramiko.

Left alone, Fabric accepts any host key, runs ~/.fabric.py, obeys `Match exec` in ~/.ssh/config, keeps all
output in memory and gives a command for ever. Imported late, and only by control.py: it takes 0.3 s.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import fabric
import invoke.exceptions
import paramiko
from fabric.runners import Remote
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import IncompatiblePeer

from backupjump.errors import BackupjumpError, ConfigError, DesktopUnfit, LinkLost
from backupjump.escape import shown
from backupjump.process import Completed
from backupjump.ssh.answers import answer_seconds
from backupjump.ssh.hop_errors import host_key_refused, key_refused, machine, session_refused
from backupjump.ssh.keys import fingerprint
from backupjump.ssh.metered import Metered, flood
from backupjump.ssh.stream import Stream

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from backupjump.ssh.client_config import Hop
    from backupjump.ssh.route import Route

OUTPUT_LIMIT_BYTES = 65536
_LOGIN_BYTES = 1 << 18
# What one command may bring: twice the window that the far end may fill before anything of it is looked at.
_COMMAND_BYTES = 1 << 22
_KEEPALIVE_SECONDS = 15
# Source: RFC 4254, 5.1, SSH_OPEN_ADMINISTRATIVELY_PROHIBITED.
_PROHIBITED = 1
_DISABLED = {
    "ciphers": ["aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"],
    "macs": ["hmac-sha1", "hmac-md5", "hmac-sha1-96", "hmac-md5-96"],
}
_BROKEN = (paramiko.SSHException, EOFError, OSError)
_SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}

# paramiko logs the traceback of every failed login, and without a handler Python prints it on our stderr.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class PinnedKeys(paramiko.MissingHostKeyPolicy):
    """Admit a machine only if it shows one of the keys pinned for it; else raise HostKeyRefused.

    paramiko's own list knows one key a type and machine, so that a spare one would be refused. It stays
    empty, and then every key comes here.
    """

    def __init__(self, route: Route, hop: Hop) -> None:
        self._route = route
        self._hop = hop

    def missing_host_key(self, _client: paramiko.SSHClient, _hostname: str, key: paramiko.PKey) -> None:
        """Return if `key` is pinned, raise if not."""
        offered = f"{key.get_name()} {key.get_base64()}"
        if offered not in self._hop.host_keys:
            raise host_key_refused(self._route, self._hop, fingerprint(offered))


class BoundedRemote(Remote):  # type: ignore[misc]
    """Fabric's runner, which ends a command that says too much or takes too long."""

    read_chunk_size = 16384

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.out = bytearray()
        self.err = bytearray()
        self.expired = False

    def start(self, command: str, shell: str, env: dict[str, str], timeout: float | None = None) -> None:
        """Begin the command; its time begins here too, since a silent sshd would hold us before the command runs."""
        super().start_timer(self.opts["timeout"])
        super().start(command, shell, env, timeout)

    def start_timer(self, timeout: float | None) -> None:
        """Do nothing: `start` has started it."""

    @property
    def timed_out(self) -> bool:
        """Whether the command's time was over before it ended."""
        return self.expired

    def kill(self) -> None:
        """End the command, or the whole connection if it has not even begun."""
        self.expired = True
        channel = getattr(self, "channel", None)
        (channel or self.context.transport).close()

    def wait(self) -> None:
        """Wait for the command; when interrupted end it, or the threads that read from it would go on."""
        try:
            super().wait()
        except BaseException:
            self.channel.close()
            raise

    def read_proc_stdout(self, num_bytes: int) -> bytes:
        """Return the next bytes, empty at the end; raise `Flood` past the limit."""
        return self._kept(self.out, super().read_proc_stdout(num_bytes))

    def read_proc_stderr(self, num_bytes: int) -> bytes:
        """Return the next bytes, empty at the end; raise `Flood` past the limit."""
        return self._kept(self.err, super().read_proc_stderr(num_bytes))

    def _kept(self, all_of_it: bytearray, chunk: bytes) -> bytes:
        if len(all_of_it) + len(chunk) > OUTPUT_LIMIT_BYTES:
            self.channel.close()
            raise Flood
        all_of_it += chunk
        return chunk

    def generate_result(self, **kwargs: Any) -> fabric.Result:
        """Return Fabric's result, with the bytes as they came as `out` and `err`."""
        result = super().generate_result(**kwargs)
        result.out, result.err = bytes(self.out), bytes(self.err)
        return result


class Flood(Exception):
    """A command printed more than anything we ask for should."""


class StrictConnection(fabric.Connection):  # type: ignore[misc]
    """A Fabric connection over a socket of ours to one hop of a route, which shows a pinned key or is refused."""

    def __init__(self, route: Route, hop: Hop, sock: socket.socket, *, seconds: float) -> None:
        config = fabric.Config(
            lazy=True, ssh_config=paramiko.SSHConfig(), overrides={"runners": {"remote": BoundedRemote}}
        )
        metered = Metered(sock, _LOGIN_BYTES)
        super().__init__(
            hop.alias,
            user=hop.user,
            port=22,
            config=config,
            gateway=False,
            forward_agent=False,
            connect_kwargs={
                "sock": metered,
                "pkey": _load_key(hop),
                "allow_agent": False,
                "look_for_keys": False,
                "banner_timeout": seconds,
                "auth_timeout": seconds,
                "channel_timeout": seconds,
                "timeout": seconds,
                "disabled_algorithms": _DISABLED,
                "transport_factory": _transport_factory(hop),
            },
        )
        # An ordinary assignment would put a copy into Fabric's config.
        self._set(_route=route, _hop=hop, _metered=metered)
        self.client.set_missing_host_key_policy(PinnedKeys(route, hop))

    def log_in(self, why_lost: Callable[[], BackupjumpError]) -> None:
        """Log in; raise HostKeyRefused, KeyRefused, DesktopUnfit, or what `why_lost` makes of a stream that ended."""
        try:
            self.open()
        except paramiko.AuthenticationException as error:
            if not self.client.get_transport().is_active():
                raise self._flooded(_LOGIN_BYTES) or why_lost() from error
            raise key_refused(self._route, self._hop, shown(str(error))) from error
        except IncompatiblePeer as error:
            name = machine(self._route, self._hop)
            raise BackupjumpError(f"{name} offers no algorithm that is still safe: {shown(str(error))}") from error
        except _BROKEN as error:
            raise self._flooded(_LOGIN_BYTES) or why_lost() from error
        self.transport.set_keepalive(_KEEPALIVE_SECONDS)

    def completed(self, command: str, argv: Sequence[str], *, timeout: float) -> Completed:
        """Run `command`, a line for the shell over there, to its end; see control.Control.run for the errors."""
        started = time.monotonic()
        self._metered.allow(_COMMAND_BYTES)
        try:
            result = self.run(command, timeout=timeout, hide=True, warn=True, pty=False, in_stream=False)
        except invoke.exceptions.CommandTimedOut as error:
            raise self._too_late(timeout) from error
        except invoke.exceptions.ThreadException as error:
            if any(isinstance(each.value, Flood) for each in error.exceptions):
                limit = OUTPUT_LIMIT_BYTES // 1024
                raise DesktopUnfit(f"desktop {self._route.desktop} sent more than {limit} KiB; ended") from error
            raise self._link_lost("") from error
        except paramiko.ChannelException as error:
            raise session_refused(self._route, shown(error.text)) from error
        except _BROKEN as error:
            if time.monotonic() - started >= timeout:
                raise self._too_late(timeout) from error
            raise self._why_broken(shown(str(error))) from error
        if result.exited == -1 and not self.transport.is_active():
            raise self._why_broken("")
        return Completed(argv=tuple(argv), status=result.exited, stdout=result.out, stderr=result.err)

    def stream(self, command: str, argv: Sequence[str], *, idle_seconds: float, deadline: float) -> Stream:
        """Start `command`, a line for the shell over there; see control.Control.stream for the errors."""
        allow = partial(self._metered.allow, _COMMAND_BYTES)
        allow()
        try:
            channel = self.transport.open_session(timeout=idle_seconds)
        except paramiko.ChannelException as error:
            raise session_refused(self._route, shown(error.text)) from error
        except _BROKEN as error:
            raise self._why_broken(shown(str(error))) from error
        stream = Stream(
            channel,
            desktop=self._route.desktop,
            broken=_BROKEN,
            why_broken=self._why_broken,
            read_on=allow,
            idle_seconds=idle_seconds,
            deadline=deadline,
        )
        with ExitStack() as undo:
            undo.callback(stream.close)
            stream.start(command, argv)
            undo.pop_all()
        return stream

    def answer_seconds(self, *, behind_another: bool) -> float:
        """Return how long its sshd took for an answer, as answers.answer_seconds; LinkLost if the connection ends."""
        self._metered.allow(_COMMAND_BYTES)
        try:
            return answer_seconds(self.transport, behind_another=behind_another)
        except _BROKEN as error:
            raise self._link_lost(shown(str(error))) from error

    def channel_to(
        self, host: str, port: int, *, seconds: float, prohibited: Callable[[str], BackupjumpError]
    ) -> socket.socket | None:
        """Return a stream to `host`:`port` as seen from there; None if nobody takes the connection there.

        Raises what `prohibited` makes of sshd's words if our key may not go there, LinkLost without an answer.
        """
        self._metered.allow(_COMMAND_BYTES)
        try:
            # paramiko itself uses a channel like a socket.  Source: its documentation, Channel.
            opened: Any = self.transport.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=seconds)
        except paramiko.ChannelException as refused:
            if refused.code == _PROHIBITED:
                raise prohibited(shown(refused.text, limit=200)) from refused
            return None
        except _BROKEN as error:
            raise self._link_lost(shown(str(error))) from error
        channel: socket.socket = opened
        return channel

    def _why_broken(self, why: str) -> BackupjumpError:
        return self._flooded(_COMMAND_BYTES) or self._link_lost(why)

    def _link_lost(self, why: str) -> LinkLost:
        return LinkLost(f"the connection to {machine(self._route, self._hop)} broke: {why or 'it ended'}")

    def _flooded(self, allowed_bytes: int) -> DesktopUnfit | None:
        return flood(machine(self._route, self._hop), allowed_bytes) if self._metered.used_up else None

    def _too_late(self, timeout: float) -> LinkLost:
        return LinkLost(
            f"desktop {self._route.desktop} did not answer a command within {timeout:.3g} s",
            hint="is it asleep, or its disk stuck?",
        )


def _transport_factory(hop: Hop) -> Callable[..., paramiko.Transport]:
    """Return what makes a transport that asks for the pinned types of host key first, as OpenSSH does."""
    types = [key.split()[0] for key in hop.host_keys]
    pinned = [name for kind in types for name in _SIGNATURES.get(kind, (kind,))]

    def make(*args: Any, **kwargs: Any) -> paramiko.Transport:
        transport = paramiko.Transport(*args, **kwargs)
        options = transport.get_security_options()
        options.key_types = sorted(options.key_types, key=lambda name: name not in pinned)
        return transport

    return make


def _load_key(hop: Hop) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(hop.identity_file)
    except (paramiko.SSHException, UnknownKeyType, ValueError, TypeError, OSError) as error:
        raise ConfigError(
            f"{hop.identity_file} can't be used as a private key: {shown(str(error))}",
            hint=f"is it one, and without a passphrase? ssh-keygen -y -P '' -f '{hop.identity_file}'",
        ) from error
