"""What `live/discovery.py` makes of an engine that refuses, is away, or has forgotten; the rest is the contract's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from docker.errors import APIError, DockerException, NotFound

from chaos_ecs.core.discovery_messages import DiscoveryLost, DiscoveryUp, PublishNames
from chaos_ecs.core.messages import Fact
from chaos_ecs.live.discovery import Discovery
from chaos_ecs.live.labels import Home
from chaos_ecs.live.networks import Networks
from tests.builders import CLUSTER, WEB, eventually

OWN_RANGE = {"Subnet": "172.18.0.0/16", "IPRange": "172.18.0.0/17"}
RESOLVER = "172.18.255.253"


def refusal(words: str) -> APIError:
    return APIError("no", explanation=words)


@dataclass
class FakeEngine:
    """A client of an engine that has one network of ours, and does what it is told to."""

    pool: dict[str, str] = field(default_factory=lambda: OWN_RANGE)
    trouble: Exception | None = None
    asked: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def inspect_network(self, name: str) -> dict[str, Any]:
        self.asked.append(name)
        marks = {"chaos-ecs.home": HOME.id}
        return {"Id": name, "Labels": marks, "IPAM": {"Config": [self.pool]}, "Containers": {"a": {"Name": "a-task"}}}

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return []

    def inspect_container(self, name: str) -> dict[str, Any]:
        if not self.made:
            raise NotFound("no such container")
        return {"Id": name, "Config": {"Labels": {"chaos-ecs.home": HOME.id}}, "State": {"Running": True}}

    def create_container_from_config(self, config: dict[str, Any], name: str) -> dict[str, str]:
        if self.trouble:
            raise self.trouble
        self.made.append(name)
        return {"Id": name}

    def put_archive(self, *_: Any) -> None: ...
    def start(self, *_: Any) -> None: ...


class NoImages:
    def ensure(self, *_: Any, **__: Any) -> None: ...


HOME = Home("abcdef123456", "/tmp/somewhere")


@dataclass
class Bench:
    """The thread, what it has told, and what it ran into."""

    engine: FakeEngine
    told: list[Fact] = field(default_factory=list)
    bugs: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        images: Any = NoImages()
        engine: Any = self.engine
        self.discovery = Discovery(
            lambda: engine, HOME, lambda client: images, Networks(HOME), self.told.append, self.bugs.append
        )
        self.discovery.open()

    def publish(self, *names: str) -> None:
        self.discovery.publish(PublishNames(WEB, CLUSTER, names, ("172.18.0.2",), "the test wants it"))


@pytest.fixture
def opened() -> Iterator[list[Bench]]:
    benches: list[Bench] = []
    yield benches
    for bench in benches:
        bench.discovery.close()
        assert bench.bugs == []


def test_a_resolver_that_is_refused_is_told_and_told_again_when_it_is_there(opened: list[Bench]) -> None:
    bench = Bench(FakeEngine(trouble=refusal("no space left")))
    opened.append(bench)
    bench.publish("web")
    assert bench.discovery.server_for(CLUSTER) is None
    eventually(lambda: bench.told == [DiscoveryLost(CLUSTER, "no space left")], within=2)
    bench.engine.trouble = None
    eventually(lambda: bench.told[1:] == [DiscoveryUp(CLUSTER)], within=5)
    assert bench.discovery.server_for(CLUSTER) == RESOLVER


def test_a_network_of_an_earlier_version_is_told_once_and_nobody_waits_for_it(opened: list[Bench]) -> None:
    bench = Bench(FakeEngine(pool={"Subnet": "172.18.0.0/16"}))
    opened.append(bench)
    bench.publish("web")
    eventually(lambda: bench.told, within=2)
    assert bench.discovery.server_for(CLUSTER) is None
    (lost,) = bench.told
    assert isinstance(lost, DiscoveryLost)
    assert lost.reason == "the network of my-cluster was made before names were: names work in a new cluster"


def test_an_engine_that_does_not_answer_is_no_news_of_ours(opened: list[Bench]) -> None:
    bench = Bench(FakeEngine(trouble=DockerException("connection refused")))
    opened.append(bench)
    bench.publish("web")
    assert bench.discovery.server_for(CLUSTER) == RESOLVER, "it will be there when the engine is"
    assert bench.told == []
    bench.engine.trouble = None
    eventually(lambda: bench.engine.made, within=5)


def test_the_end_of_a_service_in_a_cluster_that_is_gone_makes_nothing(opened: list[Bench]) -> None:
    bench = Bench(FakeEngine())
    opened.append(bench)
    bench.publish("web")
    eventually(lambda: bench.engine.made, within=2)
    bench.discovery.forget(CLUSTER)
    bench.engine.asked.clear()
    bench.publish()
    assert bench.discovery.server_for(CLUSTER) is None
    bench.discovery.close()
    assert bench.engine.asked == []
