"""What marks a thing in Docker as ours, and what it is called there.

Labels are how a later controller, `clean` and a learner's `docker ps` know our containers and networks; nothing
without HOME is ever touched. Names are worked out from the task alone, so that a start asked for twice meets itself.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos_ecs.core import arns
from chaos_ecs.core.model import ContainerDefinition, Task

HOME = "chaos-ecs.home"  # the id of the state folder: whose it is
HOME_PATH = "chaos-ecs.home-path"
MACHINE = "chaos-ecs.machine"  # where HOME_PATH is: an engine may serve several machines
OF_A_HOME = (HOME, HOME_PATH, MACHINE)  # what all that is ours carries, and `clean` looks for
CLUSTER = "chaos-ecs.cluster"  # full ARNs from here on
TASK = "chaos-ecs.task"
SERVICE = "chaos-ecs.service"
FAMILY = "chaos-ecs.family"  # FAMILY:REVISION
CONTAINER = "chaos-ecs.container"  # its name in the task definition
BALANCER = "chaos-ecs.balancer"  # on the one container that carries requests to tasks; it has no TASK
RESOLVER = "chaos-ecs.resolver"  # on the one container of a cluster that knows its names; it has no TASK
AGENT = "chaos-ecs.agent"  # on the one container through which tasks ask for faults of their own; it has no TASK
FAULT = "chaos-ecs.fault"  # the fault's id, on a helper that holds one of its hits; it has no TASK
HIT = "chaos-ecs.hit"  # the place of that hit among the fault's
SCRATCH = "chaos-ecs.scratch"  # on what is there only to find out what the engine can do
HOST_PORTS = "chaos-ecs.host-ports"  # those its task definition names; absent where the engine picks them

LONGEST_NAME = 63  # of a host name's label; Docker itself would take more
_TASK_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Home:
    """The state folder a controller works for."""

    id: str
    path: str

    @property
    def labels(self) -> dict[str, str]:
        return {HOME: self.id, HOME_PATH: self.path, MACHINE: platform.node()}

    @property
    def filters(self) -> dict[str, list[str]]:
        """For the engine's listings and events: only the containers of this home's tasks."""
        return {"label": [f"{HOME}={self.id}", TASK]}


def container_labels(home: Home, task: Task, definition: ContainerDefinition) -> dict[str, str]:
    labels = {
        **home.labels,
        CLUSTER: task.cluster_arn,
        TASK: task.arn,
        SERVICE: task.service_arn or "",
        FAMILY: arns.name_of(task.task_definition_arn),
        CONTAINER: definition.name,
        HOST_PORTS: ",".join(str(mapping.host_port) for mapping in definition.port_mappings if mapping.host_port),
    }
    return {label: value for label, value in labels.items() if value}


def network_labels(home: Home, cluster_arn: str) -> dict[str, str]:
    return {**home.labels, CLUSTER: cluster_arn}


def container_name(task: Task, name: str) -> str:
    """chaos-ecs-OWNER-TASKID, and the container's name when the task has several: one per task and container.

    Worked example: chaos-ecs-my-web-app-0f3a9c1d2b4e, or chaos-ecs-my-web-app-0f3a9c1d2b4e-sidecar.
    """
    owner = arns.name_of(task.service_arn) if task.service_arn else arns.family_of(task.task_definition_arn)
    task_id = task.id[:_TASK_ID_DIGITS]
    room = LONGEST_NAME - len("chaos-ecs--") - len(task_id)
    if len(task.containers) == 1:
        return f"chaos-ecs-{_short(owner, room)}-{task_id}"
    member = _short(name, room // 2)
    return f"chaos-ecs-{_short(owner, room - len(member) - 1)}-{task_id}-{member}"


def network_name(home: Home, cluster_arn: str) -> str:
    """chaos-ecs-HOME-REGION-CLUSTER, such as chaos-ecs-1a2b3c-us-east-1-my-cluster."""
    before = f"chaos-ecs-{home.id[:6]}-{arns.region_of(cluster_arn)}-"
    return before + _short(arns.name_of(cluster_arn), LONGEST_NAME - len(before))


def balancer_name(home: Home) -> str:
    """Such as chaos-ecs-balancer-1a2b3c."""
    return f"chaos-ecs-balancer-{home.id[:6]}"


def volume_name(home: Home, volume: str) -> str:
    """chaos-ecs-HOME-NAME, such as chaos-ecs-1a2b3c-models: a task definition's shared volume."""
    return f"chaos-ecs-{home.id[:6]}-{volume}"


def task_volume_name(home: Home, task_arn: str, volume: str) -> str:
    """chaos-ecs-HOME-TASKID-NAME: a volume that containers of one task share."""
    return f"chaos-ecs-{home.id[:6]}-{arns.name_of(task_arn)}-{_short(volume, LONGEST_NAME)}"


def resolver_name(home: Home, cluster_arn: str) -> str:
    """chaos-ecs-names-HOME-REGION-CLUSTER: one for each cluster's network."""
    before = f"chaos-ecs-names-{home.id[:6]}-{arns.region_of(cluster_arn)}-"
    return before + _short(arns.name_of(cluster_arn), LONGEST_NAME - len(before))


def agent_name(home: Home) -> str:
    """Such as chaos-ecs-agent-1a2b3c."""
    return f"chaos-ecs-agent-{home.id[:6]}"


def helper_name(fault_id: str, index: int) -> str:
    """Such as chaos-ecs-fault-flt-0f3a9c1d2b-0: one for each hit."""
    return f"chaos-ecs-fault-{fault_id}-{index}"


def errand_name(fault_id: str, index: int) -> str:
    """Of a second helper for the same hit, which does one thing and ends: undoing what one that was killed has left."""
    return f"{helper_name(fault_id, index)}-errand"


def host_name(task: Task) -> str:
    return task.id[:_TASK_ID_DIGITS]


def of(thing: Mapping[str, Any]) -> dict[str, str]:
    """The labels in a listing's or an inspection's answer; Docker says null for none."""
    return thing.get("Labels") or (thing.get("Config") or {}).get("Labels") or {}


def _short(text: str, limit: int) -> str:
    """`text` within `limit`; what was cut stands there as a digest, so that two long names stay two."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{text[: limit - 7]}-{digest}"
