"""Service discovery on Docker: keeps each cluster's resolver running, and true to what was last published.

One thread does it all, and looks every two seconds whether it is still so; whatever goes wrong is told, and tried
again. Never here: what is published (`core/discovery.py`), and how the container is made (`resolver_container.py`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from docker import APIClient
from docker.errors import NotFound

from chaos_ecs.core.arns import name_of
from chaos_ecs.core.discovery_messages import DiscoveryLost, DiscoveryUp, PublishNames
from chaos_ecs.core.messages import Fact
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine, labels, own
from chaos_ecs.live import resolver_container as container
from chaos_ecs.live.labels import Home
from chaos_ecs.live.networks import Networks
from chaos_ecs.live.retries import pause_after
from chaos_ecs.live.starts import ImagesPort

LOOK_SECONDS = 2.0
GATHER_SECONDS = 0.02  # several services often change together, after a restart all of them
PATIENCE_SECONDS = 3.0  # what the first task of a cluster waits for the resolver; it is there within a second
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 10.0
CLOSING_SECONDS = 2.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Cluster:
    """What one cluster's tasks are to be told, and what became of it. The rest but `names` is our thread's own."""

    names: dict[str, PublishNames] = field(default_factory=dict)  # by the ARN of the service
    tried: threading.Event = field(default_factory=threading.Event)  # it is there, or could not be made
    address: str | None = None  # None where there is no resolver to ask and none can be made
    told: Fact | None = None
    in_force: tuple[str, str] = ("", "")  # the container, and the text it was given
    failures: int = 0
    retry_at: float = 0.0  # by a clock that only moves on


class Discovery:
    """`client` is the connection there is now, or None; `tell` takes facts, from our thread."""

    def __init__(
        self,
        client: Callable[[], APIClient | None],
        home: Home,
        images_of: Callable[[APIClient], ImagesPort],
        networks: Networks,
        tell: Callable[[Fact], None],
        on_bug: Callable[[Exception], None],
    ) -> None:
        self._client = client
        self._home = home
        self._images_of = images_of
        self._networks = networks
        self._tell = tell
        self._on_bug = on_bug
        self._changed = threading.Condition()  # guards the three below, and each cluster's names
        self._clusters: dict[str, _Cluster] = {}
        self._has_news = False
        self._closed = False
        self._knows_what_was_left = False  # our thread's own
        self._thread = threading.Thread(target=self._guarded, name="discovery", daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """The resolvers run on; the next controller finds them by their names."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(CLOSING_SECONDS)

    def publish(self, effect: PublishNames) -> None:
        """Of a cluster nobody knows any more, that a service has no names is no news."""
        with self._changed:
            if effect.names:
                self._clusters.setdefault(effect.cluster_arn, _Cluster()).names[effect.service_arn] = effect
            elif cluster := self._clusters.get(effect.cluster_arn):
                cluster.names.pop(effect.service_arn, None)
            else:
                return
            self._has_news = True
            self._changed.notify_all()

    def forget(self, cluster_arn: str) -> None:
        """Its network is about to go, and the resolver with it."""
        with self._changed:
            self._clusters.pop(cluster_arn, None)

    def server_for(self, cluster_arn: str) -> str | None:
        """Whom a container in this cluster is to ask for names; None where there are none. Waits a moment for one that
        is being made; one that takes longer, its image being built, will be found at the same address."""
        with self._changed:
            cluster = self._clusters.get(cluster_arn)
        if cluster is None:
            return None
        cluster.tried.wait(PATIENCE_SECONDS)
        return cluster.address

    # --- our thread ---

    def _guarded(self) -> None:
        try:
            while self._next():
                if (client := self._client()) is not None:
                    self._look(client)
        except Exception as error:  # noqa: BLE001 - handed on: a bug must stop the controller, not just this thread
            self._on_bug(error)

    def _next(self) -> bool:
        """Waits until there is something to do or it is time to look; False once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_news, self._pause())
            if self._has_news:
                self._changed.wait_for(lambda: self._closed, GATHER_SECONDS)
            self._has_news = False
            return not self._closed

    def _pause(self) -> float:
        retries = (cluster.retry_at - time.monotonic() for cluster in self._clusters.values() if cluster.failures)
        return max(0.0, min((LOOK_SECONDS, *retries)))

    def _look(self, client: APIClient) -> None:
        if not self._knows_what_was_left:
            self._find_what_was_left(client)
        with self._changed:
            clusters = dict(self._clusters)
        for arn, cluster in clusters.items():
            if time.monotonic() >= cluster.retry_at and self._is_known(arn):
                self._attended(client, arn, cluster)

    def _is_known(self, arn: str) -> bool:
        with self._changed:
            return arn in self._clusters

    def _find_what_was_left(self, client: APIClient) -> None:
        """Resolvers of a controller before us; those that nobody needs any more are ended like others."""
        try:
            found = container.clusters(client, self._home)
        except engine.UNANSWERED as error:
            log.info("what resolvers there are was not answered: %s", error)
            return
        with self._changed:
            for arn in found:
                self._clusters.setdefault(arn, _Cluster())
        self._knows_what_was_left = True

    def _attended(self, client: APIClient, arn: str, cluster: _Cluster) -> None:
        """Makes it so, and tells once when it cannot be; an engine that does not answer is told by others."""
        try:
            self._attend(client, arn, cluster)
            if not self._is_known(arn):  # deleted meanwhile: what was made again must go again
                self._networks.remove(client, arn)
        except engine.UNANSWERED as error:
            cluster.failures += 1
            pause = pause_after(cluster.failures, first=FIRST_RETRY_SECONDS, longest=LONGEST_RETRY_SECONDS)
            cluster.retry_at = time.monotonic() + pause
            if engine.has_answered(error) or (isinstance(error, ChaosEcsError) and error.code != engine.DOWN):
                cluster.address = None
                reason = error.why or error.what if isinstance(error, ChaosEcsError) else engine.why(error)
                self._tell_once(cluster, DiscoveryLost(arn, reason))
        else:
            cluster.failures, cluster.retry_at = 0, 0.0
            self._tell_once(cluster, DiscoveryUp(arn))
        cluster.tried.set()

    def _tell_once(self, cluster: _Cluster, fact: Fact) -> None:
        if cluster.told != fact and not (cluster.told is None and isinstance(fact, DiscoveryUp)):
            self._tell(fact)
        cluster.told = fact

    def _attend(self, client: APIClient, arn: str, cluster: _Cluster) -> None:
        self._networks.ensure(client, arn)
        try:
            network = client.inspect_network(labels.network_name(self._home, arn))
        except NotFound:
            self._networks.doubt(arn)
            raise
        found = container.find(client, self._home, arn)
        text = self._text(cluster)
        if not cluster.names and not self._has_tasks(network, arn):
            if found is not None:
                client.remove_container(found.id, force=True, v=True)
            return
        cluster.address = container.address_in(network)
        if cluster.address is None:
            reason = f"the network of {name_of(arn)} was made before names were: names work in a new cluster"
            raise ChaosEcsError("E-NETWORK", "No names", reason, "chaos-ecs events")
        if found is not None and not (found.runs and found.id in (network.get("Containers") or {})):
            client.remove_container(found.id, force=True, v=True)
            found = None
        if found is not None and cluster.in_force == (found.id, text):
            return
        self._make_true(client, arn, cluster, text, found.id if found else "")

    def _text(self, cluster: _Cluster) -> str:
        with self._changed:
            return _hosts(list(cluster.names.values()))

    def _has_tasks(self, network: Mapping[str, Any], arn: str) -> bool:
        """Whether there is anybody in the network who may ask: not only ourselves."""
        resolver = labels.resolver_name(self._home, arn)
        helpers = (resolver, labels.balancer_name(self._home), labels.agent_name(self._home))
        return any(one["Name"] not in helpers for one in (network.get("Containers") or {}).values())

    def _make_true(self, client: APIClient, arn: str, cluster: _Cluster, text: str, runs: str) -> None:
        if not runs:
            self._images_of(client).ensure(container.IMAGE, lambda: None)
        assert cluster.address is not None, "without an address none is made"
        id_ = runs or container.create(client, self._home, arn, cluster.address)
        own.deliver(client, id_, container.FOLDER, {container.FILE: text})
        if runs:
            client.kill(id_, container.RELOAD_SIGNAL)
        else:
            client.start(id_)
        cluster.in_force = (id_, text)
        log.info("names in %s:\n%s", arn, text)


def _hosts(published: Iterable[PublishNames]) -> str:
    """As /etc/hosts has it: an address, and its names."""
    rows = (f"{address} {' '.join(one.names)}\n" for one in published for address in one.addresses)
    return "".join(rows)
