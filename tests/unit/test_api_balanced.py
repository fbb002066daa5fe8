"""EnsureServiceLoadBalancer and RemoveServiceLoadBalancer: a service's place behind the shared load balancer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api_harness import Harness

CLUSTER = "my-cluster"


@pytest.fixture
def api() -> Harness:
    return Harness()


def ensure(api: Harness, service: str = "web", **params: Any) -> dict[str, Any]:
    return api.chaos("EnsureServiceLoadBalancer", cluster=CLUSTER, service=service, **params)


def remove(api: Harness, service: str = "web") -> None:
    api.chaos("RemoveServiceLoadBalancer", cluster=CLUSTER, service=service)


def there(api: Harness) -> tuple[list[str], list[int], list[str]]:
    """Names of load balancers, ports of listeners, names of target groups."""
    state = api.simulation.state
    return (
        [item.name for item in state.load_balancers.values()],
        [item.host_port for item in state.listeners.values()],
        [item.name for item in state.target_groups.values()],
    )


def test_two_services_share_a_load_balancer_and_have_a_listener_each(api: Harness) -> None:
    web, shop = ensure(api), ensure(api, "shop")
    assert (web["hostPort"], shop["hostPort"]) == (8480, 8482)
    assert there(api) == (["chaos-ecs"], [8480, 8482], ["web", "shop"])
    assert web["loadBalancerArn"] == shop["loadBalancerArn"]


def test_it_may_be_repeated(api: Harness) -> None:
    assert ensure(api) == ensure(api)
    assert there(api) == (["chaos-ecs"], [8480], ["web"])


def test_another_port_and_another_path_are_taken_over(api: Harness) -> None:
    first, moved = ensure(api), ensure(api, port=9000, healthCheckPath="/health")
    assert (moved["port"], moved["targetGroupArn"]) == (9000, first["targetGroupArn"])
    (group,) = api.simulation.state.target_groups.values()
    assert group.health_check.path == "/health"
    assert ensure(api)["port"] == 9000


def test_the_services_tasks_are_served_behind_it(api: Harness) -> None:
    made = ensure(api)
    place = {"targetGroupArn": made["targetGroupArn"], "containerName": "web-server", "containerPort": 8080}
    api.client().create_service(
        cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=2, loadBalancers=[place]
    )
    api.simulation.advance(10)
    states = [target.state for target in api.simulation.state.targets.values()]
    assert states == ["healthy", "healthy"]


def test_the_last_one_takes_the_load_balancer_with_it(api: Harness) -> None:
    ensure(api)
    ensure(api, "shop")
    remove(api)
    assert there(api) == (["chaos-ecs"], [8482], ["shop"])
    remove(api, "shop")
    assert there(api) == ([], [], [])
    remove(api, "shop")


def test_what_somebody_else_made_is_left_alone(api: Harness) -> None:
    elbv2 = api.client(service="elbv2")
    elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80)
    ensure(api)
    names = there(api)[2]
    assert names[0] == "web"
    assert names[1].startswith("web-")
    remove(api)
    assert there(api) == ([], [], ["web"])


@pytest.mark.parametrize("name", ["my_api", "x" * 60, "-_-"])
def test_any_services_name_gives_a_target_group_a_name_that_it_may_have(api: Harness, name: str) -> None:
    ensure(api, name)
    assert len(there(api)[2][0]) <= 32
