"""One HTTP answer, read as its bytes come in (RFC 9112, as far as a client of GET needs it). Pure: no socket."""

from __future__ import annotations

TASK_HEADER = "x-chaos-ecs-task"
"""A task may say its id in this header (CHAOS_ECS_TASK_ID in its environment); the demo image says it in its body."""

_TASK_LINE = b"task "
_BODY_KEPT = 1024
_HEAD_LIMIT = 65_536


class NotHttpError(Exception):
    """What came is no answer of a web server."""


class Answer:
    """`feed` it what came; `is_whole` once nothing more belongs to it. `status` is 0 until its head is whole."""

    def __init__(self) -> None:
        self.status = 0
        self.is_whole = False
        self.began = False
        self.closes = False  # the server will close the connection
        self._headers: dict[str, str] = {}
        self._head = bytearray()
        self._body = bytearray()  # its beginning
        self._left: int | None = None  # bytes of the body, or of this chunk; None: until the connection ends
        self._chunks: bytearray | None = None  # what is not read yet of a body in chunks

    @property
    def task(self) -> str:
        """The id of the task that answered, "" when it does not say so."""
        if told := self._headers.get(TASK_HEADER):
            return told
        for line in bytes(self._body).split(b"\n"):
            if line.startswith(_TASK_LINE):
                return line.removeprefix(_TASK_LINE).strip().decode("ascii", "replace")
        return ""

    def feed(self, data: bytes) -> None:
        """More bytes. Raises NotHttpError."""
        self.began = True
        if self.status:
            self._feed_body(data)
            return
        self._head += data
        while not self.status and (end := self._head.find(b"\r\n\r\n")) >= 0:
            head, rest = bytes(self._head[:end]), bytes(self._head[end + 4 :])
            self._read_head(head)
            if self.status // 100 == 1:  # 100 Continue and its like: the answer is still to come
                self.status, self._head = 0, bytearray(rest)
                continue
            self._begin_body()
            self._feed_body(rest)
        if not self.status and len(self._head) > _HEAD_LIMIT:
            raise NotHttpError

    def end(self) -> None:
        """The connection has ended. That is the end of a body whose length nobody told."""
        if self.status and self._left is None and self._chunks is None:
            self.is_whole = True
        self.closes = True

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdecimal() and len(code) == 3):
            raise NotHttpError
        self.status = int(code)
        self._headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        wish = self._headers.get("connection", "").lower()
        self.closes = "close" in wish or (version == "HTTP/1.0" and "keep-alive" not in wish)

    def _begin_body(self) -> None:
        length = self._headers.get("content-length", "")
        if self.status in (204, 304):
            self._left = 0
        elif "chunked" in self._headers.get("transfer-encoding", "").lower():
            self._chunks = bytearray()
        elif length.isascii() and length.isdecimal():
            self._left = int(length)

    def _feed_body(self, data: bytes) -> None:
        if self._chunks is not None:
            self._feed_chunks(data)
            return
        self._keep(data)
        if self._left is not None:
            self._left = max(0, self._left - len(data))
            self.is_whole = self._left == 0

    def _feed_chunks(self, data: bytes) -> None:
        """SIZE CRLF DATA CRLF, again and again; size 0 and an empty line are the end."""
        waiting = self._chunks
        assert waiting is not None
        waiting += data
        while not self.is_whole:
            end = waiting.find(b"\r\n")
            if end < 0:
                return
            try:
                size = int(waiting[:end].split(b";")[0], 16)
            except ValueError:
                raise NotHttpError from None
            if size == 0:
                self.is_whole = waiting.startswith(b"\r\n", end + 2) or b"\r\n\r\n" in waiting[end:]
                return
            if len(waiting) < end + 2 + size + 2:
                return
            self._keep(bytes(waiting[end + 2 : end + 2 + size]))
            del waiting[: end + 2 + size + 2]

    def _keep(self, data: bytes) -> None:
        if len(self._body) < _BODY_KEPT:
            self._body += data[: _BODY_KEPT - len(self._body)]
