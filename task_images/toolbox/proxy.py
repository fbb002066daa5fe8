"""Makes TCP slow where the kernel cannot: a proxy beside the victim, to which its connections are redirected.

It asks the kernel where each was meant to go, connects there with a mark that keeps it from being redirected again, and
hands everything on late, in both directions: the opening, the bytes, the end. Never here: the rules that redirect
(they are the fault's recipe). On SIGTERM it goes on without
delay; on a second one it takes no new connections, and ends with the last.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path

_SO_ORIGINAL_DST = 80
_SO_MARK = 36
_CHUNK = 64 * 1024
_MOST_UNDERWAY = 4 * 1024 * 1024  # bytes in one direction of one connection; 200 ms of 20 MB a second
_CONNECT_SECONDS = 130.0  # as long as the kernel would try


class Delay:
    """How long the next piece takes, in either direction of a connection; each has jitter of its own."""

    def __init__(self, seconds: float, jitter: float, flows_percent: int) -> None:
        self._seconds, self._jitter, self._flows_percent = seconds, jitter, flows_percent
        self.over = asyncio.Event()

    def of_a_connection(self) -> Callable[[], float]:
        if random.random() * 100 >= self._flows_percent:
            return lambda: 0.0
        return self._next

    def _next(self) -> float:
        return 0.0 if self.over.is_set() else max(0.0, self._seconds + random.uniform(-self._jitter, self._jitter))


class Lane:
    """One direction of a connection: what goes in comes out later, in order."""

    def __init__(self, delay: Callable[[], float], over: asyncio.Event) -> None:
        self._delay, self._over = delay, over
        self._latest = 0.0
        self._waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._underway = 0
        self._room = asyncio.Event()

    def due(self) -> float:
        """When what comes in now goes out: never before what came in earlier."""
        self._latest = max(self._latest, asyncio.get_running_loop().time() + self._delay())
        return self._latest

    async def wait_until(self, due: float) -> None:
        """Or until all delays are over."""
        left = due - asyncio.get_running_loop().time()
        if left > 0 and not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), left)

    async def opened(self) -> None:
        """Waits until the opening comes out, which goes in first."""
        due, _ = await self._waiting.get()
        await self.wait_until(due)

    async def fill(self, reader: asyncio.StreamReader, *, opening: bool = False) -> None:
        """Until the end, which goes in as an empty piece."""
        if opening:
            self._waiting.put_nowait((self.due(), b""))
        piece = b"-"
        while piece:
            piece = await reader.read(_CHUNK)
            self._underway += len(piece)
            self._waiting.put_nowait((self.due(), piece))
            while self._underway > _MOST_UNDERWAY:
                self._room.clear()
                await self._room.wait()

    async def empty(self, writer: asyncio.StreamWriter) -> None:
        while True:
            due, piece = await self._waiting.get()
            await self.wait_until(due)
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()
            self._underway -= len(piece)
            self._room.set()


class Proxy:
    def __init__(self, delay: Delay, mark: int) -> None:
        self._delay, self._mark = delay, mark
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its opening to its end or its breaking."""
        delay = self._delay.of_a_connection()
        to, back = Lane(delay, self._delay.over), Lane(delay, self._delay.over)
        ends = [writer]
        self._open[writer] = None
        try:
            await _all_or_none(to.fill(reader, opening=True), self._carry(to, back, ends))
        except (OSError, TimeoutError):
            await back.wait_until(back.due())
            for end in ends:
                _reset(end)
        finally:
            del self._open[writer]
            for end in ends:
                end.close()

    async def _carry(self, to: Lane, back: Lane, ends: list[asyncio.StreamWriter]) -> None:
        await to.opened()
        reader, writer = await self._connect(_meant_for(ends[0]))
        ends.append(writer)
        await _all_or_none(to.empty(writer), back.fill(reader), back.empty(ends[0]))

    async def until_idle(self) -> None:
        while self._open:
            await asyncio.sleep(0.02)

    async def _connect(self, address: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, _SO_MARK, self._mark)
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(sock, address), _CONNECT_SECONDS)
        except BaseException:
            sock.close()
            raise
        return await asyncio.open_connection(sock=sock)


async def _all_or_none(*works: object) -> None:
    """Runs them side by side; when one fails the others end, and it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[arg-type]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _meant_for(writer: asyncio.StreamWriter) -> tuple[str, int]:
    """Where the connection was to go. Raises ConnectionError for one that was meant for this very port."""
    sock = writer.get_extra_info("socket")
    _, port, address = struct.unpack("!HH4s8x", sock.getsockopt(socket.SOL_IP, _SO_ORIGINAL_DST, 16))
    if port == sock.getsockname()[1]:
        raise ConnectionRefusedError
    return socket.inet_ntoa(address), port


def _reset(writer: asyncio.StreamWriter) -> None:
    """So that the other side is told of a break, and not of an end."""
    with contextlib.suppress(OSError):
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def run(given: argparse.Namespace) -> None:
    delay = Delay(given.delay / 1000, given.jitter / 1000, given.flows)
    proxy = Proxy(delay, int(given.mark, 0))
    server = await asyncio.start_server(proxy.serve, "0.0.0.0", 0, backlog=512)  # noqa: S104 - in the victim's network
    told = asyncio.Queue[None]()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.put_nowait, None)
    note = Path(given.port_file)
    note.with_suffix(".new").write_text(str(server.sockets[0].getsockname()[1]))
    note.with_suffix(".new").replace(note)  # whoever sees it sees it whole
    await told.get()
    delay.over.set()
    await told.get()
    server.close()
    await proxy.until_idle()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="proxy.py")
    parser.add_argument("delay", type=float, help="milliseconds")
    parser.add_argument("jitter", type=float, help="milliseconds")
    parser.add_argument("--flows", type=int, default=100, help="percent of connections that are slow")
    parser.add_argument("--mark", required=True, help="what its own connections carry")
    parser.add_argument("--port-file", required=True, help="where it writes which port it took")
    asyncio.run(run(parser.parse_args()))
