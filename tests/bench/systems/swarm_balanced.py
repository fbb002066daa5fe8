"""A Swarm service behind an HAProxy: rolling updates that start first, all tasks at once, without delay.

Its routing mesh needs IP_VS, which not every kernel has, so the requests go through an HAProxy on the service's overlay
network, which asks the network's name server for the tasks (endpoint mode dnsrr) and checks them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from docker import types
from docker.errors import APIError

from tests.bench.room import Room, await_true
from tests.bench.systems import haproxy
from tests.bench.systems.swarm import NANOSECONDS, Swarm
from tests.bench.systems.system import IMAGE, MARK, MEMORY_MIB, STOP_TIMEOUT_SECONDS

WITHIN_SECONDS = 120.0
ALL_AT_ONCE = 0  # Swarm's word for it


@dataclass(frozen=True)
class SwarmService:
    """`port` is its HAProxy's, on 127.0.0.1; `label` the tasks' containers'."""

    name: str
    room: Room
    service_id: str
    label: str
    port: int
    before: dict[str, Any]  # how the last update went, when this one was asked for

    def deploy(self) -> None:
        """Asks for new tasks in place of all the old ones."""
        seen = self.room.client.inspect_service(self.service_id)
        self.before.clear()
        self.before.update(seen.get("UpdateStatus") or {})
        spec = seen["Spec"]
        template = {**spec["TaskTemplate"], "ForceUpdate": spec["TaskTemplate"].get("ForceUpdate", 0) + 1}
        self.room.client.update_service(
            self.service_id,
            version=seen["Version"]["Index"],
            name=spec["Name"],
            labels=spec["Labels"],
            task_template=template,
            mode=spec["Mode"],
            update_config=spec["UpdateConfig"],
            endpoint_spec=spec["EndpointSpec"],
        )

    def is_completed(self) -> bool:
        told = self.room.client.inspect_service(self.service_id).get("UpdateStatus") or {}
        return told.get("State") == "completed" and told.get("StartedAt") != self.before.get("StartedAt")


@contextmanager
def service(room: Room, swarm: Swarm, *, count: int) -> Iterator[SwarmService]:
    """A service of `count` running tasks that answers; it, its HAProxy and its network are gone afterwards."""
    name = room.unique("web")
    label = room.own(f"{MARK}={name}")
    client = room.client
    network = client.create_network(name, driver="overlay", attachable=True, labels={MARK: name})["Id"]
    try:
        made = client.create_service(
            _template(name, network),
            name=name,
            labels={MARK: name},
            mode=types.ServiceMode("replicated", replicas=count),
            update_config=types.UpdateConfig(parallelism=ALL_AT_ONCE, delay=0, order="start-first"),
            endpoint_spec=types.EndpointSpec(mode="dnsrr"),
        )["ID"]
        try:
            await_true(lambda: room.running(label) == count, within=WITHIN_SECONDS, what=f"{count} running of {name}")
            with haproxy.started(room, haproxy.resolving(name, 2 * count), name) as port:
                yield SwarmService(swarm.name, room, made, label, port, {})
        finally:
            client.remove_service(made)
            room.remove_all(label)
    finally:
        await_true(lambda: _is_gone(room, network), within=WITHIN_SECONDS, what=f"removal of {name}")


def _template(name: str, network: str) -> Any:
    container = types.ContainerSpec(
        IMAGE, command=None, args=["web"], labels={MARK: name}, stop_grace_period=STOP_TIMEOUT_SECONDS * NANOSECONDS
    )
    return types.TaskTemplate(
        container,
        resources=types.Resources(mem_limit=MEMORY_MIB * 1024 * 1024),
        restart_policy=types.RestartPolicy(condition="any", delay=0),
        networks=[types.NetworkAttachmentConfig(network)],
    )


def _is_gone(room: Room, network: str) -> bool:
    """Swarm lets go of it a while after its last task."""
    with suppress(APIError):
        room.client.remove_network(network)
    return not room.client.networks(ids=[network])
