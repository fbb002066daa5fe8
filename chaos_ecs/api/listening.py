"""The sockets that the server listens on. Never here: what comes in by them."""

from __future__ import annotations

import socket
import sys

from chaos_ecs.errors import ChaosEcsError

ADDRESS = "127.0.0.1"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 (where somebody has asked for it: to look, or with signatures)
PORTS_TRIED = 50


def own_address() -> str:
    """The one of this machine by which others are likely to reach it; its own where there is no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: it tells which address would be used (RFC 5737)
            return str(probe.getsockname()[0])
        except OSError:
            return ADDRESS


def bind(port: int, address: str = ADDRESS, *, before: int = 0) -> socket.socket:
    """A listening socket at this address, on this port or the next free one; port 0 is any. One of these that the
    controller `before` had comes first. Raises ChaosEcsError."""
    last = min(port + PORTS_TRIED, 65535) if port else 0
    candidates = range(port, last + 1)
    for candidate in (*(one for one in (before,) if one in candidates), *candidates):
        # The protocol is named because asyncio switches Nagle's delay off only where it reads TCP: 40 ms an answer.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform == "win32":  # where SO_REUSEADDR would let another program share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, candidate))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        listener.setblocking(False)
        return listener
    raise ChaosEcsError(
        "E-PORT-TAKEN",
        f"Cannot listen on {address}",
        f"the ports {port} to {last} are all taken",
        "Set CHAOS_ECS_PORT to a free port, then try again",
    )


def bind_afar(port: int, address: str) -> socket.socket:
    """A listening socket at an address that others reach, on this port or the next free one. Raises ChaosEcsError."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            why, hint = (
                error.strerror or str(error),
                f"Take {own_address()}, or {EVERY_ADDRESS} for every address there is",
            )
            raise ChaosEcsError("E-LISTEN", f"Cannot listen on {address}", why, hint) from error
    return bind(port, address)
