"""What a region has from the start: a cluster, the demo's task definitions, and those of the six workloads.

Sources of what the workloads need: the README of each image (`task_images/`).
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import task_definitions
from chaos_ecs.core.arns import cluster_arn, family_arn
from chaos_ecs.core.commands import create_cluster
from chaos_ecs.core.messages import CreateCluster, OpenRegion, RegisterTaskDefinition
from chaos_ecs.core.model import ContainerDefinition, HealthCheck, Mount, PortMapping
from chaos_ecs.core.state import State

SEED_CLUSTER = "my-cluster"
SEED_MEMBERS = '{"capacityProviders": ["FARGATE", "FARGATE_SPOT"]}'
"""A cluster that the ECS console creates has these two; one that the API creates has none unless it is told so."""
DEMO_IMAGE = "chaos-ecs/demo:1"
WORKLOADS_IMAGE = "chaos-ecs/workloads:1"


def _checked(*command: str) -> HealthCheck:
    """Often enough that nobody waits for it in a lesson; the balancer's own checks go on beside it."""
    return HealthCheck(("CMD", *command), interval=5, timeout=3, retries=3)


def _kept(volume: str) -> tuple[Mount, ...]:
    """Shared by all tasks of the definition, and outlives them."""
    return (Mount("/data", volume=volume),)


_HTTP = (PortMapping(container_port=8080),)
_DEFINITIONS = (
    ContainerDefinition("web-server", DEMO_IMAGE, command=("web",), memory=64, port_mappings=_HTTP),
    ContainerDefinition("worker", DEMO_IMAGE, command=("worker",), memory=32),
    ContainerDefinition("batch-job", DEMO_IMAGE, command=("batch",), memory=32),
    ContainerDefinition("db-migrate", DEMO_IMAGE, command=("migrate",), memory=32),
    ContainerDefinition("flaky", DEMO_IMAGE, command=("flaky",), memory=32),
    ContainerDefinition("web", "chaos-ecs/web:1", memory=64, port_mappings=_HTTP),
    ContainerDefinition("api", WORKLOADS_IMAGE, command=("api",), memory=192, port_mappings=_HTTP),
    ContainerDefinition("queue-worker", WORKLOADS_IMAGE, command=("worker",), memory=128),
    ContainerDefinition("migrate", WORKLOADS_IMAGE, command=("migrate",), memory=128),
    ContainerDefinition("batch", WORKLOADS_IMAGE, command=("batch",), memory=128, mounts=_kept("reports")),
    ContainerDefinition("train", WORKLOADS_IMAGE, command=("train",), memory=256, mounts=_kept("models")),
    ContainerDefinition(
        "database",
        "chaos-ecs/postgres:1",
        memory=256,
        port_mappings=(PortMapping(container_port=5432),),
        health_check=_checked("pg_isready", "-q"),
        mounts=_kept("database"),
    ),
    ContainerDefinition(
        "queue",
        "chaos-ecs/queue:1",
        memory=256,
        port_mappings=(PortMapping(container_port=9324),),
        health_check=_checked("python3", "/chaos/healthy.py"),
    ),
)


def open_region(state: State, command: OpenRegion, now: float) -> None:
    """What it lacks is added, so an older record gets what is new; a family that was ever registered is let be."""
    seed = cluster_arn(command.region, SEED_CLUSTER)
    if not state.region_is_open(command.region):
        state.next_number(f"region/{command.region}")
        create_cluster(state, CreateCluster(seed), now)
    known = state.clusters.get(seed)
    if known and known.status == "ACTIVE" and known.registered == "{}":
        state.put(replace(known, registered=SEED_MEMBERS))
    for container in _DEFINITIONS:
        family = family_arn(command.region, container.name)
        if family not in state.families:
            task_definitions.register(state, RegisterTaskDefinition(family, (container,)), now)
