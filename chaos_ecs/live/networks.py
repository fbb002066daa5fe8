"""One Docker network per cluster: made when its first container starts, removed with the cluster."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from chaos_ecs.live import agent_container, engine, labels, own, resolver_container
from chaos_ecs.live.labels import Home


class Networks:
    """Knows which networks it has made sure of. Called by several starts at once."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._sure_of: dict[str, None] = {}

    def ensure(self, client: APIClient, cluster_arn: str) -> None:
        """Makes the cluster's network unless it is there. Raises the SDK's exceptions."""
        name = labels.network_name(self._home, cluster_arn)
        if name in self._sure_of:
            return
        with self._lock:  # Docker would make two networks of one name
            if name not in self._sure_of:
                self._make(client, name, cluster_arn)
                self._sure_of[name] = None

    def doubt(self, cluster_arn: str) -> None:
        """The engine said that the network is missing: look again next time."""
        self._sure_of.pop(labels.network_name(self._home, cluster_arn), None)

    def doubt_all(self) -> None:
        """The engine was away; anything may have happened to its networks."""
        self._sure_of.clear()

    def remove(self, client: APIClient, cluster_arn: str) -> None:
        """Removes the cluster's network if it is ours. The agent leaves it first, and the resolver ends; containers
        of others in it are not disconnected: then the engine refuses, with an APIError."""
        self.doubt(cluster_arn)
        try:
            resolver_container.remove(client, self._home, cluster_arn)
            network = client.inspect_network(labels.network_name(self._home, cluster_arn))
            if labels.of(network).get(labels.HOME) == self._home.id:
                for container_id, container in (network.get("Containers") or {}).items():
                    if container["Name"] == labels.agent_name(self._home):
                        agent_container.disconnect(client, container_id, network["Id"])
                client.remove_network(network["Id"])
        except NotFound:
            return

    def _make(self, client: APIClient, name: str, cluster_arn: str) -> None:
        try:
            network = client.inspect_network(name)
        except NotFound:
            marks = labels.network_labels(self._home, cluster_arn)
            made = client.create_network(name, driver="bridge", labels=marks, check_duplicate=True)
            _settle(client, client.inspect_network(made["Id"]), marks)
            return
        own.check(network, self._home, "network", name)
        if resolver_container.address_in(network) is None and not network.get("Containers"):
            _settle(client, network, labels.network_labels(self._home, cluster_arn))  # who made it was stopped half-way


def _settle(client: APIClient, network: Mapping[str, Any], marks: Mapping[str, str]) -> None:
    """Makes it anew with the addresses that Docker has picked: in one that asks for its addresses a container may have
    one of its own. Where that is refused it stays as it was, and tasks find nobody by name."""
    wished = resolver_container.settled(network)
    if wished is None:
        return
    client.remove_network(network["Id"])
    again = partial(client.create_network, network["Name"], driver="bridge", labels=marks, check_duplicate=True)
    try:
        again(ipam=wished)
    except APIError as error:
        if not engine.has_answered(error):
            raise
        again()  # somebody was quicker and has these addresses
