"""A slow and long line for the Desktop: two tunnel interfaces, and a program between them that delays and paces.

    with between(desktop, jump_node):
        ...

For kernels without netem. Each direction has its own queue: a packet leaves it when those before it have left at the
rate of the line, and arrives when the delay is over; one that finds the queue full is dropped, as a router does it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lab.machines import DESKTOP_ADDRESS, JUMP_ADDRESS, Machine

NAME = "wan0"
DELAY_SECONDS = 0.020  # each way
BITS_PER_SECOND = 100_000_000
QUEUE_BYTES = 1_000_000  # 80 ms at that rate: what home routers have, or more
ROUND_TRIP_MS = round(2000 * DELAY_SECONDS)

# argv: two files of network namespaces. Prints a line when both interfaces are there; ends with its standard input.
_PROGRAM = f"""
import collections, ctypes, fcntl, os, select, struct, sys, time
TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
ends = []
for namespace in sys.argv[1:]:
    with open(namespace) as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), namespace)
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"{NAME}", IFF_TUN | IFF_NO_PI))
    ends.append(fd)
print("up", flush=True)
there = dict(zip(ends, reversed(ends)))
queues = {{fd: collections.deque() for fd in ends}}
free_at = dict.fromkeys(ends, 0.0)
dropped = 0
while True:
    due = [queue[0][0] for queue in queues.values() if queue]
    wait = max(min(due) - time.monotonic(), 0) if due else None
    ready = select.select([0, *ends], [], [], wait)[0]
    if 0 in ready:
        break
    now = time.monotonic()
    for fd in ready:
        for _ in range(64):
            try:
                packet = os.read(fd, 65536)
            except BlockingIOError:
                break
            leaves = max(free_at[fd], now) + len(packet) * 8 / {BITS_PER_SECOND}
            if (leaves - now) * {BITS_PER_SECOND} / 8 > {QUEUE_BYTES}:
                dropped += 1
                continue
            free_at[fd] = leaves
            queues[fd].append((leaves + {DELAY_SECONDS}, packet))
    now = time.monotonic()
    for fd, queue in queues.items():
        while queue and queue[0][0] <= now:
            try:
                os.write(there[fd], queue.popleft()[1])
            except OSError:
                pass # its interface is not up, or full
"""


@contextmanager
def between(desktop: Machine, jump: Machine) -> Iterator[None]:
    """Lead what goes between the two machines over the slow line for as long as the block lasts.

    Connections that stand go on: the addresses stay.
    """
    namespaces = [f"/proc/{machine.pid}/ns/net" for machine in (desktop, jump)]
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *namespaces], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as line:
        try:
            assert line.stdout is not None
            assert line.stdout.readline() == "up\n", "the slow line did not start"
            for machine in (desktop, jump):
                machine.must(f"ip link set {NAME} mtu 1500 txqueuelen 1000 up")
            lead(desktop, f"{JUMP_ADDRESS}/32 dev {NAME} src {DESKTOP_ADDRESS}")
            lead(jump, f"{DESKTOP_ADDRESS}/32 dev {NAME} src {JUMP_ADDRESS}")
            yield
        finally:
            lead(desktop, f"{JUMP_ADDRESS}/32 dev eth0")
            lead(jump, f"{DESKTOP_ADDRESS}/32 dev desktop")
            line.kill()


def lead(machine: Machine, route: str) -> None:
    """Have a machine take a route, with TCP as Debian's is."""
    machine.must(f"ip route replace {route} congctl lock cubic")
