"""Server-sent events, read line by line: text in, (id, data) out. Never here: connections (see `client.py`).

Source: WHATWG HTML, "Interpreting an event stream"; we need `id`, `data` and comments (the server's heartbeat).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def messages(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The messages as (id, data). A message that the end of the stream cuts off is not told: it will be resent."""
    id_ = ""
    data: list[str] = []
    for raw in lines:
        line = raw.rstrip("\r\n")
        if not line:
            if data:
                yield id_, "\n".join(data)
            data = []
            continue
        field, _, value = line.partition(":")  # a comment has an empty field name
        value = value.removeprefix(" ")
        if field == "id":
            id_ = value
        elif field == "data":
            data.append(value)
