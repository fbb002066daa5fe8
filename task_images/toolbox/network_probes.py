"""What the network probes measure, each in one function that answers a code and a sentence."""

from __future__ import annotations

import argparse
import errno
import ipaddress
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from answers import ADDRESS, DEVICE, GATEWAY, SHOWS, UNHARMED, UNKNOWN, Answer, bits, ms, shows, stopped_packets
from ping import Pinged, ping

ANSWER_SECONDS = 1.0  # what answers at all here answers within milliseconds
DISCARD_PORT = 9  # where hardly anybody listens: being refused is an answer too, and disturbs nobody
PROBE_MARK = 0xCE01  # whoever carries it is taken to the proxy, although it asks for the container itself
_SO_MARK = 36
_DATAGRAM = bytes(1372)
_HEADERS = 42  # of UDP, IP and Ethernet: the interface counts them too
_RATE_SECONDS = 0.5


def port(given: argparse.Namespace) -> Answer:
    """Silence is the effect when rules of this fault have dropped what was sent."""
    to = ADDRESS if given.direction == "ingress" else GATEWAY
    what = f"{given.protocol.upper()} port {given.port}" + ("" if to == ADDRESS else f" of {to}")
    before = stopped_packets()
    outcome, seconds = _asked(given.protocol, to, given.port)
    is_stopped = stopped_packets() > before
    if is_stopped and outcome == "silent":
        return SHOWS, f"{what} does not answer within {ANSWER_SECONDS:g} s"
    if is_stopped and outcome == "forbidden":  # dropped where it leaves: UDP's senders are told
        return SHOWS, f"what is sent to {what} does not leave, and its sender is told so"
    if outcome in ("answers", "refuses"):
        return UNHARMED, f"{what} {outcome} within {ms(seconds)}"
    if given.protocol == "udp" or given.direction == "egress":
        return UNHARMED, f"what is sent to {what} is not held back here"
    return UNKNOWN, f"{what} does not answer, but not for anything that this fault has put in place"


def refusal(given: argparse.Namespace) -> Answer:
    """Being refused is the effect when a rule of this fault did it."""
    before = stopped_packets()
    outcome, seconds = _asked("tcp", ADDRESS, given.port)
    if outcome == "refuses" and stopped_packets() > before:
        return SHOWS, f"TCP port {given.port} refuses at once, within {ms(seconds)}"
    if outcome == "answers":
        return UNHARMED, f"TCP port {given.port} answers within {ms(seconds)}"
    if outcome == "refuses":
        return UNKNOWN, f"nothing listens on TCP port {given.port}, so it refuses by itself"
    return UNKNOWN, f"TCP port {given.port} does not answer"


def latency(given: argparse.Namespace) -> Answer:
    """How long a refusal takes to come back, from the gateway or through the proxy from the container itself."""
    longest = 2 * (given.delay + given.jitter) / 1000 + ANSWER_SECONDS
    for to, mark in _delayed(given.sources):
        times = _times(to, mark, longest, given)
        if all(times):
            # Of three the middle one; where only some connections are hit, the one that is.
            typical = sorted(times)[1] if given.flows == 100 else max(times)
            return _late(to, typical, ways=2, given=given)
    return UNKNOWN, "nothing answers a connection here"


def _times(to: str, mark: int, longest: float, given: argparse.Namespace) -> list[float]:
    """Of three connections; where only some are hit, of so many that one of them must be, until one is."""
    if given.flows == 100:
        return [_refused_after(to, mark, longest) for _ in range(3)]
    times: list[float] = []
    while len(times) < 500 / given.flows and (not times or 0 < times[-1] < _least(2, given)):
        times.append(_refused_after(to, mark, longest))
    return times


def round_trip(given: argparse.Namespace) -> Answer:
    """The same with pings, for a delay in one direction."""
    to = GATEWAY
    pinged = ping(to, 5, every=0.02, patience=(given.delay + given.jitter) / 1000 + ANSWER_SECONDS)
    if not pinged.replies:
        return UNKNOWN, f"{to} does not answer pings"
    return _late(to, pinged.median_seconds, ways=1, given=given)


def _late(to: str, seconds: float, *, ways: int, given: argparse.Namespace) -> Answer:
    whom = "the container itself" if to == ADDRESS else to
    says = f"{whom} answers a connection after {ms(seconds)}"
    return shows(says) if seconds >= _least(ways, given) else (UNHARMED, says)


def _least(ways: int, given: argparse.Namespace) -> float:
    """Seconds from which on an answer counts as late."""
    return float(ways * (0.8 * given.delay - min(given.jitter, given.delay / 2)) / 1000)


def loss(given: argparse.Namespace) -> Answer:
    """Pings lost; of as many flows as it takes when only some are hit."""
    to = next(_pingable(given.sources), "")
    if not to:
        return UNKNOWN, f"none of {given.sources} is one address that could be pinged"
    share = given.percent * given.flows / 10_000
    count = min(1000, max(200, round(15 / share)))
    pinged = ping(to, count, flows=1 if given.flows == 100 else 50)
    if given.percent < 100 and not pinged.replies:
        return UNKNOWN, f"{to} answers none of {count} pings"
    says = f"{pinged.lost} of {count} pings to {to} were lost ({100 * pinged.lost / count:.1f} %)"
    is_lossy = pinged.lost >= max(2, 0.4 * share * count)
    return shows(says) if is_lossy else (UNHARMED, says)


def damage(given: argparse.Namespace) -> Answer:
    """Pings lost for their checksum, answered twice, or overtaken."""
    pinged = ping(GATEWAY, 400)
    if not pinged.replies:
        return UNKNOWN, f"{GATEWAY} answers none of 400 pings"
    count, word = _damaged(pinged, given.kind)
    says = f"{count} of 400 pings to {GATEWAY} were {word}"
    return shows(says) if count >= max(2, 0.4 * 4 * given.percent) else (UNHARMED, says)


def _damaged(pinged: Pinged, kind: str) -> tuple[int, str]:
    return {
        "corrupt": (pinged.lost, "unreadable and so lost"),
        "duplicate": (pinged.twice, "answered twice"),
        "reorder": (pinged.overtaken, "overtaken by a later one"),
    }[kind]


def rate(given: argparse.Namespace) -> Answer:
    """What leaves the interface in half a second in which it is tried to send twice as much as the limit allows."""
    counter = Path(f"/sys/class/net/{DEVICE}/statistics/tx_bytes")
    before, began = int(counter.read_text()), time.monotonic()
    could_try = _sent_at(2 * given.bits, _RATE_SECONDS)
    seen = (int(counter.read_text()) - before) * 8 / (time.monotonic() - began)
    says = f"of {bits(2 * given.bits)} that it tries to send {bits(seen)} leave the container"
    if seen >= 1.5 * given.bits:
        return UNHARMED, says
    if not could_try:
        return UNKNOWN, f"this machine is too slow to send {bits(2 * given.bits)}"
    return shows(says)


def _sent_at(bits_per_second: int, seconds: float) -> bool:
    """Sends datagrams to the gateway; whether so many could be, or more could not since they are held back."""
    sent, is_held_back, began = 0, False, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        while (passed := time.monotonic() - began) < seconds:
            if sent > bits_per_second * passed:
                time.sleep(0.001)
                continue
            try:
                sock.sendto(_DATAGRAM, (GATEWAY, DISCARD_PORT))
                sent += 8 * (len(_DATAGRAM) + _HEADERS)
            except BlockingIOError:  # the queue is full, and the socket's buffer
                is_held_back = True
                time.sleep(0.001)
    return is_held_back or sent >= 0.9 * bits_per_second * seconds


def peers(given: argparse.Namespace) -> Answer:
    """The effect: none of them answers, and the gateway does."""
    answering = [peer for peer in given.addresses if ping(peer, 3, every=0.01).replies]
    if answering:
        return UNHARMED, f"{len(answering)} of {len(given.addresses)} answer pings: {', '.join(answering)}"
    if not ping(GATEWAY, 3, every=0.01).replies:
        return UNKNOWN, f"not even the gateway {GATEWAY} answers pings"
    return shows(f"no ping is answered by {', '.join(given.addresses)}, while the gateway {GATEWAY} answers")


def dns(given: argparse.Namespace) -> Answer:
    """Asks the first name server for the name of the container's own address; any answer will do."""
    lines = [line.split() for line in Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines()]
    server = next((words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"), "127.0.0.1")
    outcome, seconds = _asked("udp", server, 53, _question(ADDRESS))
    if outcome == "answers":
        return UNHARMED, f"the name server {server} answers within {ms(seconds)}"
    if given.mode == "drop" and outcome == "silent":
        return shows(f"the name server {server} says nothing within {ANSWER_SECONDS:g} s")
    if given.mode == "refuse" and outcome in ("refuses", "forbidden"):  # forbidden: on its way to another machine
        return shows(f"a question to the name server {server} is refused within {ms(seconds)}")
    return UNKNOWN, f"the name server {server} {outcome}"


def _question(address: str) -> bytes:
    name = ".".join([*reversed(address.split(".")), "in-addr", "arpa"])
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 0xCE, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 12, 1)


def _asked(protocol: str, to: str, number: int, question: bytes = b"") -> tuple[str, float]:
    """What becomes of a connection, or of a datagram: answers, refuses, silent, forbidden; and after how long."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    began = time.monotonic()
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(ANSWER_SECONDS)
        try:
            sock.connect((to, number))
            if protocol == "udp":
                sock.send(question)
                sock.recv(512)
            outcome = "answers"
        except ConnectionRefusedError:
            outcome = "refuses"
        except TimeoutError:
            outcome = "silent"
        except OSError as error:
            outcome = "forbidden" if error.errno == errno.EPERM else f"cannot be reached: {error.strerror}"
    return outcome, time.monotonic() - began


def _refused_after(to: str, mark: int, longest: float) -> float:
    """Seconds until the refusal is back; 0 when there is none. A proxy takes the connection first, and then resets."""
    began = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(longest)
        if mark:
            sock.setsockopt(socket.SOL_SOCKET, _SO_MARK, mark)
        try:
            sock.connect((to, DISCARD_PORT))
            sock.recv(1)
        except (ConnectionRefusedError, ConnectionResetError):
            return time.monotonic() - began
        except OSError:
            return 0.0
    return 0.0


def _delayed(sources: str) -> Iterator[tuple[str, int]]:
    if _matches(GATEWAY, sources):
        yield GATEWAY, 0
    yield ADDRESS, PROBE_MARK


def _pingable(sources: str) -> Iterator[str]:
    if _matches(GATEWAY, sources):
        yield GATEWAY
    if sources != "ALL":
        yield from (
            source.removesuffix("/32") for source in sources.split(",") if "/" not in source.removesuffix("/32")
        )


def _matches(address: str, sources: str) -> bool:
    if sources == "ALL" or not address:
        return bool(address)
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(one, strict=False) for one in sources.split(","))
