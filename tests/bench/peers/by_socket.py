"""What borg and restic have in common here: they run on the Desktop, and reach their repository on the Server through a
socket that the Server brings along, so that the Desktop needs no way to the Server.

Source: borg's documentation, "Backing up in pull mode", "Socat".
"""

from __future__ import annotations

from bench.hosts.host import Hosts


def with_socket(hosts: Hosts, name: str, *, way: str, service: str, on_desktop: str) -> str:
    """Return a line for the Server that offers `service` at a socket of the Desktop while it runs a command there.

    `on_desktop` says {socket} where the socket's name is to stand; it must have no single quote.
    """
    here, there = f"{hosts.sockets}/{name}-server.sock", f"{hosts.sockets}/{name}-desktop.sock"
    remote = f"{on_desktop.format(socket=there)}; s=$?; rm {there}; exit $s"
    return (
        f"socat UNIX-LISTEN:{here},unlink-early,fork EXEC:'{service}' & "
        f"{hosts.ssh} -R {there}:{here} {way} '{remote}'; s=$?; kill $!; exit $s"
    )
