"""Asking over HTTP from within a container that has nothing but busybox, as a task asks its ECS agent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import docker

_ASK = """
rest=${ECS_AGENT_URI#http://}
printf '%s %s HTTP/1.0\\r\\nContent-Length: %s\\r\\n\\r\\n%s' "$1" "/${rest#*/}$2" "${#3}" "$3" |
  nc -w 60 $(echo "${rest%%/*}" | tr : ' ')
"""


def ask(
    client: docker.APIClient,
    container: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    method: str = "POST",
    uri: str = "",
) -> tuple[int, dict[str, str]]:
    """Status and body of a request to a path below the container's ECS_AGENT_URI, or below this one. Raises
    ConnectionError when nobody answers."""
    sent = "" if body is None else json.dumps(body)
    environment = {"ECS_AGENT_URI": uri} if uri else {}
    command = ["/bin/sh", "-c", _ASK, "sh", method, path, sent]
    made = client.exec_create(container, command, environment=environment)["Id"]
    head, _, said = client.exec_start(made).decode().partition("\r\n\r\n")
    words = head.split()
    if len(words) < 2 or not words[0].startswith("HTTP/"):
        raise ConnectionError(head)
    return int(words[1]), json.loads(said or "{}")
