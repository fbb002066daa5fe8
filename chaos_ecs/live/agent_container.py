"""The container that tasks know as their ECS agent: made, found again, put into the networks of clusters.

One for each state folder, while there are tasks. It hands their requests to whoever is attached to it
(`agent_channel.py`), has no privilege and knows no secret. Each function is a few calls of the engine and decides
nothing; they raise the SDK's exceptions. Never here: when it is wanted (`agent.py`), and what it does
(`task_images/toolbox/agent.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from chaos_ecs.live import engine, labels, own, resolver_container
from chaos_ecs.live.labels import Home

IMAGE = own.TOOLBOX_IMAGE
ALIAS = "ecs-agent"
PORT = 51679  # the ECS agent's own for tasks
PROTOCOL = "1"  # of the lines between it and us: one of another version is made anew
_NOBODY = "65534:65534"
_MEMORY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """As the engine has it. `serves`: it runs, and speaks as we do."""

    id: str
    networks: tuple[str, ...]
    serves: bool


def uri(task_id: str) -> str:
    """What a task gets as ECS_AGENT_URI."""
    return f"http://{ALIAS}:{PORT}/api/{task_id}"


def metadata_uri(task_id: str, index: int) -> str:
    """What a task's container gets as ECS_CONTAINER_METADATA_URI_V4; `index` is its place in the task."""
    return f"http://{ALIAS}:{PORT}/v4/{task_id}-{index}"


def find(client: APIClient, home: Home) -> Found | None:
    """This home's, whatever its state."""
    seen = own.find(client, home, labels.agent_name(home), labels.AGENT)
    if seen is None:
        return None
    state = seen["State"]
    serves = bool(state.get("Running")) and not state.get("Paused") and labels.of(seen)[labels.AGENT] == PROTOCOL
    return Found(seen["Id"], tuple((seen.get("NetworkSettings") or {}).get("Networks") or {}), serves)


def make(client: APIClient, home: Home, network: str) -> Found:
    """Makes it and starts it."""
    made = client.create_container_from_config(_recipe(home, network), labels.agent_name(home))["Id"]
    client.start(made)
    return Found(made, (network,), serves=True)


def is_to_stay(client: APIClient, network: str) -> bool:
    """Whether the network is there, and is not about to be made anew (`networks.py`): nobody may be in that one."""
    try:
        found = client.inspect_network(network)
    except NotFound:
        return False
    has_addresses = resolver_container.address_in(found) is not None or resolver_container.settled(found) is None
    return has_addresses or bool(found.get("Containers"))


def connect(client: APIClient, container_id: str, network: str) -> bool:
    """Whether it is in that network now. Harmless when it was; a network is made with its first task."""
    try:
        client.connect_container_to_network(container_id, network, aliases=[ALIAS])
    except NotFound:
        return False
    except APIError as error:
        if not engine.has_answered(error) or "already exists" not in engine.why(error):
            raise
    return True


def disconnect(client: APIClient, container_id: str, network: str) -> None:
    try:
        client.disconnect_container_from_network(container_id, network, force=True)
    except APIError as error:
        if not engine.has_answered(error):
            raise


def _recipe(home: Home, network: str) -> dict[str, Any]:
    """The body of POST /containers/create."""
    return {
        "Image": IMAGE,
        "Labels": {**home.labels, labels.AGENT: PROTOCOL},
        "Entrypoint": ["python3", "-u", "/chaos/agent.py"],
        "Cmd": [],
        "User": _NOBODY,
        "OpenStdin": True,
        "HostConfig": {
            "NetworkMode": network,
            "RestartPolicy": {"Name": "no"},  # bringing it back is ours
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Memory": _MEMORY_BYTES,
        },
        "NetworkingConfig": {"EndpointsConfig": {network: {"Aliases": [ALIAS]}}},
    }
