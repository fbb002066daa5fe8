"""A load balancer in each of the contract suite's worlds, and a client that sends requests through Docker's."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from chaos_ecs.core.balancing import (
    Forward,
    GroupRoute,
    ListenerRoute,
    RouteMode,
    Routing,
    RuleRoute,
    TargetHealthCheck,
    TargetRoute,
)
from chaos_ecs.core.messages import ContainerSeen, Fact
from chaos_ecs.live import labels
from chaos_ecs.live.balancer import HaproxyBalancer
from chaos_ecs.live.balancer_container import IMAGE
from chaos_ecs.live.engine import Connector
from chaos_ecs.live.images import Images
from chaos_ecs.ports import LoadBalancer
from chaos_ecs.sim.balancer import SimBalancer
from tests.builders import CLUSTER
from tests.contract.worlds import DockerWorld, SimWorld, World

T = TypeVar("T")
_Fact = TypeVar("_Fact", bound=Fact)

CHECK = TargetHealthCheck(interval=1, timeout=2, healthy_threshold=2, unhealthy_threshold=2)
GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/web/0123456789abcdef"
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/web/0123456789abcdef/1"


@dataclass
class Stand:
    """A balancer on a world; its facts are polled with the world's own."""

    world: World
    balancer: LoadBalancer
    facts: list[Fact] = field(default_factory=list)
    alarm: float | None = None  # when somebody looks again though nothing happens

    def reopen(self) -> None:
        """The controller ends and another one begins."""
        self.balancer.close()
        self.facts.clear()
        if isinstance(self.world, DockerWorld):
            self.balancer = a_haproxy(self.world)
        self.balancer.open(lambda: None)

    def open(self) -> None:
        pump = self.world.pump
        self.balancer.open(lambda: None)

        def pump_both() -> float | None:
            times = [pump()]
            self.facts += self.balancer.poll()
            times += [self.balancer.next_fact_at(), self.alarm]
            return min((at for at in times if at is not None), default=None)

        self.world.pump = pump_both

    def await_fact(self, kind: type[_Fact], **members: object) -> _Fact:
        """The first fact of this kind with these members, waited for and taken away."""

        def look() -> _Fact:
            for number, fact in enumerate(self.facts):
                if isinstance(fact, kind) and all(getattr(fact, m) == v for m, v in members.items()):
                    del self.facts[number]
                    return fact
            raise AssertionError(f"no {kind.__name__} {members} in {self.facts}")

        return self.world.advance_until(look)

    def quietly(self, seconds: float) -> list[Fact]:
        """All that is told within so much time."""
        until = self.alarm = self.world.clock.now() + seconds
        self.world.advance_until(lambda: self.world.clock.now() >= until)
        self.alarm = None
        return self.facts

    def kill(self) -> None:
        """As `docker kill` of the balancer."""
        if isinstance(self.balancer, SimBalancer):
            self.balancer.kill()
        else:
            assert isinstance(self.world, DockerWorld)
            self.world.client.kill(labels.balancer_name(self.world.home))

    def close(self) -> None:
        self.balancer.close()
        if isinstance(self.world, DockerWorld):
            name = labels.balancer_name(self.world.home)
            for one in self.world.client.containers(all=True, filters={"name": f"^/{name}$"}):
                self.world.client.remove_container(one["Id"], force=True)


def a_stand(world: World) -> Stand:
    if isinstance(world, SimWorld):
        stand = Stand(world, SimBalancer(world.engine))
    else:
        assert isinstance(world, DockerWorld)
        Images(world.client).ensure(IMAGE, lambda: None)  # where it is not here yet, that takes half a minute
        stand = Stand(world, a_haproxy(world))
    stand.open()
    return stand


def a_haproxy(world: DockerWorld) -> HaproxyBalancer:
    environment = {"DOCKER_HOST": world.relay.address} if world.relay else None
    return HaproxyBalancer(Connector(30, environment).connect, world.home, Images)


def a_target(seen: ContainerSeen, mode: RouteMode = RouteMode.CHECKED, port: int = 8080) -> TargetRoute:
    return TargetRoute(seen.task_arn.rsplit("/", 1)[1], CLUSTER, seen.address, port, mode)


def a_group(*targets: TargetRoute, arn: str = GROUP, check: TargetHealthCheck = CHECK) -> GroupRoute:
    return GroupRoute(arn, check, "round_robin", 0, targets)


def a_routing(port: int, *groups: GroupRoute, rules: tuple[RuleRoute, ...] = ()) -> Routing:
    """One listener that forwards to the first group."""
    return Routing((ListenerRoute(LISTENER, port, rules, Forward(((groups[0].arn, 1),))),), groups)


def serving(port: int, *found: ContainerSeen) -> Routing:
    return a_routing(port, a_group(*(a_target(seen, RouteMode.SERVING) for seen in found)))


def get(port: int, path: str = "/", host: str = "") -> tuple[int, str]:
    """Status and body, over a connection of its own. Raises OSError and HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host} if host else {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def task_of(answer: tuple[int, str]) -> str:
    """The id of the demo task that answered."""
    status, body = answer
    assert status == 200, answer
    return body.split("task ")[1].split()[0]


class Load:
    """A client that asks at a steady rate, each request on a connection of its own, until it is left."""

    at_once = 4

    def __init__(self, port: int, rate: float = 200.0, ask: Callable[[int], tuple[int, str]] = get) -> None:
        self.answers: list[tuple[float, str]] = []  # when, and by which task
        self.failures: list[str] = []
        self._port, self._rate, self._ask = port, rate, ask
        self._ends = threading.Event()
        self._began = 0.0
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(self.at_once)]

    def __enter__(self) -> Load:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(10)

    def _run(self, number: int) -> None:
        turn = number
        while not self._ends.wait(max(0.0, self._began + turn / self._rate - time.monotonic())):
            try:
                sent = time.monotonic()
                self.answers.append((sent, task_of(self._ask(self._port))))
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append(repr(error))
            turn += len(self._threads)
