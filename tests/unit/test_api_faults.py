"""Faults as our own operations have them: the catalogue, plans, refusals, what becomes of them, a broken API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.core.model import HealthStatus
from chaos_ecs.errors import ChaosEcsError
from tests.builders import WEB
from tests.unit.api_harness import CLUSTER, Harness, running, with_tasks


@pytest.fixture
def api() -> Harness:
    return with_tasks(tags=[{"key": "team", "value": "red"}])


def inject(api: Harness, name: str, **params: Any) -> dict[str, Any]:
    return api.chaos("InjectFault", cluster=CLUSTER, name=name, **params)


def refused(api: Harness, name: str, **params: Any) -> tuple[str, str]:
    status, body = api.call("InjectFault", {"cluster": CLUSTER, "name": name, **params}, service="chaos-ecs")
    assert status == 400, body
    return body["__type"], body["message"]


def described(api: Harness, fault: str) -> dict[str, Any]:
    (found,) = api.chaos("DescribeFaults", faults=[fault])["faults"]
    return found  # type: ignore[no-any-return]


def test_the_catalogue_has_every_fault_with_its_parameters() -> None:
    entries = Harness().chaos("ListFaults")["faults"]
    assert [entry["name"] for entry in entries] == [fault.name for fault in catalogue.FAULTS]
    latency = next(entry for entry in entries if entry["name"] == "network-latency")
    assert latency["actionId"] == "aws:ecs:task-network-latency"
    delay = next(item for item in latency["parameters"] if item["name"] == "delayMilliseconds")
    assert (delay["default"], delay["kind"]) == ("200", "number")
    assert "verdict" not in latency


def test_the_catalogue_says_on_request_what_the_engine_can_do() -> None:
    entries = Harness().chaos("ListFaults", judge=True)["faults"]
    assert {entry["verdict"] for entry in entries} == {"works"}


def test_what_nobody_can_offer_is_told_with_its_reason(api: Harness) -> None:
    assert "clock-skew" in api.chaos("ListFaults")["notOffered"]
    code, message = refused(api, "clock-skew")
    assert (code, "no clock of its own" in message) == ("InvalidParameterException", True)


@pytest.mark.parametrize("fault", catalogue.FAULTS, ids=lambda fault: fault.name)
def test_every_fault_has_a_name_an_id_a_sentence_and_words_for_its_parameters(fault: Any) -> None:
    assert fault.name.replace("-", "").isalnum()
    assert fault.action_id.startswith(("aws:", "chaos-ecs:"))
    assert catalogue.sentence(fault)[0].isupper()
    assert all(item.help.endswith(".") for item in parameters.parameters_of(fault))
    assert catalogue.named(fault.name) is catalogue.named(fault.action_id) is fault


def test_names_and_ids_are_given_once() -> None:
    assert len({fault.name for fault in catalogue.FAULTS}) == len(catalogue.FAULTS)
    assert len({fault.action_id for fault in catalogue.FAULTS}) == len(catalogue.FAULTS)


def test_a_fault_is_injected_proven_and_undone(api: Harness) -> None:
    answer = inject(api, "pause", service="web", parameters={"duration": "20s"})
    (victim,) = answer["victims"]
    assert victim["task"] in running(api)
    api.simulation.advance(2)
    assert (described(api, answer["fault"])["status"], api.chaos("DescribeFaults")["faults"] != []) == ("ACTIVE", True)
    api.simulation.advance(21)
    found = described(api, answer["fault"])
    assert (found["status"], found["victims"][0]["status"]) == ("COMPLETED", "ENDED")
    assert api.chaos("DescribeFaults")["faults"] == []
    assert [item["fault"] for item in api.chaos("DescribeFaults", all=True)["faults"]] == [answer["fault"]]


def test_an_undoing_ends_it_at_once(api: Harness) -> None:
    fault = inject(api, "pause", service="web")["fault"]
    api.simulation.advance(2)
    assert api.chaos("UndoFaults", all=True)["faults"] == [fault]
    api.simulation.advance(1)
    assert described(api, fault)["status"] == "COMPLETED"
    assert api.chaos("UndoFaults", all=True)["faults"] == []


def test_a_plan_names_victims_and_what_is_done_and_undone_and_does_nothing(api: Harness) -> None:
    plan = inject(api, "network-blackhole-port", service="web", parameters={"port": "8080"}, dryRun=True)
    (victim,) = plan["victims"]
    assert any("DROP" in line for line in victim["do"])
    assert victim["undo"]
    assert "fault" not in plan
    assert api.chaos("DescribeFaults", all=True)["faults"] == []
    again = inject(api, "network-blackhole-port", service="web", parameters={"port": "8080"}, dryRun=True,
                   seed=plan["seed"])  # fmt: skip
    assert again == plan


def test_the_last_healthy_task_of_a_service_is_spared_unless_forced(api: Harness) -> None:
    code, message = refused(api, "kill", service="web", all=True)
    assert (code, message) == (
        "ConflictException",
        "Service web would lose all 3 of its healthy tasks: nobody would be served. Take fewer, or say --force.",
    )
    assert len(inject(api, "kill", service="web", all=True, force=True)["victims"]) == 3


def test_a_paused_task_does_not_count_as_healthy(api: Harness) -> None:
    inject(api, "pause", service="web", count=2)
    api.simulation.advance(2)
    left = [task.arn for task in api.simulation.state.tasks.values() if task.is_running and task.service_arn == WEB]
    awake = [arn for arn in left if not api.simulation.state.tasks[arn].containers[0].paused]
    assert "its last healthy task" in refused(api, "kill", tasks=awake)[1]


@pytest.mark.parametrize(("name", "given"), [("hang", {}), ("kill", {"signal": "TERM"}), ("kill", {})])
def test_a_task_under_a_fault_does_not_count_as_healthy_before_anybody_has_missed_it(
    api: Harness, name: str, given: dict[str, str]
) -> None:
    inject(api, name, service="web", count=2, parameters=given)
    (spared,) = set(running(api)) - {victim for fault in api.simulation.state.faults.values()
                                     for victim in [hit.task_arn for hit in fault.hits]}  # fmt: skip
    assert "its last healthy task" in refused(api, "pause", tasks=[spared])[1]


def test_a_task_whose_health_check_fails_is_not_the_one_that_is_left(api: Harness) -> None:
    ecs = api.client()
    check = {"command": ["CMD-SHELL", "true"], "interval": 5}
    container = {"name": "app", "image": "chaos-ecs/demo:1", "memory": 64, "healthCheck": check}
    ecs.register_task_definition(family="checked", containerDefinitions=[container])
    ecs.create_service(cluster=CLUSTER, serviceName="checked", taskDefinition="checked", desiredCount=2,
                       healthCheckGracePeriodSeconds=600)  # fmt: skip
    api.simulation.advance(30)
    sick, well = running(api, f"{WEB.rpartition('/')[0]}/checked")
    task = api.simulation.state.tasks[sick]
    unhealthy = replace(task.containers[0], health_status=HealthStatus.UNHEALTHY)
    api.simulation.state.put(replace(task, containers=(unhealthy,)))
    assert "its last healthy task" in refused(api, "kill", tasks=[well])[1]


def test_a_task_of_two_essential_containers_is_killed_once(api: Harness) -> None:
    containers = [{"name": name, "image": "chaos-ecs/demo:1", "memory": 64} for name in ("one", "two")]
    ecs = api.client()
    ecs.register_task_definition(family="pair", containerDefinitions=containers)
    (pair,) = ecs.run_task(cluster=CLUSTER, taskDefinition="pair")["tasks"]
    api.simulation.advance(5)
    (victim,) = inject(api, "kill", tasks=[pair["taskArn"]])["victims"]
    assert victim["container"] == "one"
    api.simulation.advance(1)
    assert len([event for event in api.simulation.events if event.type == "TASK_KILLED"]) == 1


def test_victims_are_found_by_tag_pattern_age_and_share(api: Harness) -> None:
    (standalone,) = running(api, None)
    web = running(api)

    def victims(**params: Any) -> list[str]:
        return [item["task"] for item in inject(api, "kill", dryRun=True, force=True, **params)["victims"]]

    assert victims(tags={"team": "red"}) == [standalone]
    assert victims(tags={"team": "blue"}) == []
    assert victims(pattern="wor*") == [standalone]
    assert victims(pattern="w*", all=True) == [*web, standalone]
    assert victims(minAgeSeconds=1, all=True) == [*web, standalone]
    assert victims(minAgeSeconds=3600, all=True) == []
    assert len(victims(service="web", percent=70)) == 2
    assert victims(service="web", percent=30) == []


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("no-such", {}, "There is no fault no-such"),
        ("pause", {"parameters": {"speed": "1"}}, "pause has no parameter speed. Its parameters: duration"),
        ("pause", {"parameters": {"duration": "soon"}}, "duration 'soon' is no duration: write 30s, 2m or PT30S"),
        ("pause", {"parameters": {"duration": "0s"}}, "duration '0s' must be between 1 s and 12 h"),
        ("network-blackhole-port", {}, "network-blackhole-port needs the parameter port"),
        ("network-blackhole-port", {"parameters": {"port": "70000"}}, "port 70000 must be between 1 and 65535"),
        ("network-blackhole-port", {"parameters": {"port": "80", "protocol": "icmp"}}, "protocol 'icmp' is none of"),
        ("cpu-throttle", {"parameters": {"percent": "-1"}}, "percent '-1' is no whole number"),
        ("kill", {"parameters": {"signal": "BANANA"}}, "'BANANA' is not a signal"),
        ("kill", {"parameters": {"signal": "STOP"}}, "Inject hang: that does it, and ends"),
        ("oom", {"parameters": {"timeout": "2m"}}, "timeout '2m' must be between 1 s and 60 s"),
        ("api-throttle", {"parameters": {"operations": "ListTasks, RunTusk"}}, "ecs has no operation RunTusk"),
        ("kill", {"tasks": ["ffff"]}, "The referenced task was not found"),
        ("kill", {"tasks": ["ffff"], "service": "web"}, "Specify either tasks or a filter"),
        ("kill", {"service": "web", "standalone": True}, "Specify either service or standalone"),
        ("kill", {"all": True, "count": 2}, "Specify either all or count"),
        ("kill", {"container": "none", "service": "web"}, "has no container 'none'"),
        ("image-pull-failure", {}, "image-pull-failure is aimed at a service: name one with --service"),
        ("network-partition", {"parameters": {"to": "nobody"}}, "there is no service and no task nobody"),
    ],
)
def test_bad_input_is_refused_before_anything_is_hurt(
    api: Harness, name: str, params: dict[str, Any], said: str
) -> None:
    assert said in refused(api, name, **params)[1]
    assert api.chaos("DescribeFaults", all=True)["faults"] == []


def test_nothing_that_matches_is_no_fault_and_no_error(api: Harness) -> None:
    answer = inject(api, "kill", pattern="nobody")
    assert (answer["victims"], "fault" in answer) == ([], False)


def test_an_unknown_fault_is_refused_by_undo_and_describe(api: Harness) -> None:
    for operation in ("UndoFaults", "DescribeFaults"):
        status, body = api.call(operation, {"faults": ["flt-1"]}, service="chaos-ecs")
        assert (status, body["__type"]) == (400, "ResourceNotFoundException")


# --- a broken API ---


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("api-throttle", "ThrottlingException", 400),
        ("api-error", "ServerException", 500),
        ("api-unavailable", "ServiceUnavailableException", 503),
    ],
)
def test_calls_are_answered_with_the_error_until_it_is_undone(api: Harness, name: str, code: str, status: int) -> None:
    fault = inject(api, name)["fault"]
    with pytest.raises(ClientError) as caught:
        api.client().list_tasks(cluster=CLUSTER)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert "chaos-ecs chaos undo --all" in answer["Error"]["Message"]
    api.chaos("UndoFaults", faults=[fault])
    assert len(api.client().list_tasks(cluster=CLUSTER)["taskArns"]) == 4


def test_a_sealed_fault_of_the_api_does_not_give_itself_away(api: Harness) -> None:
    inject(api, "api-throttle", sealed=True)
    with pytest.raises(ClientError) as caught:
        api.client().list_tasks(cluster=CLUSTER)
    assert caught.value.response["Error"]["Message"] == "Rate exceeded."


def test_an_engine_that_goes_away_while_it_is_asked_is_told_and_no_bug_of_ours(api: Harness) -> None:
    gone = ChaosEcsError(
        "E-DOCKER-DOWN", "Cannot reach Docker at unix://x", "no such file", "chaos-ecs doctor --fix", 4
    )

    def abilities() -> dict[str, str]:
        raise gone

    api.border.controller.runtime.abilities = abilities  # type: ignore[method-assign]
    status, body = api.call("ListFaults", {"judge": True}, service="chaos-ecs")
    assert (status, body["message"]) == (
        500, "Cannot reach Docker at unix://x: no such file. Next: chaos-ecs doctor --fix."
    )  # fmt: skip


def test_only_the_operations_and_the_service_that_are_named_are_broken(api: Harness) -> None:
    inject(api, "api-throttle", parameters={"operations": "RunTask, StopTask"})
    api.client().list_tasks(cluster=CLUSTER)
    api.client(service="elbv2").describe_load_balancers()
    with pytest.raises(ClientError, match="Throttling"):
        api.client().stop_task(cluster=CLUSTER, task="0000")
    inject(api, "api-throttle", parameters={"service": "elasticloadbalancing"})
    with pytest.raises(ClientError, match="Throttling"):
        api.client(service="elbv2").describe_load_balancers()


def test_a_percentage_of_the_calls_is_broken_evenly(api: Harness) -> None:
    inject(api, "api-throttle", parameters={"percentage": "30"})
    broken = 0
    for _ in range(20):
        status, _body = api.call("ListTasks", {"cluster": CLUSTER})
        broken += status != 200
    assert broken == 6


def test_while_the_agent_is_disconnected_nothing_heals(api: Harness) -> None:
    inject(api, "agent-disconnect", parameters={"duration": "30s"})
    inject(api, "kill", service="web")
    api.simulation.advance(20)
    assert len(running(api)) == 2
    api.simulation.advance(20)
    assert len(running(api)) == 3


def test_a_sealed_fault_is_told_to_nobody_before_its_end_is_asked_for(api: Harness) -> None:
    told = len(api.simulation.events)
    one, other, _ = running(api)
    fault = inject(api, "pause", tasks=[one], sealed=True)["fault"]
    kill = inject(api, "kill", tasks=[other], sealed=True)["fault"]
    api.simulation.advance(3)
    assert described(api, fault) == {
        "fault": fault, "name": "sealed", "status": "ACTIVE", "createdAt": 1800000005.0, "victims": []
    }  # fmt: skip
    struck = described(api, kill)
    assert (struck["name"], struck["status"], struck["victims"]) == ("sealed", "COMPLETED", []), "it was over at once"
    about = [event for event in api.simulation.events[told:] if event.type.startswith("FAULT")]
    assert {event.data["name"] for event in about} == {"sealed"}
    assert "pause" not in "".join(event.message for event in about)
    assert not [event for event in api.simulation.events[told:] if event.type == "TASK_KILLED"]
    api.chaos("UndoFaults", all=True)
    api.simulation.advance(2)
    assert described(api, fault)["name"] == "pause"
    assert described(api, kill)["victims"][0]["proof"].startswith("exit 137")
    assert api.simulation.events[-1].data["name"] == "pause"


def test_a_task_definition_can_forbid_faults_of_the_network_and_no_others(api: Harness) -> None:
    container = {"name": "app", "image": "chaos-ecs/demo:1", "memory": 64}
    api.client().register_task_definition(family="shy", containerDefinitions=[container], enableFaultInjection=False)
    api.client().run_task(cluster=CLUSTER, taskDefinition="shy")
    api.simulation.advance(5)
    shy = next(
        task.arn for task in api.simulation.state.tasks.values() if ":task-definition/shy" in task.task_definition_arn
    )
    assert "says enableFaultInjection: false" in refused(api, "network-packet-loss", tasks=[shy])[1]
    assert inject(api, "pause", tasks=[shy])["victims"]


def test_two_ports_of_a_container_can_be_blackholes_but_not_the_same_one_twice(api: Harness) -> None:
    victim = running(api)[:1]
    for port in ("8080", "9090"):
        assert inject(api, "network-blackhole-port", tasks=victim, parameters={"port": port})["fault"]
    again = refused(api, "network-blackhole-port", tasks=victim, parameters={"port": "9090"})
    assert again[0] == "ConflictException"
    inject(api, "network-packet-loss", tasks=victim)
    assert refused(api, "network-packet-loss", tasks=victim, parameters={"lossPercent": "20"})[0] == "ConflictException"
