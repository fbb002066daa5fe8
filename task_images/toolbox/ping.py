"""Pings as plain datagrams: what came back of a few hundred, in which order, and after how long."""

from __future__ import annotations

import select
import socket
import struct
import time
from dataclasses import dataclass

_ECHO, _ECHO_REPLY = 8, 0
_HEADER = struct.Struct("!BBHHH")  # type, code, checksum and id (both the kernel's), sequence


@dataclass(frozen=True)
class Reply:
    sequence: int
    seconds: float


@dataclass(frozen=True)
class Pinged:
    """`replies` in the order of their arrival; a sequence may be there twice."""

    sent: int
    replies: list[Reply]

    @property
    def lost(self) -> int:
        return self.sent - len({reply.sequence for reply in self.replies})

    @property
    def twice(self) -> int:
        return len(self.replies) - len({reply.sequence for reply in self.replies})

    @property
    def overtaken(self) -> int:
        """How many came after one that was sent later."""
        latest, count = -1, 0
        for reply in self.replies:
            count += reply.sequence < latest
            latest = max(latest, reply.sequence)
        return count

    @property
    def median_seconds(self) -> float:
        times = sorted(reply.seconds for reply in self.replies)
        return times[len(times) // 2] if times else 0.0


def ping(to: str, count: int, *, flows: int = 1, every: float = 0.002, patience: float = 0.3) -> Pinged:
    """One that may not be sent counts as lost. Raises PermissionError where pings are not for everybody."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) for _ in range(flows)]
    sent_at: list[float] = []
    replies: list[Reply] = []
    try:
        for number in range(count):
            sent_at.append(time.monotonic())
            try:
                sockets[number % flows].sendto(_HEADER.pack(_ECHO, 0, 0, 0, number), (to, 0))
            except OSError:
                continue  # a rule or a queue of ours, or no way there
            _receive(sockets, sent_at, replies, until=sent_at[-1] + every)
        deadline = time.monotonic() + patience
        while len(replies) < count and time.monotonic() < deadline:
            _receive(sockets, sent_at, replies, until=deadline)
        return Pinged(count, replies)
    finally:
        for sock in sockets:
            sock.close()


def _receive(sockets: list[socket.socket], sent_at: list[float], replies: list[Reply], *, until: float) -> None:
    """Whatever arrives until then."""
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select(sockets, [], [], left)
        if not ready:
            return
        for sock in ready:
            packet = sock.recv(256)
            kind, _, _, _, sequence = _HEADER.unpack(packet[: _HEADER.size])
            if kind == _ECHO_REPLY and sequence < len(sent_at):
                replies.append(Reply(sequence, time.monotonic() - sent_at[sequence]))
        if len(replies) >= len(sent_at):
            time.sleep(max(0.0, min(until - time.monotonic(), 0.002)))
            return
