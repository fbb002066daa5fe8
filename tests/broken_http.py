"""Requests that are broken as HTTP, not as JSON: bytes to send as they are. Seeded, as `fuzz.py` is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

Sign = Callable[[str, str, Mapping[str, str], bytes], Mapping[str, str]]
"""Method, path, headers and body -> the headers to send."""

TARGET = "AmazonEC2ContainerServiceV20141113"
_TARGETS = (
    "",
    ".",
    TARGET,
    f"{TARGET}.",
    f"{TARGET}.NoSuchOperation",
    f"{TARGET}.ListClusters.ListClusters",
    f"{TARGET}.listclusters",
    "AnyScaleFrontendService.DescribeScalableTargets",
    "ChaosEcsV1.ListClusters",
    "X.ListClusters",
    "x" * 5000,
)
_METHODS = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW", "post", "P\u00d6ST")
_PATHS = (
    "//",
    "/%00",
    "/%ff%fe",
    "/..%2f..%2fetc/passwd",
    "/../../state.db",
    "http://evil.example/",
    "*",
    "/state?" + "a=b&" * 4000,
    "/" + "x" * 60_000,
    "/events?after=1&after=&follow=2",
    "/events?after=99999999999999999999",
    "/schedules/%2e%2e",
    "/experiments/x/../..",
    "/page/../../state.db",
    "/schedules?MaxResults=x",
)
_NO_MORE: Mapping[str, str] = {}
_LENGTHS = ("-1", "x", "1e3", "0x10", "", "+5", "99999999999999999999", "5, 6", "\u0663")
_CHUNKS = (
    b"zz\r\n{}\r\n0\r\n\r\n",
    b"-1\r\n",
    b"2\r\n{}0\r\n\r\n",
    b"ffffffffffffffffff\r\n",
    b"2;a=b\r\n{}\r\n0\r\n\r\n",
)
_ODD_BYTES = (b"\xff\xfe", b"\xc3\x28", b"\x80" * 20, b"\xed\xa0\x80", "\u4e2d".encode())
_NO_HTTP = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),  # a browser that tries TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"\r\n\r\n\r\n",
    b"\x00\x00\x00\x00\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET / HTTP/1.1\r\n no-name\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
)


class Breaker:
    """One stream of them. `request` answers the bytes, and whether the sender hangs up at once after them."""

    def __init__(self, random: Random, host: str, sign: Sign) -> None:
        self._random = random
        self._host = host
        self._sign = sign
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            self._wrong_length,
            self._two_lengths,
            self._wrong_target,
            self._wrong_method,
            self._wrong_path,
            self._chunked,
            self._odd_header,
            self._large_head,
            self._wrong_signature,
            self._wrong_host,
            self._wrong_form,
            self._two_at_once,
            lambda body: self._random.choice(_NO_HTTP),
        )

    def request(self, body: bytes) -> tuple[bytes, bool]:
        made = self._random.choice(self._ways)(body)
        if self._random.random() < 0.2:
            return made[: self._random.randrange(len(made) + 1)], True
        return made, self._random.random() < 0.2

    def _post(self, body: bytes, target: str = f"{TARGET}.ListClusters", more: Mapping[str, str] = _NO_MORE) -> bytes:
        return self._whole("POST", "/", {"X-Amz-Target": target, **more}, body)

    def _whole(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        signed = self._sign(method, path, headers, body)
        return _head(method, path, {**signed, "Content-Length": str(len(body))}) + body

    def _signed(self, body: bytes) -> dict[str, str]:
        return dict(self._sign("POST", "/", {"X-Amz-Target": f"{TARGET}.ListClusters"}, body))

    def _wrong_length(self, body: bytes) -> bytes:
        length = self._random.choice((*_LENGTHS, str(len(body) + 5), str(max(0, len(body) - 5))))
        return _head("POST", "/", {**self._signed(body), "Content-Length": length}) + body

    def _two_lengths(self, body: bytes) -> bytes:
        other = self._random.choice(("Content-Length: 1", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip"))
        whole = self._post(body)
        return whole.replace(b"\r\n", f"\r\n{other}\r\n".encode(), 1)

    def _wrong_target(self, body: bytes) -> bytes:
        return self._post(body, target=self._random.choice(_TARGETS))

    def _wrong_method(self, body: bytes) -> bytes:
        path = self._random.choice(("/", "/state", "/health", "/events?follow=0", "/schedules", "/nothing"))
        return self._whole(self._random.choice(_METHODS), path, {"X-Amz-Target": f"{TARGET}.ListClusters"}, body)

    def _wrong_path(self, body: bytes) -> bytes:
        return self._whole(self._random.choice(("GET", "POST", "DELETE")), self._random.choice(_PATHS), {}, body)

    def _chunked(self, body: bytes) -> bytes:
        head = _head("POST", "/", {**self._signed(body), "Transfer-Encoding": "chunked"})
        if self._random.random() < 0.5 or not body:
            return head + self._random.choice(_CHUNKS)
        half = len(body) // 2
        parts = [part for part in (body[:half], body[half:]) if part]
        return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"

    def _odd_header(self, body: bytes) -> bytes:
        name = self._random.choice((b"X-Amz-Target", b"Authorization", b"X-Amz-Date", b"Content-Type", b"Cookie", b"X"))
        line = name + b": " + self._random.choice(_ODD_BYTES) + b"\r\n"
        return self._post(body).replace(b"\r\n", b"\r\n" + line, 1)

    def _large_head(self, body: bytes) -> bytes:
        many = {f"X-Many-{number}": "y" * 20 for number in range(self._random.choice((100, 3000)))}
        return self._post(body, more=self._random.choice((many, {"X-Large": "y" * 100_000}, {"X-Large": "y" * 40_000})))

    def _wrong_signature(self, body: bytes) -> bytes:
        headers = self._signed(body)
        said = headers["Authorization"]
        place = self._random.randrange(len(said))
        headers["Authorization"] = self._random.choice(
            (said[:place], said + ",", said.replace("/", "//"), "Basic eA==")
        )
        headers["X-Amz-Date"] = self._random.choice((headers["X-Amz-Date"], "20200101T000000Z", "today", "9" * 400))
        return _head("POST", "/", {**headers, "Content-Length": str(len(body))}) + body

    def _wrong_host(self, body: bytes) -> bytes:
        host = self._random.choice(("", "evil.example", "127.0.0.1", "[::1", "127.0.0.1:99999", "x" * 3000))
        return self._post(body).replace(self._host.encode(), host.encode(), 1)

    def _wrong_form(self, body: bytes) -> bytes:
        more = self._random.choice(
            (
                {"Content-Type": "application/x-www-form-urlencoded"},
                {"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"},
                {"Content-Type": "multipart/form-data; boundary=x"},
                {"Content-Encoding": "gzip"},
                {"Expect": "100-continue"},
                {"Upgrade": "websocket", "Connection": "Upgrade"},
                {"Origin": "null"},
                {"Cookie": "=;;=" * 50},
            )
        )
        form = self._random.choice(
            (body, b"Action=DescribeLoadBalancers&Version=2015-12-01", b"Action=&%zz=%ff&=&a.1.b.-1=x")
        )
        return self._whole("POST", "/", more, form)

    def _two_at_once(self, body: bytes) -> bytes:
        """The second is sent before the first is answered; or the body is one that is too large."""
        if self._random.random() < 0.1:
            return self._post(b" " * 1_200_000)
        return self._post(body) + self._post(body)


def _head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()
