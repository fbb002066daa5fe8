"""Service discovery: which names lead where, on the simulator."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chaos_ecs.core import arns
from chaos_ecs.core.messages import CreateCluster, DeleteService, KillTask, UpdateService
from chaos_ecs.core.model import ContainerDefinition, HealthCheck, HealthStatus
from chaos_ecs.core.pace import AWS
from chaos_ecs.sim.engine import Behaviour
from chaos_ecs.sim.simulation import Simulation
from tests.builders import (
    CLUSTER,
    REGION,
    WEB,
    a_container,
    a_service,
    a_simulation,
    a_target_group,
    behind,
    registered,
    running,
)

NOBODY: frozenset[str] = frozenset()


def leads(simulation: Simulation, name: str, cluster: str = CLUSTER) -> frozenset[str]:
    return simulation.runtime.resolve(cluster, name)


def addresses(simulation: Simulation, service: str = WEB) -> frozenset[str]:
    return frozenset(task.containers[0].address for task in running(simulation, service))


def test_a_name_leads_to_the_tasks_that_run_and_is_unknown_without_any() -> None:
    simulation = a_simulation()
    a_service(simulation, desired_count=2)
    assert leads(simulation, "web") == NOBODY
    simulation.advance(10)
    assert leads(simulation, "web") == leads(simulation, "web.my-cluster") == addresses(simulation)
    assert len(addresses(simulation)) == 2
    simulation.submit(UpdateService(WEB, desired_count=0))
    simulation.advance(40)
    assert leads(simulation, "web") == NOBODY


def test_a_task_whose_health_check_fails_is_not_found() -> None:
    sick = HealthCheck(("CMD", "sick"), interval=5, retries=1)

    def behaviour(definition: ContainerDefinition) -> Behaviour:
        return replace(Behaviour(), health=HealthStatus.UNHEALTHY) if definition.health_check else Behaviour()

    simulation = a_simulation(behaviour=behaviour)
    definition = registered(simulation, a_container(health_check=sick))
    a_service(simulation, desired_count=1, definition=definition)
    for _ in range(60):
        simulation.advance(1)
        assert leads(simulation, "web") == NOBODY


def test_a_task_behind_a_load_balancer_is_found_only_once_its_target_is_healthy() -> None:
    simulation = a_simulation()
    group = a_target_group(simulation)
    a_service(simulation, desired_count=1, load_balancers=behind(group))
    seen = []
    for _ in range(100):
        simulation.advance(0.1)
        healthy = [target.address for target in simulation.state.targets_in(group) if target.state == "healthy"]
        if running(simulation):
            seen.append(bool(healthy))
            assert leads(simulation, "web") == frozenset(healthy)
    assert seen[0] is False
    assert seen[-1] is True


def test_a_deleted_services_name_is_unknown_at_once_and_its_name_can_be_taken_again() -> None:
    simulation = a_simulation()
    a_service(simulation, desired_count=1)
    simulation.advance(10)
    simulation.submit(DeleteService(WEB, force=True))
    simulation.advance(0.1)
    assert leads(simulation, "web") == NOBODY
    simulation.advance(40)
    a_service(simulation, desired_count=1)
    simulation.advance(10)
    assert leads(simulation, "web") == addresses(simulation) != NOBODY


def test_names_are_those_of_one_cluster() -> None:
    simulation = a_simulation()
    other = arns.cluster_arn(REGION, "other")
    simulation.submit(CreateCluster(other)).result(0)
    a_service(simulation, desired_count=1)
    simulation.advance(10)
    assert leads(simulation, "web") != NOBODY
    assert leads(simulation, "web", other) == NOBODY


@pytest.mark.parametrize("namespace", ["shop", "arn:aws:servicediscovery:us-east-1:123456789012:namespace/shop"])
@pytest.mark.parametrize(
    ("offered", "names"),
    [
        ({"portName": "http"}, ["http", "http.shop"]),
        ({"portName": "http", "discoveryName": "Store"}, ["store", "store.shop"]),
        ({"portName": "http", "clientAliases": [{"port": 80, "dnsName": "store.local"}]}, ["store.local", "http"]),
    ],
)
def test_service_connects_names_lead_there_too(offered: object, names: list[str], namespace: str) -> None:
    simulation = a_simulation()
    a_service(simulation, desired_count=1)
    simulation.advance(10)
    connect = {"enabled": True, "namespace": namespace, "services": [offered]}
    simulation.submit(UpdateService(WEB, registered=json.dumps({"serviceConnectConfiguration": connect})))
    simulation.advance(1)
    for name in [*names, "web"]:
        assert leads(simulation, name) == addresses(simulation) != NOBODY
    off = {"serviceConnectConfiguration": {**connect, "enabled": False}}
    simulation.submit(UpdateService(WEB, registered=json.dumps(off)))
    simulation.advance(1)
    assert leads(simulation, names[0]) == NOBODY


def test_after_a_crash_of_the_controller_names_lead_to_whom_there_is_now() -> None:
    simulation = a_simulation()
    a_service(simulation, desired_count=2)
    simulation.advance(10)
    simulation.crash()
    simulation.engine.signal(next(iter(simulation.engine.containers)), "SIGKILL")
    simulation.restart()
    simulation.advance(10)
    assert leads(simulation, "web") == addresses(simulation)
    assert len(addresses(simulation)) == 2


def test_a_dead_tasks_address_goes_at_once_whatever_the_pace_of_the_scheduler() -> None:
    simulation = a_simulation(pace=AWS)
    a_service(simulation, desired_count=2)
    simulation.advance(120)
    assert leads(simulation, "web") == addresses(simulation)
    victim = running(simulation, WEB)[0]
    simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(0.5)
    assert leads(simulation, "web") == addresses(simulation) - {victim.containers[0].address} != NOBODY


@pytest.mark.parametrize("name", ["a..b", ".a", "a.", "-", "a b", "a" * 254])
def test_what_is_no_name_is_not_published(name: str) -> None:
    simulation = a_simulation()
    a_service(simulation, desired_count=1)
    offered = {"portName": "http", "clientAliases": [{"dnsName": name}]}
    connect = {"enabled": True, "namespace": "shop", "services": [offered]}
    simulation.submit(UpdateService(WEB, registered=json.dumps({"serviceConnectConfiguration": connect})))
    simulation.advance(10)
    assert simulation.state.published[WEB][0] == ("web", "web.my-cluster", "http", "http.shop")


def test_a_service_that_only_speaks_of_service_connect_has_its_own_names() -> None:
    simulation = a_simulation()
    a_service(simulation, desired_count=1)
    said = {"placementConstraints": [{"expression": "attribute:serviceConnectConfiguration == x"}]}
    simulation.submit(UpdateService(WEB, registered=json.dumps(said)))
    simulation.advance(10)
    assert leads(simulation, "web") == addresses(simulation)
