"""AWS FIS on the simulator, asked by real boto3: templates, experiments, stop conditions, the safety lever."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chaos_ecs.chaos import catalogue
from tests.builders import WEB
from tests.unit.api_harness import CLUSTER, Harness, running, with_tasks

ROLE = "arn:aws:iam::123456789012:role/fis"
ALARM = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
NO_STOP = [{"source": "none"}]
ONE_WEB = {
    "resourceType": "aws:ecs:task",
    "selectionMode": "COUNT(1)",
    "parameters": {"cluster": CLUSTER, "service": "web"},
}
SLOW = {"actionId": "chaos-ecs:task-pause", "parameters": {"duration": "PT10S"}, "targets": {"Tasks": "one"}}
THROTTLE = {"actionId": "aws:fis:inject-api-throttle-error"}
LOSE = {"actionId": "aws:ecs:stop-task", "targets": {"Tasks": "one"}, "startAfter": ["slow"]}


@pytest.fixture
def api() -> Harness:
    return with_tasks(tags=[{"key": "team", "value": "red"}])


@pytest.fixture
def fis(api: Harness) -> Any:
    return api.client(service="fis")


def template(fis: Any, **members: Any) -> dict[str, Any]:
    asked = {
        "description": "Lose one of three",
        "targets": {"one": ONE_WEB},
        "actions": {"slow": SLOW, "lose": LOSE},
        "stopConditions": NO_STOP,
        "roleArn": ROLE,
        **members,
    }
    return fis.create_experiment_template(**asked)["experimentTemplate"]  # type: ignore[no-any-return]


def start(fis: Any, template_id: str, seed: int = 42, **members: Any) -> str:
    tags = {"chaos-ecs:seed": str(seed)}
    begun = fis.start_experiment(experimentTemplateId=template_id, tags=tags, **members)
    return str(begun["experiment"]["id"])


def statuses(fis: Any, experiment: str) -> dict[str, str]:
    """Of the experiment, by "", and of its actions by name."""
    told = fis.get_experiment(id=experiment)["experiment"]
    return {"": told["state"]["status"]} | {name: one["state"]["status"] for name, one in told["actions"].items()}


def reason(fis: Any, experiment: str) -> str:
    return str(fis.get_experiment(id=experiment)["experiment"]["state"]["reason"])


def refused(fis: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        template(fis, **members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_two_actions_run_one_after_the_other_on_the_same_task(api: Harness, fis: Any) -> None:
    before = running(api)
    experiment = start(fis, template(fis)["id"])
    api.simulation.advance(5)
    assert statuses(fis, experiment) == {"": "running", "slow": "running", "lose": "pending"}
    (victim,) = [arn for arn in before if api.simulation.state.tasks[arn].containers[0].paused]
    api.simulation.advance(20)
    assert statuses(fis, experiment) == {"": "completed", "slow": "completed", "lose": "completed"}
    stopped = api.simulation.state.tasks[victim]
    assert (stopped.is_stopped, stopped.stop_code) == (True, "UserInitiated")
    assert len(running(api)) == 3
    assert api.simulation.engine.hurts == {}


def test_the_same_seed_picks_the_same_task_and_the_pick_is_told(api: Harness, fis: Any) -> None:
    made = template(fis)["id"]

    def pick(seed: int) -> str:
        experiment = start(fis, made, seed, experimentOptions={"actionsMode": "skip-all"})
        api.simulation.advance(1)
        (found,) = fis.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
        assert (found["targetName"], found["resourceType"]) == ("one", "aws:ecs:task")
        return str(found["targetInformation"]["resourceArn"])

    assert pick(42) == pick(42)
    assert {pick(seed) for seed in range(12)} == set(running(api))


def test_a_preview_resolves_targets_skips_actions_and_hurts_nobody(api: Harness, fis: Any) -> None:
    before = running(api)
    experiment = start(fis, template(fis)["id"], experimentOptions={"actionsMode": "skip-all"})
    api.simulation.advance(20)
    assert statuses(fis, experiment) == {"": "completed", "slow": "skipped", "lose": "skipped"}
    assert (running(api), api.simulation.state.faults) == (before, {})


def test_a_seed_that_was_not_given_is_drawn_and_told_as_a_tag(api: Harness, fis: Any) -> None:
    begun = fis.start_experiment(experimentTemplateId=template(fis)["id"])["experiment"]
    assert begun["tags"]["chaos-ecs:seed"].isdecimal()
    with pytest.raises(ClientError, match="a seed is a whole number"):
        fis.start_experiment(experimentTemplateId=template(fis)["id"], tags={"chaos-ecs:seed": "x"})


def test_an_alarm_stops_the_experiment_and_undoes_what_it_did(api: Harness, fis: Any) -> None:
    conditions = [{"source": "aws:cloudwatch:alarm", "value": f"{ALARM}web-healthy-below-3"}]
    experiment = start(fis, template(fis, stopConditions=conditions)["id"])
    api.simulation.advance(3)
    assert statuses(fis, experiment) == {"": "stopped", "slow": "stopped", "lose": "cancelled"}
    assert reason(fis, experiment) == (
        "Experiment halted by stop condition. Alarm web-healthy-below-3: web has 2 healthy tasks, fewer than 3."
    )
    assert api.simulation.engine.hurts == {}
    assert len(running(api)) == 3


def test_a_user_stops_it(api: Harness, fis: Any) -> None:
    experiment = start(fis, template(fis)["id"])
    api.simulation.advance(3)
    assert fis.stop_experiment(id=experiment)["experiment"]["state"]["status"] == "stopping"
    api.simulation.advance(2)
    assert statuses(fis, experiment) == {"": "stopped", "slow": "stopped", "lose": "cancelled"}
    assert api.simulation.engine.hurts == {}
    assert fis.stop_experiment(id=experiment)["experiment"]["state"]["status"] == "stopped"  # harmless


def test_an_effect_that_could_not_be_measured_fails_the_experiment(api: Harness, fis: Any) -> None:
    api.simulation.engine.refuses = lambda effect: "no effect could be measured"
    experiment = start(fis, template(fis)["id"])
    api.simulation.advance(10)
    assert statuses(fis, experiment) == {"": "failed", "slow": "failed", "lose": "cancelled"}
    assert reason(fis, experiment) == "Action slow failed: inconclusive: no effect could be measured"


def test_an_experiment_goes_on_over_a_crash_of_the_controller(api: Harness, fis: Any) -> None:
    experiment = start(fis, template(fis)["id"])
    api.simulation.advance(3)
    api.simulation.crash()
    api.simulation.restart()
    api.border.controller = api.simulation.controller  # type: ignore[assignment]
    api.simulation.advance(20)
    assert api.simulation.state.experiments[experiment].status == "completed"


def test_targets_are_found_by_arn_tag_and_filter(api: Harness, fis: Any) -> None:
    (standalone,) = running(api, None)

    def picked(**target: Any) -> list[str]:
        asked = {"resourceType": "aws:ecs:task", "selectionMode": "ALL", **target}
        actions = {"lose": {"actionId": "aws:ecs:stop-task", "targets": {"Tasks": "one"}}}
        made = template(fis, targets={"one": asked}, actions=actions)["id"]
        experiment = start(fis, made, experimentOptions={"actionsMode": "skip-all"})
        api.simulation.advance(1)
        found = fis.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
        return [one["targetInformation"]["resourceArn"] for one in found]

    assert picked(resourceArns=[standalone]) == [standalone]
    assert picked(resourceTags={"team": "red"}) == [standalone]
    assert picked(filters=[{"path": "Group", "values": ["service:web"]}]) == running(api)
    assert picked(parameters={"cluster": CLUSTER}) == [*running(api), standalone]
    assert len(picked(parameters={"cluster": CLUSTER, "service": "web"}, selectionMode="PERCENT(70)")) == 2
    assert picked(parameters={"cluster": CLUSTER, "service": "web"}, selectionMode="PERCENT(30)") == []


def test_a_target_without_resources_fails_or_is_skipped_as_the_template_says(api: Harness, fis: Any) -> None:
    nobody = {**ONE_WEB, "parameters": {"cluster": CLUSTER, "service": "nobody"}}
    failing = start(fis, template(fis, targets={"one": nobody})["id"])
    skipping = template(fis, targets={"one": nobody}, experimentOptions={"emptyTargetResolutionMode": "skip"})["id"]
    skipped = start(fis, skipping)
    api.simulation.advance(2)
    assert (statuses(fis, failing)[""], reason(fis, failing)) == (
        "failed",
        "Target resolution returned empty set: target one.",
    )
    assert statuses(fis, failing) == {"": "failed", "slow": "cancelled", "lose": "cancelled"}
    assert statuses(fis, skipped) == {"": "completed", "slow": "skipped", "lose": "skipped"}


def test_targets_may_be_in_several_clusters_and_one_of_them_forgotten(api: Harness, fis: Any) -> None:
    ecs = api.client()
    ecs.create_cluster(clusterName="other")
    for _ in range(2):
        ecs.run_task(cluster="other", taskDefinition="worker")
    api.simulation.advance(5)
    gone, stays = [task.arn for task in api.simulation.state.tasks.values() if "/other/" in task.arn]
    everyone = {
        "resourceType": "aws:ecs:task",
        "selectionMode": "ALL",
        "resourceArns": [gone, stays, *running(api)[:1]],
    }
    experiment = start(fis, template(fis, targets={"one": everyone}, actions={"slow": SLOW, "lose": LOSE})["id"])
    api.simulation.advance(2)
    assert sum(len(fault.hits) for fault in api.simulation.state.faults.values()) == 3
    ecs.stop_task(cluster="other", task=gone)
    api.simulation.advance(3)
    api.simulation.state.drop(api.simulation.state.tasks[gone])
    api.simulation.advance(20)
    assert statuses(fis, experiment) == {"": "completed", "slow": "completed", "lose": "completed"}
    assert api.simulation.state.tasks[stays].is_stopped


def test_an_alarm_of_a_service_that_is_not_there_stops_the_experiment(api: Harness, fis: Any) -> None:
    conditions = [{"source": "aws:cloudwatch:alarm", "value": f"{ALARM}wbe-healthy-below-2"}]
    experiment = start(fis, template(fis, stopConditions=conditions)["id"])
    api.simulation.advance(3)
    assert statuses(fis, experiment)[""] == "stopped"
    assert reason(fis, experiment).endswith("Alarm wbe-healthy-below-2: there is no service wbe to be watched.")


def test_an_alarm_is_about_the_clusters_that_are_hit(api: Harness, fis: Any) -> None:
    ecs = api.client()
    ecs.create_cluster(clusterName="other")
    ecs.create_service(cluster="other", serviceName="web", taskDefinition="web-server", desiredCount=1)
    api.simulation.advance(5)
    conditions = [{"source": "aws:cloudwatch:alarm", "value": f"{ALARM}web-healthy-below-2"}]
    experiment = start(fis, template(fis, stopConditions=conditions)["id"])
    api.simulation.advance(5)
    assert statuses(fis, experiment)[""] == "running"


def test_a_wait_takes_its_time_and_actions_without_an_order_run_side_by_side(api: Harness, fis: Any) -> None:
    actions = {
        "rest": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT20S"}},
        "slow": SLOW,
    }
    experiment = start(fis, template(fis, actions=actions)["id"])
    api.simulation.advance(5)
    assert statuses(fis, experiment) == {"": "running", "rest": "running", "slow": "running"}
    api.simulation.advance(8)
    assert statuses(fis, experiment)["slow"] == "completed"
    api.simulation.advance(10)
    assert statuses(fis, experiment)[""] == "completed"


def test_a_deployment_that_cannot_work_is_an_action_too(api: Harness, fis: Any) -> None:
    service = {
        "resourceType": "chaos-ecs:service",
        "selectionMode": "ALL",
        "parameters": {"cluster": CLUSTER, "service": "web"},
    }
    action = {"actionId": "chaos-ecs:deploy-image-pull-failure", "targets": {"Services": "web"}}
    experiment = start(fis, template(fis, targets={"web": service}, actions={"bad": action})["id"])
    api.simulation.advance(120)
    assert statuses(fis, experiment) == {"": "completed", "bad": "completed"}
    assert len(running(api)) == 3


# --- templates ---


def test_a_template_is_told_as_it_was_made(fis: Any) -> None:
    made = template(fis, tags={"room": "4"}, logConfiguration={"logSchemaVersion": 2})
    told = fis.get_experiment_template(id=made["id"])["experimentTemplate"]
    assert told == made
    assert told["actions"]["lose"]["startAfter"] == ["slow"]
    assert told["targets"]["one"]["selectionMode"] == "COUNT(1)"
    assert (told["tags"], told["logConfiguration"]) == ({"room": "4"}, {"logSchemaVersion": 2})
    assert told["experimentOptions"] == {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"}
    assert told["arn"] == f"arn:aws:fis:us-east-1:123456789012:experiment-template/{told['id']}"


def test_the_same_client_token_makes_one_template_and_one_experiment(fis: Any) -> None:
    made = template(fis, clientToken="once")
    assert template(fis, clientToken="once")["id"] == made["id"]
    assert start(fis, made["id"], clientToken="go") == start(fis, made["id"], clientToken="go")
    assert len(fis.list_experiments()["experiments"]) == 1


def test_a_template_is_changed_listed_and_deleted(api: Harness, fis: Any) -> None:
    made = template(fis)["id"]
    api.simulation.advance(60)
    changed = fis.update_experiment_template(id=made, description="another")["experimentTemplate"]
    assert (changed["description"], set(changed["actions"])) == ("another", {"slow", "lose"})
    assert changed["lastUpdateTime"] > changed["creationTime"]
    assert [one["id"] for one in fis.list_experiment_templates()["experimentTemplates"]] == [made]
    assert fis.delete_experiment_template(id=made)["experimentTemplate"]["id"] == made
    with pytest.raises(fis.exceptions.ResourceNotFoundException):
        fis.get_experiment_template(id=made)
    with pytest.raises(fis.exceptions.ResourceNotFoundException):
        fis.delete_experiment_template(id=made)


def test_lists_come_in_pages(fis: Any) -> None:
    made = [template(fis)["id"] for _ in range(5)]
    pages = fis.get_paginator("list_experiment_templates").paginate(PaginationConfig={"PageSize": 2})
    assert [one["id"] for page in pages for one in page["experimentTemplates"]] == made
    with pytest.raises(fis.exceptions.ValidationException, match="Invalid token"):
        fis.list_experiment_templates(nextToken="x")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"actions": {}}, "at least one action"),
        ({"actions": {"a": {"actionId": "aws:ec2:stop-instances"}}}, "There is no fault aws:ec2:stop-instances"),
        (
            {"actions": {"slow": {**SLOW, "parameters": {"duration": "soon"}}}},
            "is no duration as FIS writes it. Write PT30S.",
        ),
        ({"actions": {"slow": {**SLOW, "parameters": {"duration": "9" * 400}}}}, "9' is no duration as FIS writes it."),
        (
            {"actions": {"slow": {**SLOW, "parameters": {"duration": "1m"}}}},
            "Action slow: duration '1m' is no duration as FIS writes it. Write PT1M.",
        ),
        (
            {"actions": {"oom": {**SLOW, "actionId": "chaos-ecs:task-oom", "parameters": {"timeout": "90"}}}},
            "Action oom: timeout '90' is no duration as FIS writes it. Write PT1M30S.",
        ),
        ({"actions": {"slow": {**SLOW, "targets": {}}}}, "needs the target Tasks, and no other"),
        ({"actions": {"slow": {**SLOW, "targets": {"Tasks": "two"}}}}, "there is no target two"),
        (
            {"actions": {"slow": SLOW, "api": {**THROTTLE, "targets": {"Roles": "nobody"}}}},
            "Action api: aws:fis:inject-api-throttle-error has no target here",
        ),
        (
            {"actions": {"slow": SLOW, "api": {**THROTTLE, "parameters": {"operations": "RunTusk"}}}},
            "Action api: operations: ecs has no operation RunTusk",
        ),
        ({"actions": {"slow": {**SLOW, "startAfter": ["gone"]}}}, "starts after gone, which does not exist"),
        ({"actions": {"slow": {**SLOW, "startAfter": ["slow"]}}}, "would have to start after itself"),
        ({"targets": {"one": {**ONE_WEB, "resourceType": "aws:rds:cluster"}}}, "aws:rds:cluster is not supported"),
        ({"targets": {"one": {**ONE_WEB, "selectionMode": "SOME"}}}, "none of ALL, COUNT"),
        ({"targets": {"one": {**ONE_WEB, "selectionMode": "PERCENT(101)"}}}, "over 100 percent"),
        ({"targets": {"one": {**ONE_WEB, "parameters": {}}}}, "must specify resource ARNs"),
        ({"targets": {"one": {**ONE_WEB, "resourceArns": [WEB]}}}, "resource ARNs exclude tags"),
        ({"targets": {"one": {**ONE_WEB, "parameters": {"service": "web"}}}}, "needs the parameter cluster"),
        ({"targets": {"one": {**ONE_WEB, "filters": [{"path": "Colour", "values": ["red"]}]}}}, "filter path Colour"),
        ({"targets": {"one": ONE_WEB, "two": ONE_WEB}}, "Target two is used by no action"),
        (
            {"stopConditions": [{"source": "aws:cloudwatch:alarm", "value": f"{ALARM}cpu"}]},
            "There is no alarm cpu here",
        ),
        (
            {"stopConditions": [{"source": "aws:cloudwatch:alarm", "value": "the-name-of-an-alarm-of-mine"}]},
            "not the ARN of",
        ),
        ({"stopConditions": [{"source": "prometheus"}]}, "source prometheus is not supported"),
        ({"experimentOptions": {"accountTargeting": "multi-account"}}, "There is one account here"),
    ],
)
def test_a_template_that_could_not_run_is_refused_by_name(fis: Any, members: dict[str, Any], said: str) -> None:
    code, message = refused(fis, **members)
    assert (code, said in message) == ("ValidationException", True), message
    assert fis.list_experiment_templates()["experimentTemplates"] == []


def test_what_fis_says_of_how_aws_carries_it_out_is_taken_and_passed_over(fis: Any) -> None:
    action = {
        "actionId": "aws:ecs:task-network-latency",
        "parameters": {"duration": "PT1M", "installDependencies": "true", "useEcsFaultInjectionEndpoints": "false"},
        "targets": {"Tasks": "one"},
    }
    assert template(fis, actions={"slow": action})["actions"]["slow"]["parameters"]["duration"] == "PT1M"


# --- the catalogue, the lever, tags ---


def test_every_fault_is_an_action_of_fis(fis: Any) -> None:
    pages = fis.get_paginator("list_actions").paginate(PaginationConfig={"PageSize": 10})
    listed = [one for page in pages for one in page["actions"]]
    assert sorted(one["id"] for one in listed) == sorted(fault.action_id for fault in catalogue.FAULTS)
    blackhole = fis.get_action(id="aws:ecs:task-network-blackhole-port")["action"]
    assert blackhole["parameters"]["port"]["required"] is True
    assert blackhole["parameters"]["protocol"]["required"] is False
    assert blackhole["targets"] == {"Tasks": {"resourceType": "aws:ecs:task"}}
    with pytest.raises(fis.exceptions.ResourceNotFoundException):
        fis.get_action(id="aws:none:of-them")


def test_the_types_of_targets_are_told(fis: Any) -> None:
    types = [one["resourceType"] for one in fis.list_target_resource_types()["targetResourceTypes"]]
    assert types == [
        "aws:ec2:instance",
        "aws:ec2:spot-instance",
        "aws:ecs:cluster",
        "aws:ecs:task",
        "chaos-ecs:service",
    ]
    told = fis.get_target_resource_type(resourceType="aws:ecs:task")["targetResourceType"]
    assert set(told["parameters"]) == {"cluster", "service"}


def test_the_safety_lever_stops_everything_and_nothing_more_is_injected(api: Harness, fis: Any) -> None:
    made = template(fis)["id"]
    experiment = start(fis, made)
    api.chaos("InjectFault", cluster=CLUSTER, name="pause", service="web")
    api.simulation.advance(3)
    lever = fis.update_safety_lever_state(id="default", state={"status": "engaged", "reason": "lunch"})["safetyLever"]
    assert (lever["state"], lever["id"]) == ({"status": "engaged", "reason": "lunch"}, "default")
    api.simulation.advance(2)
    assert (statuses(fis, experiment)[""], reason(fis, experiment)) == (
        "stopped",
        "Experiment stopped by the safety lever.",
    )
    assert api.simulation.engine.hurts == {}
    with pytest.raises(fis.exceptions.ConflictException, match="The safety lever is engaged: lunch"):
        start(fis, made)
    for operation, params in (("InjectFault", {"name": "pause"}), ("KillTasks", {})):
        status, body = api.call(operation, {"cluster": CLUSTER, **params}, service="chaos-ecs")
        assert (status, "The safety lever is engaged" in body["message"]) == (400, True)
    fis.update_safety_lever_state(id="default", state={"status": "disengaged", "reason": "back"})
    assert fis.get_safety_lever(id="default")["safetyLever"]["state"]["status"] == "disengaged"
    start(fis, made)


def test_tags_are_added_removed_and_listed(fis: Any) -> None:
    arn = template(fis, tags={"room": "4"})["arn"]
    fis.tag_resource(resourceArn=arn, tags={"team": "red", "room": "5"})
    assert fis.list_tags_for_resource(resourceArn=arn)["tags"] == {"room": "5", "team": "red"}
    fis.untag_resource(resourceArn=arn, tagKeys=["room"])
    assert fis.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "red"}
    with pytest.raises(ClientError, match="was not found"):
        fis.list_tags_for_resource(resourceArn=f"{arn}x")


def test_what_is_not_there_is_not_found(fis: Any) -> None:
    for call in (
        lambda: fis.get_experiment(id="EXP1"),
        lambda: fis.stop_experiment(id="EXP1"),
        lambda: fis.start_experiment(experimentTemplateId="EXT1"),
        lambda: fis.update_experiment_template(id="EXT1", description="x"),
        lambda: fis.list_experiment_resolved_targets(experimentId="EXP1"),
        lambda: fis.get_safety_lever(id="other"),
    ):
        with pytest.raises(fis.exceptions.ResourceNotFoundException):
            call()  # type: ignore[no-untyped-call]
    with pytest.raises(ClientError, match="does not have the operation ListTargetAccountConfigurations"):
        fis.list_target_account_configurations(experimentTemplateId="EXT1")
