"""The six workloads of the lesson: what each is registered as, and which of them need what. Data; see `trying.py`.

Sources of what stands here: the README of each image (`task_images/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PROGRAMS = "chaos-ecs/workloads:1"


@dataclass(frozen=True, slots=True)
class Definition:
    """A task definition of one container. `volume` is shared by all its tasks, at /data."""

    image: str
    memory: int
    command: Sequence[str] = ()
    port: int | None = None
    health: Sequence[str] = ()
    volume: str = ""

    def request(self, family: str) -> dict[str, Any]:
        """The members of RegisterTaskDefinition."""
        container: dict[str, Any] = {"name": family, "image": self.image, "memory": self.memory, "essential": True}
        if self.command:
            container["command"] = list(self.command)
        if self.port:
            container["portMappings"] = [{"containerPort": self.port}]
        if self.health:
            container["healthCheck"] = {"command": list(self.health), "interval": 5, "timeout": 3, "retries": 3}
        if not self.volume:
            return {"family": family, "containerDefinitions": [container]}
        container["mountPoints"] = [{"sourceVolume": self.volume, "containerPath": "/data"}]
        volumes = [{"name": self.volume, "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True}}]
        return {"family": family, "containerDefinitions": [container], "volumes": volumes}


DEFINITIONS: Mapping[str, Definition] = {
    "database": Definition(
        "chaos-ecs/postgres:1", 256, port=5432, health=("CMD", "pg_isready", "-q"), volume="database"
    ),
    "queue": Definition("chaos-ecs/queue:1", 256, port=9324, health=("CMD", "python3", "/chaos/healthy.py")),
    "web": Definition("chaos-ecs/web:1", 64, port=8080),
    "api": Definition(PROGRAMS, 192, ("api",), port=8080),
    "worker": Definition(PROGRAMS, 128, ("worker",)),
    "migrate": Definition(PROGRAMS, 128, ("migrate",)),
    "batch": Definition(PROGRAMS, 128, ("batch",), volume="reports"),
    "train": Definition(PROGRAMS, 256, ("train",), volume="models"),
}

STATEFUL = ("database", "queue")
"""One task each, and the old one ends before the new one begins: two would be two databases."""
