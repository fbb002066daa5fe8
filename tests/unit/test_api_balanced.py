"""EnsureServiceLoadBalancer and RemoveServiceLoadBalancer: a service's place behind the shared load balancer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api_harness import CLUSTER, Harness


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


# --- two target groups, for deployments that move traffic ---


def weights(api: Harness, rule: str) -> dict[str, int]:
    """By the name of the target group."""
    (told,) = api.client(service="elbv2").describe_rules(RuleArns=[rule])["Rules"]
    groups = told["Actions"][0]["ForwardConfig"]["TargetGroups"]
    return {group["TargetGroupArn"].split("/")[1]: group["Weight"] for group in groups}


def shifting(api: Harness, made: dict[str, Any]) -> None:
    """The service, whose next deployment is a blue/green one without a bake time."""
    advanced = {
        "alternateTargetGroupArn": made["alternateTargetGroupArn"],
        "productionListenerRule": made["productionListenerRule"],
        "testListenerRule": made["testListenerRule"],
    }
    place = {"targetGroupArn": made["targetGroupArn"], "containerName": "web-server", "containerPort": 8080}
    api.client().create_service(
        cluster=CLUSTER,
        serviceName="web",
        taskDefinition="web-server",
        desiredCount=1,
        deploymentConfiguration={"strategy": "BLUE_GREEN"},
        loadBalancers=[place | {"advancedConfiguration": advanced}],
    )
    api.simulation.advance(10)


def test_an_alternate_target_group_is_made_once_and_beside_the_first(api: Harness) -> None:
    plain = ensure(api, healthCheckPath="/health")
    assert plain["productionListenerRule"] == rules(api, plain["listenerArn"])[0]
    assert "alternateTargetGroupArn" not in plain
    made = ensure(api, alternate=True)
    assert made == plain | {"alternateTargetGroupArn": made["alternateTargetGroupArn"]}
    assert ensure(api, alternate=True) == ensure(api) == made
    assert there(api) == (["chaos-ecs"], [8480], ["web", "web-alternate"])
    assert [group.health_check.path for group in api.simulation.state.target_groups.values()] == ["/health"] * 2
    ensure(api, alternate=True, healthCheckPath="/")
    assert [group.health_check.path for group in api.simulation.state.target_groups.values()] == ["/"] * 2


def rules(api: Harness, listener: str) -> list[str]:
    told = api.client(service="elbv2").describe_rules(ListenerArn=listener)["Rules"]
    return [rule["RuleArn"] for rule in told]


def test_a_test_listener_is_made_at_its_own_port(api: Harness) -> None:
    made = ensure(api, alternate=True, testPort=9090)
    assert (made["hostPort"], made["testHostPort"]) == (8480, 9090)
    assert weights(api, made["testListenerRule"]) == weights(api, made["productionListenerRule"]) == {"web": 1}
    assert ensure(api, alternate=True, testPort=9090) == made
    moved = ensure(api, alternate=True, testPort=9091)
    assert moved["testHostPort"] == 9091
    assert there(api)[1] == [8480, 9091]


def test_a_test_port_that_would_have_been_the_listeners_is_the_test_listeners(api: Harness) -> None:
    made = ensure(api, alternate=True, testPort=8480)
    assert made["port"] != 8480
    assert made["testListenerRule"] != made["productionListenerRule"]


def test_what_deployments_have_shifted_stays_shifted(api: Harness) -> None:
    made = ensure(api, alternate=True, testPort=9090)
    shifting(api, made)
    for shifted in ({"web": 0, "web-alternate": 100}, {"web": 100, "web-alternate": 0}):
        api.client().update_service(cluster=CLUSTER, service="web", forceNewDeployment=True)
        api.simulation.advance(40)
        assert weights(api, made["productionListenerRule"]) == shifted
        assert ensure(api, alternate=True, testPort=9090) == ensure(api) == made
        assert weights(api, made["productionListenerRule"]) == shifted


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"port": 9000}, "The production port 8480 can not become 9000: deployments of service web move its traffic."),
        ({"alternate": True, "testPort": 9001}, "The test port 9090 can not become 9001"),
        ({"testPort": 9090}, "testPort needs alternate"),
        ({"alternate": True, "testPort": 8480}, "The test port 9090 can not become 8480"),
    ],
)
def test_ports_under_a_deployments_rule_can_not_be_changed(api: Harness, members: dict[str, Any], said: str) -> None:
    shifting(api, ensure(api, alternate=True, testPort=9090))
    before = dict(api.simulation.state.listeners)
    status, body = api.call(
        "EnsureServiceLoadBalancer", {"cluster": CLUSTER, "service": "web", **members}, service="chaos-ecs"
    )
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert said in body["message"]
    assert api.simulation.state.listeners == before


def test_one_port_can_not_be_both(api: Harness) -> None:
    params = {"cluster": CLUSTER, "service": "web", "alternate": True, "port": 9000, "testPort": 9000}
    status, body = api.call("EnsureServiceLoadBalancer", params, service="chaos-ecs")
    assert (status, body["message"]) == (400, "port and testPort must be different: both are 9000.")
    assert there(api) == ([], [], [])


def test_all_of_it_goes_again(api: Harness) -> None:
    shifting(api, ensure(api, alternate=True, testPort=9090))
    api.client().update_service(cluster=CLUSTER, service="web", forceNewDeployment=True)
    api.simulation.advance(40)
    api.client().delete_service(cluster=CLUSTER, service="web", force=True)
    remove(api)
    assert there(api) == ([], [], [])
