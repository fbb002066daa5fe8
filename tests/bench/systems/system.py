"""What every measured system can do, and what they all run: the same image, the same limits, the same command."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from docker import APIClient

from tests.bench.observer import Seen

IMAGE = "chaos-ecs/demo:1"
STUBBORN_IMAGE = "chaos-ecs-bench:stubborn"
STUBBORN_SECONDS = 2
STUBBORN_SCRIPT = f"trap 'sleep {STUBBORN_SECONDS}; exit 0' TERM; while :; do sleep 60 & wait $!; done"
"""A task that takes its time to stop, well within its stopTimeout. An image of its own: not every system honours
a task definition's entryPoint."""
MEMORY_MIB = 64
STOP_TIMEOUT_SECONDS = 30

MARK = "chaos-ecs-bench"  # the label of what the bench itself makes; its value says for whom


@dataclass(frozen=True)
class Work:
    """What a group runs. `standby` is heeded by those who have such a thing."""

    name: str
    image: str = IMAGE
    standby: int = 0


class Group(Protocol):
    """A service of one system: some equal containers. Known by its label, to the engine's listings and events."""

    @property
    def label(self) -> str:
        """KEY=VALUE."""
        ...

    def scale(self, count: int) -> None:
        """Asks for so many; returns when the request is answered, not when they run."""
        ...

    def renew(self) -> None:
        """Before a kill: makes it as it was after its first start, where earlier kills slow a system down."""
        ...


class System(Protocol):
    """A running system. Leaving what `group` gives removes the group's containers."""

    @property
    def name(self) -> str: ...

    def group(self, work: Work) -> AbstractContextManager[Group]: ...


def belongs_to(label: str, seen: Seen) -> bool:
    """Whether an event is of one of the containers with this label."""
    key, _, value = label.partition("=")
    return seen.attributes.get(key) == value


def listed(client: APIClient, label: str, *, status: str = "") -> list[str]:
    """The ids of the containers with a label: all of them, or those in one of Docker's states."""
    filters: dict[str, Any] = {"label": [label]}
    if status:
        filters["status"] = [status]
    return [found["Id"] for found in client.containers(all=True, filters=filters)]
