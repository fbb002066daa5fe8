"""What our containers that are no task's have in common: a name that is ours alone, and files written into them.

Each function is a call of the engine or two and raises the SDK's exceptions.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from chaos_ecs.live import labels
from chaos_ecs.live.labels import Home

TOOLBOX_IMAGE = "chaos-ecs/toolbox:1"
"""What helpers of faults and the agent of tasks are made from."""


def find(client: APIClient, home: Home, name: str, mark: str = labels.HOME) -> dict[str, Any] | None:
    """The container of this name, whatever its state. Raises APIError for one that is not this home's, or lacks the
    label `mark`."""
    try:
        seen: dict[str, Any] = client.inspect_container(name)
    except NotFound:
        return None
    check(seen, home, "container", name, mark)
    return seen


def check(thing: Mapping[str, Any], home: Home, kind: str, name: str, mark: str = labels.HOME) -> None:
    """Raises APIError, as if the engine had refused: nothing is done with what is not ours."""
    marks = labels.of(thing)
    if marks.get(labels.HOME) != home.id or mark not in marks:
        raise APIError(f"{kind} {name} is not ours", explanation=f"a {kind} named {name} exists and is not ours")


def deliver(client: APIClient, container_id: str, folder: str, files: Mapping[str, str]) -> None:
    """Writes files into a folder of a container, started or not."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, int(time.time())
            tar.addfile(entry, io.BytesIO(content))
    client.put_archive(container_id, folder, packed.getvalue())
