"""A container instance as the state snapshot has it: a frozen value. Never here: fetching and wording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OWN = "(own)"
"""What a slice of the controller's own engine is told by."""


@dataclass(frozen=True, slots=True)
class Instance:
    """Cpu in ECS's units, memory in MiB; `running` and `pending` count tasks. `engine` is "" for a slice of the own."""

    arn: str
    name: str
    cluster: str  # ARN
    zone: str
    status: str
    is_connected: bool
    cpu: int
    memory: int
    cpu_used: int
    memory_used: int
    running: int
    pending: int
    engine: str
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def takes_tasks(self) -> bool:
        """Whether new tasks may be placed on it."""
        return self.status == "ACTIVE" and self.is_connected

    @classmethod
    def of(cls, raw: Mapping[str, Any], is_own_connected: bool) -> Instance:
        """The one in a JSON object of the snapshot; a slice is reached while the own engine is."""
        return cls(
            arn=raw["arn"],
            name=raw["name"],
            cluster=raw["clusterArn"],
            zone=raw["zone"],
            status=raw["status"],
            is_connected=bool(raw["agentConnected"] and (raw.get("engine") or is_own_connected)),
            cpu=raw["cpu"],
            memory=raw["memory"],
            cpu_used=raw["cpuUsed"],
            memory_used=raw["memoryUsed"],
            running=raw["running"],
            pending=raw["pending"],
            engine=raw.get("engine") or "",
            raw=raw,
        )


def published_at(binding: Mapping[str, Any]) -> str:
    """Where a port of a container is: 127.0.0.1:33021, or a further engine's 10.0.0.7:33021. A controller that was
    started before an upgrade does not say it."""
    return f"{binding.get('bindIP') or '127.0.0.1'}:{binding['hostPort']}"
