"""Open the listening socket, and close it without resetting new connections.

Closing a listener resets every connection in the kernel's accept queue. So a socket filter first drops
segments that would open another one; the connections queued by then are accepted and answered, and the queue
is empty when the listener closes.

Requirements of the filter:

- Linux. The kernel shows a TCP socket's filter each segment from its TCP header on, before it looks at the
  segment's flags. The program is classic BPF (`struct sock_fprog`), which needs no privilege: not `bpf(2)`,
  no `CAP_NET_ADMIN`. The kernel copies it, so that it may be freed after the call.
- `setsockopt`, which the default seccomp profiles of container runtimes allow. A stricter profile, or a
  sandbox with a kernel of its own, may refuse `SO_ATTACH_FILTER`; then a client that connects at the moment
  of closing may be reset, as without the filter.
- No firewall rule: a dropped SYN is not answered, and the client's kernel sends it again after a second.
"""

import contextlib
import ctypes
import os
import socket
import struct
import sys

SO_ATTACH_FILTER = 26
"""Linux' number, which Python's socket module does not have (asm-generic/socket.h)."""
DROP_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # load the byte of the TCP header that holds the flags
    (0x54, 0, 0, 0x12),  # keep ACK and SYN
    (0x15, 0, 1, 0x02),  # SYN alone:
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # else pass
)
"""A classic BPF program (code, jump if true, jump if false, operand): drops what would open a connection."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket that children inherit."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener


def stop_accepting_connections(listener: int) -> None:
    """Stop a listening socket from accepting new connections, in all processes that share it.

    Open connections, and those that wait to be accepted, are not affected. A new client gets no response; its
    kernel retries a second later and is refused, because the listener has closed by then. On systems other
    than Linux this does nothing.

    Args:
        listener: The socket's file descriptor.
    """
    if sys.platform != "linux":
        return
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in DROP_NEW_CONNECTIONS)
    program = ctypes.create_string_buffer(instructions, len(instructions))
    described = struct.pack("HP", len(DROP_NEW_CONNECTIONS), ctypes.addressof(program))
    # The filter belongs to the socket, not to the descriptor: setting it on a duplicate is enough.
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(listener)) as twin:
        twin.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described)
