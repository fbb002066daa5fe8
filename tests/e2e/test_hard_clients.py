"""Clients that are slow, broken, many or ill-meant, over a real loopback socket. Needs no Docker.

Whatever one of them does, the others are served meanwhile.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest

from chaos_ecs.api.auth import LARGEST_BODY_BYTES
from chaos_ecs.api.connections import Limits
from tests.builders import eventually
from tests.e2e.simulated import CLUSTER, Running, served

MIB = 1024 * 1024
HURRIED = Limits(
    head_within_seconds=1,
    body_within_seconds=1,
    send_within_seconds=1,
    close_within_seconds=1,
    keep_alive_seconds=4,
    connections=40,
    discarded_bytes=3 * MIB,
)


@pytest.fixture
def hurried() -> Iterator[Running]:
    """A server that waits for nobody."""
    with served(HURRIED) as running:
        yield running


def raw(running: Running, *, receive_buffer: int = 0) -> socket.socket:
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", running.server.port))
    return connection


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has ended it, looked at without waiting."""
    connection.setblocking(False)
    try:
        return connection.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def is_served(running: Running) -> bool:
    return bool(running.ecs().list_clusters()["clusterArns"])


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",  # without a Host
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000,
        b"GET /" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 12_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),  # TLS
    ],
    ids=["nonsense", "no host", "two hosts", "two lengths", "length", "chunk", "header", "path", "headers", "tls"],
)
def test_what_is_no_http_is_refused_as_all_else_is(running: Running, said: bytes) -> None:
    with raw(running) as connection:
        connection.sendall(said)
        status, headers, body = answer(connection)
    assert (status, json.loads(body)["__type"]) == (400, "MalformedHttpRequestException")
    assert len(headers["x-amzn-requestid"]) == 36
    assert is_served(running)


@pytest.mark.parametrize("target", ["*", "http://evil.example/", "/a%0Ab", "/events/"])
def test_what_is_nowhere_is_refused_as_all_else_is(running: Running, target: str) -> None:
    with raw(running) as connection:
        connection.sendall(f"OPTIONS {target} HTTP/1.1\r\nHost: {running.host}\r\n\r\n".encode())
        status, headers, body = answer(connection)
    assert (status, json.loads(body)["__type"]) == (404, "ResourceNotFoundException")
    assert len(headers["x-amzn-requestid"]) == 36


def test_a_bug_is_an_answer_like_every_other(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    """Here: of the event stream, which cannot tell of what is no event."""
    running.controller.history.append(None)  # type: ignore[arg-type]
    response = running.get("/events", "follow=0")
    assert (response.status, json.loads(response.read())["__type"]) == (500, "ServerException")
    request_id = response.getheader("x-amzn-RequestId", "")
    assert len(request_id) == 36
    assert f"request {request_id} met a bug" in caplog.text
    assert is_served(running)


def test_a_head_that_never_ends_is_not_waited_for(hurried: Running) -> None:
    """A header now and then would keep the connection open for ever."""
    with raw(hurried) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n")

        def has_been_ended() -> bool:
            if is_closed(connection):
                return True
            connection.send(b"X: y\r\n")
            return False

        eventually(has_been_ended, within=60, every=0.3)
    assert is_served(hurried)


def test_a_body_that_never_ends_is_refused_with_aws_own_error(hurried: Running) -> None:
    with raw(hurried) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: {hurried.host}\r\nContent-Length: 9\r\n\r\nslow".encode())
        status, headers, body = answer(connection)
        assert (status, json.loads(body)["__type"]) == (408, "RequestTimeoutException")
        assert (headers["connection"], len(headers["x-amzn-requestid"])) == ("close", 36)
        eventually(lambda: is_closed(connection), within=60)


@pytest.mark.parametrize("how", ["announced", "chunked"])
def test_an_endless_body_is_refused_before_it_ends(how: str) -> None:
    """What is announced is not even begun with; what is not announced is read for a while, so that its sender hears."""
    with served(replace(HURRIED, body_within_seconds=120)) as hurried, raw(hurried) as connection:
        length = f"Content-Length: {10**12}" if how == "announced" else "Transfer-Encoding: chunked"
        connection.sendall(f"POST / HTTP/1.1\r\nHost: {hurried.host}\r\n{length}\r\n\r\n".encode())
        if how == "chunked":
            _send_until_refused(connection, b"10000\r\n" + bytes(65536) + b"\r\n")
        status, headers, body = answer(connection)
        assert (status, json.loads(body)["__type"]) == (413, "RequestEntityTooLargeException")
        assert headers["connection"] == "close"
        assert is_served(hurried)


def _send_until_refused(connection: socket.socket, part: bytes) -> None:
    """Stops just above what the server reads: an answer to somebody who still sends may be lost on its way."""
    sent = 0
    with suppress(ConnectionError):
        while sent <= HURRIED.discarded_bytes + 2 * len(part):
            sent += connection.send(part[sent % len(part) :])


def test_a_body_just_over_the_limit_is_refused_and_the_connection_kept(running: Running) -> None:
    chunked = iter([b" " * 65536] * (LARGEST_BODY_BYTES // 65536 + 2))
    connection = running.connect()
    connection.request("POST", "/", chunked, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["__type"]) == (413, "RequestEntityTooLargeException")
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200


@pytest.mark.parametrize("path", ["/", "/events"])
def test_an_answer_that_nobody_reads_is_given_up(hurried: Running, path: str) -> None:
    """Many MiB of answers, which fit into no buffer between the two."""
    with raw(hurried, receive_buffer=4096) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 20_000)
        eventually(lambda: _takes_no_more(connection, b"\r\n"), within=60, every=0.5)
    assert is_served(hurried)


def test_a_watcher_that_does_not_read_is_given_up(hurried: Running) -> None:
    """More events than fit between the two; who reads them is watching on."""
    reading = hurried.get("/events", "follow=1")
    read: list[bytes] = []

    def read_on() -> None:
        while line := reading.readline():
            read.append(line)

    threading.Thread(target=read_on, name="reader", daemon=True).start()
    with raw(hurried, receive_buffer=4096) as connection:
        headers = hurried.signed("GET", "/events", "follow=1")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"GET /events?follow=1 HTTP/1.1\r\n{lines}\r\n".encode())
        eventually(lambda: len(hurried.controller._listeners) == 2, within=60)
        ecs, long = hurried.ecs(), "long" * 60  # so that fewer events are as many bytes
        ecs.create_cluster(clusterName=long)
        container = {"name": "a", "image": "chaos-ecs/demo:1", "memory": 64}
        ecs.register_task_definition(family=long, containerDefinitions=[container])

        def is_forgotten() -> bool:
            ecs.run_task(cluster=long, taskDefinition=long, count=10)
            return len(hurried.controller._listeners) == 1

        eventually(is_forgotten, within=120)
        eventually(lambda: _takes_no_more(connection, b"\r\n"), within=60)
    before = len(read)
    ecs.run_task(cluster=long, taskDefinition=long)
    eventually(lambda: len(read) > before, within=60)


def test_who_asks_and_asks_and_never_reads_is_cut_off_before_it_fills_the_memory(running: Running) -> None:
    request = f"GET /health HTTP/1.1\r\nHost: {running.host}\r\n\r\n".encode() * 1000
    sent = 0
    with raw(running, receive_buffer=4096) as connection:
        while not _takes_no_more(connection, request):
            sent += len(request)
            assert sent < 32 * MIB
    assert is_served(running)


def _takes_no_more(connection: socket.socket, part: bytes) -> bool:
    """Whether the other side has ended it; to wait for it in vain is a failure."""
    try:
        connection.sendall(part)
    except ConnectionError:
        return True
    return False


def test_who_closes_its_half_after_asking_is_answered(running: Running) -> None:
    """As `nc` does at the end of its input."""
    with raw(running) as connection:
        connection.sendall(f"GET /health HTTP/1.1\r\nHost: {running.host}\r\n\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        assert answer(connection)[0] == 200
        eventually(lambda: is_closed(connection), within=60)


def test_who_resets_while_an_answer_is_made_does_no_harm(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    request = f"GET /health HTTP/1.1\r\nHost: {running.host}\r\n\r\n".encode()
    for _ in range(20):
        with raw(running) as connection:
            connection.sendall(request)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert is_served(running)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_an_idle_connection_is_closed_in_time(hurried: Running) -> None:
    with raw(hurried) as connection:
        eventually(lambda: is_closed(connection), within=60)


def test_idle_connections_give_way_to_new_ones() -> None:
    """Three times as many as may be open: those that have been idle for longest are closed, nobody is refused."""
    most = HURRIED.connections
    with served(replace(HURRIED, keep_alive_seconds=600)) as running, ExitStack() as opened:
        connections = [opened.enter_context(raw(running)) for _ in range(3 * most)]
        assert is_served(running)
        eventually(lambda: all(is_closed(one) for one in connections[:most]), within=60)
        connections[-1].setblocking(True)
        connections[-1].sendall(f"GET /health HTTP/1.1\r\nHost: {running.host}\r\n\r\n".encode())
        assert answer(connections[-1])[0] == 200


def test_five_hundred_idle_connections_are_no_burden(running: Running) -> None:
    resource = pytest.importorskip("resource")
    if 0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1024:
        pytest.skip("this process may not open five hundred itself")
    ecs = running.ecs()
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="worker", desiredCount=1)
    with ExitStack() as opened:
        for number in range(500):
            connection = opened.enter_context(raw(running))
            if number % 2:
                connection.sendall(b"POST / HTTP/1.1\r\nHost:")
        for _ in range(100):
            assert ecs.describe_services(cluster=CLUSTER, services=["web"])["services"]


# --- browsers ---


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("POST", "/page/do/ecs/DeleteCluster"), ("GET", "/state")])
def test_a_page_from_elsewhere_does_nothing_and_reads_nothing(
    running: Running, method: str, path: str, origin: str
) -> None:
    """What a form or a fetch of any page can send without being asked: its body is text, it has no signature."""
    connection = running.connect()
    target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.DeleteCluster"}
    body = b'{"cluster": "my-cluster"}' if method == "POST" else None
    connection.request(method, path, body, {"Origin": origin, "Content-Type": "text/plain", **target})
    response = connection.getresponse()
    told = json.loads(response.read())
    assert (response.status, told["__type"]) == (403, "AccessDeniedException")
    assert not [name for name, _ in response.getheaders() if name.lower().startswith("access-control")]
    assert is_served(running)


def test_no_page_from_elsewhere_is_allowed_to_send_what_needs_leave(running: Running) -> None:
    connection = running.connect()
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    connection.request("OPTIONS", "/", headers={**asked, "Access-Control-Request-Private-Network": "true"})
    response = connection.getresponse()
    assert response.status == 403
    assert not [name for name, _ in response.getheaders() if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/", "/health", "/state", "/events", "/page/cluster.js"])
def test_a_name_that_leads_here_is_not_ours(running: Running, path: str) -> None:
    """DNS rebinding: the browser believes that it speaks to the page's own server, and says so."""
    connection = running.connect()
    name = f"evil.example:{running.server.port}"
    connection.request("GET", path, headers={"Host": name, "Origin": f"http://{name}", "Sec-Fetch-Site": "same-origin"})
    assert connection.getresponse().status == 403
