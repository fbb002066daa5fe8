"""A controller with a cluster, the commands `chaos-ecs schedule` on it, and a schedule as the state has it."""

from __future__ import annotations

from typing import Any

from tests.unit.fake_controller import AT, Terminal
from tests.unit.fake_controller import CLUSTER as CLUSTER_ARN
from tests.unit.sim_room import Simulated

ARN = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly"
DEFINITIONS = "arn:aws:ecs:us-east-1:123456789012:task-definition"
DAILY = "0 2 * * ? *"


class Room(Simulated):
    """A controller with a cluster, at Fri 15 Jan 2027 08:00:00 UTC; `world` is its State."""

    def __init__(self) -> None:
        super().__init__()
        self.api.client().list_clusters()

    @property
    def world(self) -> Any:
        return self.api.simulation.state

    def advance(self, seconds: float) -> None:
        self.api.simulation.advance(seconds)

    def get(self, name: str = "nightly", group: str = "default") -> dict[str, Any]:
        found: dict[str, Any] = self.api.client(service="scheduler").get_schedule(Name=name, GroupName=group)
        return found


def run(room: Room, *arguments: str, **shell: Any) -> Terminal:
    """What it printed; it must have succeeded."""
    terminal = Terminal(room, **shell)
    assert terminal.run("schedule", *arguments) == 0, terminal.both
    return terminal


def shown(room: Room, *arguments: str, **shell: Any) -> list[str]:
    return run(room, *arguments, **shell).out.getvalue().splitlines()


def refused(room: Room, *arguments: str) -> tuple[int, str]:
    terminal = Terminal(room)
    return terminal.run("schedule", *arguments), terminal.err.getvalue()


def a_schedule(**members: Any) -> dict[str, Any]:
    return {
        "name": "nightly",
        "arn": ARN,
        "group": "default",
        "expression": "rate(1 minute)",
        "timezone": "UTC",
        "state": "ENABLED",
        "nextDueAt": AT + 58,
        "lastRanAt": None,
        "cluster": CLUSTER_ARN,
        "taskDefinition": f"{DEFINITIONS}/batch-job",
        "count": 1,
        "windowMinutes": 0,
        "startDate": None,
        "endDate": None,
        "runs": 0,
        "missed": 0,
        "dropped": 0,
        "retrying": 0,
        "reason": None,
        "createdAt": AT,
        **members,
    }
