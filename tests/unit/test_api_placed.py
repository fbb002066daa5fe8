"""RunTask and StartTask in a cluster that has container instances: where tasks go, and what is told of those that have
no place."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chaos_ecs.core.arns import container_instance_arn, name_of
from tests.unit.api_harness import CLUSTER, Harness, add_instance
from tests.unit.test_api_instances import CLUSTER_ARN, define, drain, on_port, reasons

NO_INSTANCES = "No Container Instances were found in your cluster."


def run(ecs: Any, family: str = "app", **said: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ecs.run_task(cluster=CLUSTER, taskDefinition=family, **said)
    return answer


def start(ecs: Any, *named: str, family: str = "app", **said: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ecs.start_task(
        cluster=CLUSTER, taskDefinition=family, containerInstances=list(named), **said
    )
    return answer


def places(answer: dict[str, Any]) -> list[str]:
    return [task["containerInstanceArn"] for task in answer["tasks"]]


def causes(api: Harness) -> list[dict[str, Any]]:
    return [dict(event.data) for event in api.simulation.events if event.type == "TASK_CREATED"]


# --- RunTask ---


def test_tasks_run_on_the_container_instances_and_are_spread_over_them(api: Harness, ecs: Any) -> None:
    arns = [add_instance(api, name) for name in ("a1", "a2", "b1")]
    define(ecs)
    answer = run(ecs, count=6)
    assert sorted(places(answer)) == sorted(arns * 2)
    assert answer["failures"] == []
    api.simulation.advance(5)
    tasks = ecs.describe_tasks(cluster=CLUSTER, tasks=[task["taskArn"] for task in answer["tasks"]])["tasks"]
    assert {task["lastStatus"] for task in tasks} == {"RUNNING"}


def test_what_has_no_room_is_a_failure_of_each_container_instance(api: Harness, ecs: Any) -> None:
    small = add_instance(api, "a1", memory=128)
    weak = add_instance(api, "b1", cpu=128)
    define(ecs)
    answer = run(ecs)
    assert answer["tasks"] == []
    assert reasons(answer) == {small: "RESOURCE:MEMORY", weak: "RESOURCE:CPU"}
    details = {failure["arn"]: failure["detail"] for failure in answer["failures"]}
    assert details[small] == "a task of app:1 was not placed on a1: RESOURCE:MEMORY"


def test_of_several_tasks_those_are_placed_that_have_room(api: Harness, ecs: Any) -> None:
    """API_RunTask: tasks and failures in one answer; a failure for each container instance, not for each task."""
    a1, b1 = add_instance(api, "a1", memory=300), add_instance(api, "b1", memory=600)
    define(ecs)
    answer = run(ecs, count=10)
    assert sorted(places(answer)) == sorted([a1, b1, b1])
    assert reasons(answer) == {a1: "RESOURCE:MEMORY", b1: "RESOURCE:MEMORY"}
    assert len(answer["failures"]) == 2
    api.simulation.advance(5)
    assert len(ecs.list_tasks(cluster=CLUSTER)["taskArns"]) == 3


def test_a_port_of_the_host_is_there_once_on_one_engine(api: Harness, ecs: Any) -> None:
    """Slices of one engine share its ports, further engines have their own."""
    a1, a2 = add_instance(api, "a1"), add_instance(api, "a2")
    define(ecs, bound=on_port(8080))
    first = run(ecs)
    assert len(first["tasks"]) == 1
    answer = run(ecs)
    assert (answer["tasks"], reasons(answer)) == ([], dict.fromkeys((a1, a2), "RESOURCE:PORTS"))
    for arn in (a1, a2):
        assert reasons(start(ecs, arn)) == {arn: "RESOURCE:PORTS"}


def test_where_all_are_draining_ecs_finds_no_container_instance(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    drain(ecs, arn)
    with pytest.raises(ClientError) as caught:
        run(ecs, "worker")
    assert caught.value.response["Error"] == {"Code": "InvalidParameterException", "Message": NO_INSTANCES}
    assert ecs.list_tasks(cluster=CLUSTER)["taskArns"] == []
    drain(ecs, arn, status="ACTIVE")
    assert places(run(ecs, "worker")) == [arn]


def test_one_whose_agent_is_not_connected_refuses_with_agent(api: Harness, ecs: Any) -> None:
    far = add_instance(api, "b1", engine="elsewhere")
    answer = run(ecs, "worker")
    assert (answer["tasks"], reasons(answer)) == ([], {far: "AGENT"})


def test_once_the_last_one_is_deregistered_tasks_run_on_the_own_engine_again(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1")
    ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=arn)
    (task,) = run(ecs, "worker")["tasks"]
    assert "containerInstanceArn" not in task


def test_on_fargate_a_task_is_on_no_container_instance(api: Harness, ecs: Any) -> None:
    add_instance(api, "a1", memory=1)
    (task,) = run(ecs, "worker", launchType="FARGATE")["tasks"]
    assert "containerInstanceArn" not in task


def test_aws_would_find_container_instances_where_there_are_some(api: Harness, ecs: Any) -> None:
    define(ecs)
    run(ecs, launchType="EC2")
    add_instance(api, "a1")
    run(ecs, launchType="EC2")
    ecs.create_service(
        cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=1, launchType="EC2"
    )
    api.simulation.advance(5)
    first, second, *_ = causes(api)
    assert first["awsRefuses"] == NO_INSTANCES
    assert "awsRefuses" not in second
    (service,) = ecs.describe_services(cluster=CLUSTER, services=["web"])["services"]
    assert not any("AWS would answer" in event["message"] for event in service["events"])


def test_a_token_that_was_used_answers_with_the_tasks_it_placed(api: Harness, ecs: Any) -> None:
    add_instance(api, "a1", memory=300)
    define(ecs)
    first = run(ecs, count=3, clientToken="once")
    again = run(ecs, count=3, clientToken="once")
    assert len(first["tasks"]) == 1
    assert [task["taskArn"] for task in again["tasks"]] == [task["taskArn"] for task in first["tasks"]]


# --- StartTask ---


def test_a_task_is_started_on_each_container_instance_that_is_named(api: Harness, ecs: Any) -> None:
    a1, _, b1 = (add_instance(api, name) for name in ("a1", "a2", "b1"))
    define(ecs)
    answer = start(
        ecs,
        b1,
        name_of(a1),
        startedBy="ada",
        group="night",
        tags=[{"key": "k", "value": "v"}],
        enableECSManagedTags=True,
        enableExecuteCommand=True,
        overrides={"containerOverrides": [{"name": "app", "command": ["true"]}]},
    )
    assert (places(answer), answer["failures"]) == ([b1, a1], [])
    task = answer["tasks"][0]
    assert (task["startedBy"], task["group"], task["enableExecuteCommand"]) == ("ada", "night", True)
    assert (task["launchType"], task["desiredStatus"]) == ("EC2", "RUNNING")
    assert task["overrides"]["containerOverrides"][0]["command"] == ["true"]
    assert sorted(tag["key"] for tag in task["tags"]) == ["aws:ecs:clusterName", "k"]
    assert causes(api)[0]["cause"] == "start-task asked for it; nobody will replace it"
    assert ecs.list_tasks(cluster=CLUSTER, containerInstance=b1)["taskArns"] == [task["taskArn"]]


def test_each_that_cannot_take_its_task_is_a_failure(api: Harness, ecs: Any) -> None:
    good, full = add_instance(api, "a1"), add_instance(api, "a2", memory=128)
    weak, gone = add_instance(api, "a3", cpu=128), add_instance(api, "a4")
    other, far = add_instance(api, "a5", attributes={"stack": "x"}), add_instance(api, "b1", engine="elsewhere")
    ecs.deregister_container_instance(cluster=CLUSTER, containerInstance=gone)
    define(ecs)
    answer = start(ecs, good, full, weak, gone, other, far, "nobody", good)
    assert places(answer) == [good, other]
    assert reasons(answer) == {
        full: "RESOURCE:MEMORY",
        weak: "RESOURCE:CPU",
        gone: "INACTIVE",
        far: "AGENT",
        container_instance_arn(CLUSTER_ARN, "nobody"): "MISSING",
    }


def test_a_container_instance_of_another_cluster_is_missing_and_stays_so(api: Harness, ecs: Any) -> None:
    ecs.create_cluster(clusterName="other")
    arn = add_instance(api, "a1", cluster="other")
    assert reasons(start(ecs, arn, family="worker")) == {arn: "MISSING"}
    ecs.deregister_container_instance(cluster="other", containerInstance=arn)
    assert reasons(start(ecs, arn, family="worker")) == {arn: "MISSING"}


def test_it_looks_at_attributes_and_not_at_constraints(api: Harness, ecs: Any) -> None:
    """Developer Guide, "API failure reasons": ATTRIBUTE is one of StartTask's, an unsatisfied constraint is not."""
    arn = add_instance(api, "a1")
    define(ecs, "arm", runtimePlatform={"cpuArchitecture": "ARM64"})
    define(ecs, "apart", placementConstraints=[{"type": "memberOf", "expression": "attribute:stack exists"}])
    assert reasons(start(ecs, arn, family="arm")) == {arn: "ATTRIBUTE"}
    assert places(start(ecs, arn, family="apart")) == [arn]
    assert reasons(run(ecs, "apart")) == {arn: "MemberOf placement constraint unsatisfied."}


def test_what_it_starts_takes_room_from_what_comes_next(api: Harness, ecs: Any) -> None:
    arn = add_instance(api, "a1", memory=300)
    define(ecs)
    assert places(start(ecs, arn)) == [arn]
    assert reasons(start(ecs, arn)) == {arn: "RESOURCE:MEMORY"}
    assert reasons(run(ecs)) == {arn: "RESOURCE:MEMORY"}


def test_slices_of_one_engine_take_its_port_once_in_one_call(api: Harness, ecs: Any) -> None:
    a1, a2 = add_instance(api, "a1"), add_instance(api, "a2")
    define(ecs, bound=on_port(8080))
    answer = start(ecs, a1, a2)
    assert (places(answer), reasons(answer)) == ([a1], {a2: "RESOURCE:PORTS"})


def test_one_that_is_draining_takes_what_it_is_named_for(api: Harness, ecs: Any) -> None:
    """UpdateContainerInstancesState keeps the scheduler away; StartTask is none."""
    arn = add_instance(api, "a1")
    drain(ecs, arn)
    assert places(start(ecs, arn, family="worker")) == [arn]
