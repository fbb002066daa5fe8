"""Container instances through real boto3: what is listed, described, drained, deregistered, and what their tasks and
clusters show."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chaos_ecs.core import instances
from chaos_ecs.core.arns import cluster_arn, container_instance_arn, name_of
from tests.unit.api_harness import CLUSTER, REGION, Harness, add_instance

CLUSTER_ARN = cluster_arn(REGION, CLUSTER)
HEALTH = "CONTAINER_INSTANCE_HEALTH"


def container(**members: Any) -> list[dict[str, Any]]:
    return [{"name": "app", "image": "chaos-ecs/demo:1", "memory": 256, "cpu": 256, **members}]


def define(ecs: Any, family: str = "app", *, bound: dict[str, Any] | None = None, **members: Any) -> str:
    registered = ecs.register_task_definition(family=family, containerDefinitions=container(**(bound or {})), **members)
    arn: str = registered["taskDefinition"]["taskDefinitionArn"]
    return arn


def on_port(port: int, protocol: str = "tcp") -> dict[str, Any]:
    return {"portMappings": [{"containerPort": 80, "hostPort": port, "protocol": protocol}]}


def described(ecs: Any, arn: str, *include: str) -> dict[str, Any]:
    answer = ecs.describe_container_instances(cluster=CLUSTER, containerInstances=[arn], include=list(include))
    assert answer["failures"] == []
    instance: dict[str, Any] = answer["containerInstances"][0]
    return instance


def listed(ecs: Any, **said: Any) -> list[str]:
    arns: list[str] = ecs.list_container_instances(cluster=CLUSTER, **said)["containerInstanceArns"]
    return arns


def drain(ecs: Any, *arns: str, status: str = "DRAINING") -> dict[str, Any]:
    answer: dict[str, Any] = ecs.update_container_instances_state(
        cluster=CLUSTER, containerInstances=list(arns), status=status
    )
    return answer


def ports(resources: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {item["name"]: item["stringSetValue"] for item in resources if item["type"] == "STRINGSET"}


def amounts(resources: list[dict[str, Any]]) -> dict[str, int]:
    return {item["name"]: item["integerValue"] for item in resources if item["type"] == "INTEGER"}


def reasons(answer: dict[str, Any]) -> dict[str, str]:
    return {failure["arn"]: failure["reason"] for failure in answer["failures"]}


def refused(code: str, said: str, call: Any, **params: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(cluster=CLUSTER, **params)
    error = caught.value.response["Error"]
    assert (error["Code"], said in error["Message"]) == (code, True), error


# --- listed and described ---


def test_a_container_instance_is_described_with_all_that_ecs_tells(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1", attributes={"stack": "prod", "gpu": ""})
    instance = described(ecs, arn, "TAGS", HEALTH)
    assert instance["containerInstanceArn"] == arn
    assert instance["ec2InstanceId"] == f"i-{name_of(arn)[:17]}"
    assert (instance["status"], instance["agentConnected"]) == ("ACTIVE", True)
    assert instance["versionInfo"] == {"agentVersion": "1.0.0"}
    assert (instance["runningTasksCount"], instance["pendingTasksCount"], instance["version"]) == (0, 0, 1)
    assert instance["registeredAt"].timestamp() == pytest.approx(api.simulation.clock.now(), abs=1)
    assert {"name": "ecs.availability-zone", "value": f"{REGION}a"} in instance["attributes"]
    assert {"name": "gpu"} in instance["attributes"]
    reserved = {"PORTS": ["22", "2375", "2376", "51678", "51679"], "PORTS_UDP": []}
    for resources in (instance["registeredResources"], instance["remainingResources"]):
        assert [item["name"] for item in resources] == ["CPU", "MEMORY", "PORTS", "PORTS_UDP"]
        assert amounts(resources) == {"CPU": 2048, "MEMORY": 4096}
        assert ports(resources) == reserved
    assert (instance["tags"], instance["attachments"]) == ([], [])
    assert instance["healthStatus"]["overallStatus"] == "OK"
    assert "healthStatus" not in described(ecs, arn)


def test_tasks_take_their_share_of_what_remains(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    define(ecs, bound=on_port(8080))
    define(ecs, "udp", bound=on_port(5353, "udp"))
    for family in ("app", "udp"):
        assert ecs.run_task(cluster=CLUSTER, taskDefinition=family)["failures"] == []
    assert described(ecs, arn)["pendingTasksCount"] == 2
    api.simulation.advance(5)
    instance = described(ecs, arn)
    assert (instance["runningTasksCount"], instance["pendingTasksCount"]) == (2, 0)
    assert amounts(instance["remainingResources"]) == {"CPU": 2048 - 512, "MEMORY": 4096 - 512}
    assert "8080" in ports(instance["remainingResources"])["PORTS"]
    assert ports(instance["remainingResources"])["PORTS_UDP"] == ["5353"]
    assert amounts(instance["registeredResources"]) == {"CPU": 2048, "MEMORY": 4096}
    assert "8080" not in ports(instance["registeredResources"])["PORTS"]


def test_slices_of_one_engine_show_the_ports_that_are_taken_on_it(api: Harness, ecs: Any) -> None:
    a1, a2 = add_instance(api, "a1"), add_instance(api, "a2")
    far = add_instance(api, "b1", engine="elsewhere")
    define(ecs, bound=on_port(8080))
    ecs.run_task(cluster=CLUSTER, taskDefinition="app")
    for arn, is_taken in ((a1, True), (a2, True), (far, False)):
        taken = ports(described(ecs, arn)["remainingResources"])["PORTS"]
        assert ("8080" in taken) is is_taken, arn


def test_standbys_take_room_and_are_no_tasks(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=1)
    api.chaos("SetStandby", cluster=CLUSTER, service="web", count=1)
    api.simulation.advance(20)
    state = api.simulation.state
    (standby,) = state.standbys.values()
    assert standby.container_instance_arn == arn
    instance = described(ecs, arn)
    assert (instance["runningTasksCount"], instance["pendingTasksCount"]) == (1, 0)
    used = 4096 - amounts(instance["remainingResources"])["MEMORY"]
    assert used == 2 * standby.needs.memory > 0


def test_what_is_not_there_is_a_failure_and_the_rest_is_described_once(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    named = [arn, name_of(arn), "a1", name_of(arn)[:6], "nobody"]
    answer = ecs.describe_container_instances(cluster=CLUSTER, containerInstances=named)
    assert [instance["containerInstanceArn"] for instance in answer["containerInstances"]] == [arn]
    assert reasons(answer) == {container_instance_arn(CLUSTER_ARN, "nobody"): "MISSING"}


def test_a_name_that_is_gone_finds_no_other_by_its_first_digits(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "b1")
    for digits, is_found in ((5, False), (6, True), (31, True)):
        named = name_of(arn)[:digits]
        answer = ecs.describe_container_instances(cluster=CLUSTER, containerInstances=[named])
        assert len(answer["containerInstances"]) == is_found, digits


def test_a_container_instance_of_another_cluster_is_missing(api: Harness, ecs: Any) -> None:
    ecs.create_cluster(clusterName="other")
    arn = add_instance(api, "a1", cluster="other")
    answer = ecs.describe_container_instances(cluster=CLUSTER, containerInstances=[arn])
    assert (answer["containerInstances"], reasons(answer)) == ([], {arn: "MISSING"})
    assert listed(ecs) == []


def test_container_instances_are_listed_by_status_and_by_the_query_language(api: Harness, ecs: Any) -> None:
    a1, a2, b1 = (add_instance(api, name, attributes={"stack": name}) for name in ("a1", "a2", "b1"))
    drain(ecs, a2)
    ecs.run_task(cluster=CLUSTER, taskDefinition="worker", placementConstraints=_only("attribute:stack == b1"))
    for said, expected in (
        ({}, [a1, a2, b1]),
        ({"status": "ACTIVE"}, [a1, b1]),
        ({"status": "DRAINING"}, [a2]),
        ({"filter": "attribute:ecs.availability-zone == us-east-1a"}, [a1, a2]),
        ({"filter": "attribute:stack =~ a.* and runningTasksCount == 0", "status": "ACTIVE"}, [a1]),
        ({"filter": "task:group == family:worker"}, [b1]),
        ({"filter": "agentConnected == false"}, []),
        ({"filter": ""}, [a1, a2, b1]),
    ):
        assert listed(ecs, **said) == expected, said
    pages = ecs.get_paginator("list_container_instances").paginate(cluster=CLUSTER, PaginationConfig={"PageSize": 2})
    assert [page["containerInstanceArns"] for page in pages] == [[a1, a2], [b1]]


def _only(expression: str) -> list[dict[str, str]]:
    return [{"type": "memberOf", "expression": expression}]


def test_while_the_engine_is_away_its_container_instances_are_not_connected(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    api.simulation.engine.up = False
    api.simulation.advance(5)
    instance = described(ecs, arn, HEALTH)
    assert (instance["agentConnected"], instance["healthStatus"]["overallStatus"]) == (False, "INSUFFICIENT_DATA")
    assert listed(ecs, filter="agentConnected == false") == [arn]
    answer = ecs.run_task(cluster=CLUSTER, taskDefinition="worker")
    assert (answer["tasks"], reasons(answer)) == ([], {arn: "AGENT"})
    started = ecs.start_task(cluster=CLUSTER, taskDefinition="worker", containerInstances=[arn])
    assert (started["tasks"], reasons(started)) == ([], {arn: "AGENT"})


# --- drained and deregistered ---


def test_several_are_drained_at_once_and_come_back(api: Harness, ecs: Any) -> None:
    a1, b1 = add_instance(api, "a1"), add_instance(api, "b1")
    answer = drain(ecs, a1, b1, "nobody")
    assert [(one["containerInstanceArn"], one["status"]) for one in answer["containerInstances"]] == [
        (a1, "DRAINING"),
        (b1, "DRAINING"),
    ]
    assert reasons(answer) == {container_instance_arn(CLUSTER_ARN, "nobody"): "MISSING"}
    assert described(ecs, a1)["version"] == 2
    assert listed(ecs, status="DRAINING") == [a1, b1]
    drain(ecs, a1, status="ACTIVE")
    assert described(ecs, a1)["status"] == "ACTIVE"
    assert drain(ecs, "nobody")["containerInstances"] == []


def test_one_that_was_deregistered_is_not_drained(api: Harness, ecs: Any) -> None:
    a1, b1 = add_instance(api, "a1"), add_instance(api, "b1")
    ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=a1)
    answer = drain(ecs, a1, b1)
    assert [one["containerInstanceArn"] for one in answer["containerInstances"]] == [b1]
    assert reasons(answer) == {a1: "INACTIVE"}


def test_a_deregistered_one_can_be_described_for_an_hour_and_is_listed_no_more(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    gone = ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=arn)["containerInstance"]
    assert (gone["containerInstanceArn"], gone["status"]) == (arn, "INACTIVE")
    assert listed(ecs) == []
    refused(
        "InvalidParameterException",
        f"Referenced container instance {arn} not found.",
        ecs.deregister_container_instance,
        containerInstance=arn,
    )
    api.simulation.advance(3500)
    assert described(ecs, arn)["status"] == "INACTIVE"
    api.simulation.advance(200)
    answer = ecs.describe_container_instances(cluster=CLUSTER, containerInstances=[arn])
    assert reasons(answer) == {arn: "MISSING"}
    assert not api.simulation.state.container_instances


def test_the_name_of_a_deregistered_one_is_free_again(api: Harness, ecs: Any) -> None:
    first = add_instance(api, "a1")
    ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=first)
    second = add_instance(api, "a1")
    assert listed(ecs) == [second] != [first]


def test_one_with_tasks_is_deregistered_by_force_only_and_its_tasks_remember_it(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"]
    api.simulation.advance(5)
    refused(
        "InvalidParameterException",
        "Found running tasks on the instance.",
        ecs.deregister_container_instance,
        containerInstance=arn,
    )
    ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=arn, force=True)
    api.simulation.advance(60)
    (stopped,) = ecs.describe_tasks(cluster=CLUSTER, tasks=[task["taskArn"]])["tasks"]
    assert (stopped["lastStatus"], stopped["containerInstanceArn"]) == ("STOPPED", arn)
    assert stopped["stoppedReason"] == "Container instance deregistration forced by user"
    api.simulation.advance(3500)
    assert arn in api.simulation.state.container_instances
    api.simulation.advance(200)
    assert arn not in api.simulation.state.container_instances


def test_a_cluster_that_has_one_is_not_deleted(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    for status in ("ACTIVE", "DRAINING"):
        drain(ecs, arn, status=status)
        refused(
            "ClusterContainsContainerInstancesException",
            "The Cluster cannot be deleted while Container Instances are active or draining.",
            ecs.delete_cluster,
        )
    ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=arn)
    assert ecs.delete_cluster(cluster=CLUSTER)["cluster"]["status"] == "INACTIVE"


# --- attributes and tags ---


def attributes(ecs: Any, **said: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = ecs.list_attributes(cluster=CLUSTER, targetType="container-instance", **said)[
        "attributes"
    ]
    return found


def test_attributes_are_put_listed_and_deleted(api: Harness, ecs: Any) -> None:
    a1, b1 = add_instance(api, "a1"), add_instance(api, "b1")
    short = {"targetType": "container-instance", "targetId": name_of(b1)}
    said = [{"name": "stack", "value": "prod", "targetId": a1}, {"name": "stack", "value": "test", **short}]
    put = ecs.put_attributes(cluster=CLUSTER, attributes=said)["attributes"]
    expected = [
        {"name": "stack", "value": "prod", "targetId": a1},
        {"name": "stack", "value": "test", "targetId": b1},
    ]
    assert put == expected == attributes(ecs, attributeName="stack")
    assert attributes(ecs, attributeName="stack", attributeValue="test") == expected[1:]
    assert described(ecs, a1)["version"] == 2
    assert listed(ecs, filter="attribute:stack == prod") == [a1]
    ecs.put_attributes(cluster=CLUSTER, attributes=[{"name": "stack", "value": "blue green", "targetId": a1}])
    assert attributes(ecs, attributeName="stack", attributeValue="blue green") == [
        {"name": "stack", "value": "blue green", "targetId": a1}
    ]
    gone = ecs.delete_attributes(cluster=CLUSTER, attributes=[{"name": "stack", "targetId": a1}])["attributes"]
    assert gone == [{"name": "stack", "targetId": a1}]
    assert attributes(ecs, attributeName="stack") == expected[1:]
    ecs.delete_attributes(cluster=CLUSTER, attributes=[{"name": "stack", "targetId": a1}])


def test_built_in_attributes_are_listed_page_by_page(api: Harness, ecs: Any) -> None:
    a1 = add_instance(api, "a1", attributes={"zoo": "1", "ant": "2"})
    b1 = add_instance(api, "b1")
    pages = list(
        ecs.get_paginator("list_attributes").paginate(
            cluster=CLUSTER, targetType="container-instance", PaginationConfig={"PageSize": 3}
        )
    )
    found = [(item["targetId"], item["name"]) for page in pages for item in page["attributes"]]
    assert len(found) == len(dict.fromkeys(found)) == 12
    assert found == sorted(found, key=lambda item: (item[0] != a1, item[1]))
    assert [target for target, _ in found].count(b1) == 5


def test_a_resource_has_ten_custom_attributes_and_what_is_refused_changes_nothing(api: Harness, ecs: Any) -> None:
    a1, b1 = add_instance(api, "a1", attributes={"kept": "1"}), add_instance(api, "b1")

    def put(*said: tuple[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "value": "v", "targetId": target} for name, target in said]

    many = put(*((f"n{number}", a1) for number in range(9)))
    ecs.put_attributes(cluster=CLUSTER, attributes=many)
    for said in (put(("one", b1), ("more", a1)), put(("one", b1), ("x", a1), ("y", a1))):
        refused(
            "AttributeLimitExceededException",
            "You can apply up to 10 custom attributes for each resource.",
            ecs.put_attributes,
            attributes=said,
        )
    refused(
        "TargetNotFoundException", "Could not find", ecs.put_attributes, attributes=put(("one", b1), ("x", b1 + "0"))
    )
    refused(
        "InvalidParameterException",
        "ecs.ami-id is set by Amazon ECS",
        ecs.delete_attributes,
        attributes=[{"name": "ecs.ami-id", "targetId": b1}],
    )
    assert attributes(ecs, attributeName="one") == []
    ecs.put_attributes(cluster=CLUSTER, attributes=put(("kept", a1)))
    assert attributes(ecs, attributeName="kept")[0]["value"] == "v"


def test_a_container_instance_is_tagged(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "a"}])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": "a"}]
    assert described(ecs, arn, "TAGS")["tags"] == [{"key": "team", "value": "a"}]
    assert described(ecs, arn)["tags"] == []
    ecs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert described(ecs, arn, "TAGS")["tags"] == []
    ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=arn)
    with pytest.raises(ClientError, match="The specified container instance is inactive"):
        ecs.list_tags_for_resource(resourceArn=arn)


# --- tasks and clusters ---


def test_a_task_says_which_container_instance_it_is_on(api: Harness, ecs: Any) -> None:
    a1, b1 = add_instance(api, "a1"), add_instance(api, "b1")
    for arn, zone in ((a1, "us-east-1a"), (b1, "us-east-1b")):
        constraints = _only(f"attribute:ecs.availability-zone == {zone}")
        (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="worker", placementConstraints=constraints)["tasks"]
        assert (task["containerInstanceArn"], task["availabilityZone"]) == (arn, zone)
        assert task["attributes"] == [{"name": "ecs.cpu-architecture", "value": "x86_64"}]
        assert task["connectivity"] == "CONNECTED"
        found = ecs.list_tasks(cluster=CLUSTER, containerInstance=name_of(arn))["taskArns"]
        assert found == ecs.list_tasks(cluster=CLUSTER, containerInstance=arn)["taskArns"] == [task["taskArn"]]
    assert ecs.list_tasks(cluster=CLUSTER, containerInstance="nobody")["taskArns"] == []


def test_in_a_cluster_without_any_a_task_is_on_none(ecs: Any) -> None:
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"]
    assert "containerInstanceArn" not in task
    assert (task["availabilityZone"], task["attributes"]) == ("us-east-1a", [])


def test_a_task_whose_container_instance_is_cut_off_says_so(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"]
    api.simulation.advance(5)
    state = api.simulation.state

    def seen() -> str:
        (told,) = ecs.describe_tasks(cluster=CLUSTER, tasks=[task["taskArn"]])["tasks"]
        connectivity: str = told["connectivity"]
        return connectivity

    assert seen() == "CONNECTED"
    instances.disconnect(state, state.container_instances[arn], "a test", api.simulation.clock.now())
    assert seen() == "DISCONNECTED"
    instances.connect(state, state.container_instances[arn], api.simulation.clock.now())
    assert seen() == "CONNECTED"


def test_a_cluster_counts_its_container_instances_and_its_tasks_by_launch_type(api: Harness, ecs: Any) -> None:
    a1 = add_instance(api, "a1")
    add_instance(api, "b1")
    ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=a1)
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=2)
    api.simulation.advance(5)
    (cluster,) = ecs.describe_clusters(clusters=[CLUSTER], include=["STATISTICS"])["clusters"]
    assert cluster["registeredContainerInstancesCount"] == 1
    told = {item["name"]: item["value"] for item in cluster["statistics"]}
    assert (told["runningEC2TasksCount"], told["runningFargateTasksCount"]) == ("2", "0")
    assert (told["activeEC2ServiceCount"], told["activeFargateServiceCount"]) == ("1", "0")


def test_a_task_definition_shows_what_it_asks_of_a_container_instance(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    platform = {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
    define(ecs, runtimePlatform=platform, placementConstraints=_only("attribute:stack exists"))
    shown = ecs.describe_task_definition(taskDefinition="app")["taskDefinition"]
    assert shown["requiresAttributes"] == [
        {"name": "ecs.cpu-architecture", "value": "arm64"},
        {"name": "ecs.os-type", "value": "linux"},
    ]
    assert shown["placementConstraints"] == _only("attribute:stack exists")
    assert reasons(ecs.run_task(cluster=CLUSTER, taskDefinition="app")) == {arn: "ATTRIBUTE"}


def test_a_service_shows_how_its_tasks_are_placed(api: Harness, ecs: Any) -> None:
    add_instance(api, "a1")
    strategy = [{"type": "binpack", "field": "memory"}]
    ecs.create_service(
        cluster=CLUSTER,
        serviceName="web",
        taskDefinition="web-server",
        desiredCount=1,
        placementStrategy=strategy,
        placementConstraints=_only("attribute:stack exists"),
    )
    api.simulation.advance(5)
    (service,) = ecs.describe_services(cluster=CLUSTER, services=["web"])["services"]
    assert service["placementStrategy"] == strategy
    assert service["placementConstraints"] == _only("attribute:stack exists")
    assert "was unable to place a task" in service["events"][0]["message"]
