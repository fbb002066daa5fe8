"""Blue/green, linear and canary deployments through real boto3: what is said, refused and told, on the simulator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.api_harness import Harness
from tests.unit.service_calls import ARN, ELB, balanced, creating, deployment_ids, described, updating, web

DEPLOYMENT = f"{ARN}service-deployment/my-cluster/web/"
BLUE_GREEN: dict[str, Any] = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1}
CANARY: dict[str, Any] = {
    "strategy": "CANARY",
    "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 1},
    "bakeTimeInMinutes": 1,
}
BROKEN = [{"name": "HEALTH", "value": "500"}]
ROLLING = {"strategy": "ROLLING"}
MINUTE = 5.0  # at the pace of a workshop
ROLE = "arn:aws:iam::123456789012:role/ecs"


class Pair:
    """What deployments that move traffic need, made by a user: two target groups, and listeners for everybody's
    requests and for tests, whose default rules forward to the first group."""

    def __init__(self, api: Harness) -> None:
        self.elbv2 = api.client(service="elbv2")
        self.owner = self.elbv2.create_load_balancer(Name="front")["LoadBalancers"][0]["LoadBalancerArn"]
        self.blue, self.green, self.other = self.group("blue"), self.group("green"), self.group("other")
        self.listener, self.production = self.listen(80, self.blue)
        self.test = self.listen(81, self.blue)[1]

    def group(self, name: str) -> str:
        made = self.elbv2.create_target_group(Name=name, Protocol="HTTP", Port=80, TargetType="instance")
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def listen(self, port: int, group: str) -> tuple[str, str]:
        """A listener and its default rule."""
        actions = [{"Type": "forward", "TargetGroupArn": group}]
        made = self.elbv2.create_listener(
            LoadBalancerArn=self.owner, Port=port, Protocol="HTTP", DefaultActions=actions
        )
        arn = str(made["Listeners"][0]["ListenerArn"])
        return arn, str(self.elbv2.describe_rules(ListenerArn=arn)["Rules"][0]["RuleArn"])

    def weights(self, rule: str) -> dict[str, int]:
        """By the name of the target group."""
        (told,) = self.elbv2.describe_rules(RuleArns=[rule])["Rules"]
        groups = told["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return {group["TargetGroupArn"].split("/")[1]: group["Weight"] for group in groups}

    def balancers(self, **advanced: str) -> list[dict[str, Any]]:
        """A service's loadBalancers; a member that is "" is left out."""
        said = {"alternateTargetGroupArn": self.green, "productionListenerRule": self.production, "roleArn": ROLE}
        said = {name: value for name, value in (said | advanced).items() if value}
        return [balanced(self.blue)[0] | {"advancedConfiguration": said}]


@pytest.fixture
def pair(api: Harness) -> Pair:
    return Pair(api)


def update(ecs: Any, **members: Any) -> dict[str, Any]:
    service: dict[str, Any] = ecs.update_service(cluster="my-cluster", service="web", **members)["service"]
    return service


def newest(ecs: Any) -> dict[str, Any]:
    """The newest service deployment of `web`, as it is described."""
    listed = ecs.list_service_deployments(cluster="my-cluster", service="web")["serviceDeployments"]
    arn = listed[0]["serviceDeploymentArn"]
    (told,) = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
    assert isinstance(told, dict)
    return told


def until_stage(api: Harness, ecs: Any, stage: str) -> dict[str, Any]:
    for _ in range(400):
        if (told := newest(ecs)).get("lifecycleStage") == stage:
            return told
        api.simulation.advance(0.1)
    raise AssertionError(f"not {stage} but {newest(ecs)}")


def steady(api: Harness, ecs: Any, pair: Pair, configuration: dict[str, Any], **advanced: str) -> dict[str, Any]:
    """A service whose next deployment moves traffic."""
    web(ecs, desiredCount=2, deploymentConfiguration=configuration, loadBalancers=pair.balancers(**advanced))
    api.simulation.advance(10)
    service = described(ecs)
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    return service


# --- what is said is what is told ---


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, {"strategy": "ROLLING", "bakeTimeInMinutes": 0}),
        (BLUE_GREEN, BLUE_GREEN),
        (CANARY, CANARY),
        (
            {"strategy": "CANARY"},
            {
                "strategy": "CANARY",
                "bakeTimeInMinutes": 0,
                "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10},
            },
        ),
        (
            {"strategy": "LINEAR", "bakeTimeInMinutes": 1440, "linearConfiguration": {"stepPercent": 33.3}},
            {
                "strategy": "LINEAR",
                "bakeTimeInMinutes": 1440,
                "linearConfiguration": {"stepPercent": 33.3, "stepBakeTimeInMinutes": 6},
            },
        ),
        (
            {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 3, "stepBakeTimeInMinutes": 0}},
            {
                "strategy": "LINEAR",
                "bakeTimeInMinutes": 0,
                "linearConfiguration": {"stepPercent": 3.0, "stepBakeTimeInMinutes": 0},
            },
        ),
    ],
)
def test_a_strategy_is_told_with_its_members_and_no_others(ecs: Any, pair: Pair, said: Any, told: Any) -> None:
    service = web(ecs, desiredCount=0, deploymentConfiguration=said, loadBalancers=pair.balancers())
    shown = service["deploymentConfiguration"]
    for name in ("deploymentCircuitBreaker", "maximumPercent", "minimumHealthyPercent"):
        del shown[name]
    assert shown == told


def test_load_balancers_are_told_as_they_were_said(ecs: Any, pair: Pair) -> None:
    wanted = pair.balancers(testListenerRule=pair.test)
    assert web(ecs, desiredCount=0, deploymentConfiguration=CANARY, loadBalancers=wanted)["loadBalancers"] == wanted


def test_pause_hooks_are_told_with_their_timeout(ecs: Any, pair: Pair) -> None:
    stages = ["POST_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT"]
    said: list[dict[str, Any]] = [
        {"targetType": "PAUSE", "lifecycleStages": stages},
        {
            "targetType": "PAUSE",
            "lifecycleStages": stages[:1],
            "timeoutConfiguration": {"timeoutInMinutes": 20160, "action": "CONTINUE"},
        },
    ]
    service = web(
        ecs,
        desiredCount=0,
        deploymentConfiguration=CANARY | {"lifecycleHooks": said},
        loadBalancers=pair.balancers(),
    )
    usual = {"timeoutInMinutes": 1440, "action": "ROLLBACK"}
    assert service["deploymentConfiguration"]["lifecycleHooks"] == [said[0] | {"timeoutConfiguration": usual}, said[1]]
    service = update(ecs, deploymentConfiguration={"lifecycleHooks": []})
    assert "lifecycleHooks" not in service["deploymentConfiguration"]
    assert service["deploymentConfiguration"]["canaryConfiguration"] == CANARY["canaryConfiguration"]


def test_an_update_lays_what_it_says_over_what_is_known(ecs: Any, pair: Pair) -> None:
    web(ecs, desiredCount=0, deploymentConfiguration=CANARY, loadBalancers=pair.balancers())
    shown = update(ecs, deploymentConfiguration={"maximumPercent": 150})["deploymentConfiguration"]
    assert {name: shown[name] for name in CANARY} == CANARY
    shown = update(ecs, deploymentConfiguration={"canaryConfiguration": {"canaryPercent": 0.1}})[
        "deploymentConfiguration"
    ]
    assert shown["canaryConfiguration"] == {"canaryPercent": 0.1, "canaryBakeTimeInMinutes": 10}
    shown = update(ecs, deploymentConfiguration={"strategy": "LINEAR"})["deploymentConfiguration"]
    assert shown["linearConfiguration"] == {"stepPercent": 10.0, "stepBakeTimeInMinutes": 6}
    assert "canaryConfiguration" not in shown
    assert shown["bakeTimeInMinutes"] == 1


def test_another_strategy_is_no_deployment_and_other_rules_are(ecs: Any, pair: Pair) -> None:
    first = deployment_ids(web(ecs, loadBalancers=pair.balancers()))
    for configuration in (CANARY, BLUE_GREEN, ROLLING):
        assert deployment_ids(update(ecs, deploymentConfiguration=configuration)) == first
    assert deployment_ids(update(ecs, loadBalancers=pair.balancers())) == first
    assert deployment_ids(update(ecs, loadBalancers=pair.balancers(testListenerRule=pair.test)))[0] != first[0]


# --- refusals ---

HOOK = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}


@pytest.mark.parametrize("operation", ["CreateService", "UpdateService"])
@pytest.mark.parametrize(
    ("configuration", "code", "said"),
    [
        ({"strategy": "RED_BLACK"}, "InvalidParameterException", "enum value set: [ROLLING"),
        (BLUE_GREEN | {"bakeTimeInMinutes": 1441}, "InvalidParameterException", "bakeTimeInMinutes must be between 0"),
        (BLUE_GREEN | {"bakeTimeInMinutes": -1}, "InvalidParameterException", "bakeTimeInMinutes must be between 0"),
        (BLUE_GREEN | {"canaryConfiguration": {}}, "InvalidParameterException", "only valid when the deployment"),
        (CANARY | {"linearConfiguration": {}}, "InvalidParameterException", "linearConfiguration is only valid"),
        ({"linearConfiguration": {}}, "InvalidParameterException", "strategy is LINEAR, not ROLLING"),
        *(
            (
                {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": percent}},
                "InvalidParameterException",
                "linearConfiguration.stepPercent must be a multiple of 0.1 from 3.0 to 100.0",
            )
            for percent in (2.9, 100.1, 33.33)
        ),
        *(
            (
                {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": percent}},
                "InvalidParameterException",
                "canaryConfiguration.canaryPercent must be a multiple of 0.1 from 0.1 to 100.0",
            )
            for percent in (0.0, 0.15, 101)
        ),
        (
            {"strategy": "LINEAR", "linearConfiguration": {"stepBakeTimeInMinutes": 1441}},
            "InvalidParameterException",
            "linearConfiguration.stepBakeTimeInMinutes must be between 0 and 1440",
        ),
        (
            {"strategy": "CANARY", "canaryConfiguration": {"canaryBakeTimeInMinutes": -1}},
            "InvalidParameterException",
            "canaryConfiguration.canaryBakeTimeInMinutes must be between 0 and 1440",
        ),
        ({"lifecycleHooks": [HOOK]}, "UnsupportedFeatureException", "hooks of a ROLLING deployment"),
        (
            BLUE_GREEN
            | {"lifecycleHooks": [{"hookTargetArn": "arn:aws:lambda:x", "lifecycleStages": ["PRE_SCALE_UP"]}]},
            "UnsupportedFeatureException",
            "target type AWS_LAMBDA are not supported by chaos-ecs",
        ),
        (
            BLUE_GREEN | {"lifecycleHooks": [HOOK | {"hookTargetArn": "arn:aws:lambda:x"}]},
            "InvalidParameterException",
            "hookTargetArn is not applicable for PAUSE hooks",
        ),
        (
            BLUE_GREEN | {"lifecycleHooks": [{"targetType": "PAUSE"}]},
            "InvalidParameterException",
            "lifecycleStages can not be blank",
        ),
        *(
            (
                BLUE_GREEN | {"lifecycleHooks": [HOOK | {"lifecycleStages": [stage]}]},
                "InvalidParameterException",
                f"cannot be configured at {stage}",
            )
            for stage in ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")
        ),
        *(
            (
                BLUE_GREEN | {"lifecycleHooks": [HOOK | {"lifecycleStages": [stage]}]},
                "InvalidParameterException",
                "enum value set: [RECONCILE_SERVICE",
            )
            for stage in ("SCALE_UP", "BAKE_TIME", "CLEAN_UP")
        ),
        *(
            (
                BLUE_GREEN | {"lifecycleHooks": [HOOK | {"timeoutConfiguration": {"timeoutInMinutes": minutes}}]},
                "InvalidParameterException",
                "timeoutInMinutes",
            )
            for minutes in (0, 20161)
        ),
    ],
)
def test_configurations_that_ecs_refuses(
    api: Harness, pair: Pair, operation: str, configuration: Any, code: str, said: str
) -> None:
    web(api.client(), desiredCount=0, loadBalancers=pair.balancers())
    before = dict(api.simulation.state.services)
    call = creating if operation == "CreateService" else updating
    members = {"loadBalancers": pair.balancers()} if operation == "CreateService" else {}
    status, body = api.call(*call(deploymentConfiguration=configuration, **members))
    assert (status, body["__type"]) == (400, code)
    assert said in body["message"]
    assert api.simulation.state.services == before


@pytest.mark.parametrize("operation", ["CreateService", "UpdateService"])
@pytest.mark.parametrize(
    ("advanced", "said"),
    [
        ({"alternateTargetGroupArn": ""}, "advancedConfiguration.alternateTargetGroupArn can not be blank"),
        ({"productionListenerRule": ""}, "advancedConfiguration.productionListenerRule can not be blank"),
        ({"alternateTargetGroupArn": "blue"}, "alternateTargetGroupArn must all be different"),
        ({"alternateTargetGroupArn": f"{ELB}targetgroup/gone/1"}, "The specified target group does not exist."),
        (
            {"productionListenerRule": f"{ELB}listener-rule/app/gone/1/2/3"},
            "The specified listener rule does not exist",
        ),
        ({"productionListenerRule": "listener"}, "is a listener: give the ARN of one of its rules"),
        ({"productionListenerRule": "stranger"}, "forwards to target groups other than the two"),
        ({"testListenerRule": f"{ELB}listener-rule/app/gone/1/2/3"}, "testListenerRule: arn:aws"),
        ({"testListenerRule": "stranger"}, "The testListenerRule"),
        ({"testListenerRule": "production"}, "productionListenerRule and testListenerRule must all be different"),
    ],
)
def test_advanced_configurations_that_ecs_refuses(
    api: Harness, ecs: Any, pair: Pair, operation: str, advanced: dict[str, str], said: str
) -> None:
    named = {
        "blue": pair.blue,
        "listener": pair.listener,
        "production": pair.production,
        "stranger": pair.listen(82, pair.other)[1],
    }
    web(ecs, desiredCount=0)
    before = dict(api.simulation.state.services)
    call = creating if operation == "CreateService" else updating
    balancers = pair.balancers(**{name: named.get(value, value) for name, value in advanced.items()})
    status, body = api.call(*call(deploymentConfiguration=BLUE_GREEN, loadBalancers=balancers))
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert said in body["message"]
    assert api.simulation.state.services == before


def test_both_target_groups_are_of_one_load_balancer(api: Harness, ecs: Any, pair: Pair) -> None:
    owner = pair.elbv2.create_load_balancer(Name="back")["LoadBalancers"][0]["LoadBalancerArn"]
    actions = [{"Type": "forward", "TargetGroupArn": pair.other}]
    pair.elbv2.create_listener(LoadBalancerArn=owner, Port=80, Protocol="HTTP", DefaultActions=actions)
    balancers = pair.balancers(alternateTargetGroupArn=pair.other)
    status, body = api.call(*creating(deploymentConfiguration=BLUE_GREEN, loadBalancers=balancers))
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert "must be of one load balancer" in body["message"]


def test_a_strategy_needs_what_it_moves_traffic_between(api: Harness, ecs: Any, pair: Pair) -> None:
    web(ecs, desiredCount=0, loadBalancers=balanced(pair.blue))
    status, body = api.call(*updating(deploymentConfiguration=CANARY))
    assert (status, body["__type"]) == (400, "InvalidParameterException")
    assert "The deployment strategy CANARY requires advancedConfiguration" in body["message"]
    update(ecs, deploymentConfiguration=CANARY, loadBalancers=pair.balancers())
    status, body = api.call(*updating(loadBalancers=[]))
    assert "The deployment strategy CANARY requires a load balancer" in body["message"]


def test_a_rule_that_is_gone_keeps_nobody_from_scaling(ecs: Any, pair: Pair) -> None:
    web(ecs, desiredCount=1, deploymentConfiguration=CANARY, loadBalancers=pair.balancers())
    pair.elbv2.delete_listener(ListenerArn=pair.listener)
    assert update(ecs, desiredCount=2)["desiredCount"] == 2
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="listener rule does not exist"):
        update(ecs, forceNewDeployment=True)


def test_the_limits_of_a_rolling_deployment_and_a_circuit_breaker_are_taken(ecs: Any, pair: Pair) -> None:
    breaker = {"enable": True, "rollback": True}
    said = CANARY | {"deploymentCircuitBreaker": breaker, "minimumHealthyPercent": 50, "maximumPercent": 150}
    service = web(ecs, desiredCount=0, deploymentConfiguration=said, loadBalancers=pair.balancers())
    assert service["deploymentConfiguration"] == said


# --- a canary from beginning to end ---


def test_the_first_deployment_sends_everybody_to_its_target_group(api: Harness, ecs: Any, pair: Pair) -> None:
    steady(api, ecs, pair, CANARY)
    assert pair.weights(pair.production) == {"blue": 100, "green": 0}
    told = newest(ecs)
    assert told["targetServiceRevision"]["requestedProductionTrafficWeight"] == 100
    assert "requestedTestTrafficWeight" not in told["targetServiceRevision"]
    assert "lifecycleStage" not in told


def test_a_target_group_that_waits_for_its_turn_is_in_use(api: Harness, ecs: Any, pair: Pair) -> None:
    steady(api, ecs, pair, CANARY)
    with pytest.raises(pair.elbv2.exceptions.ResourceInUseException):
        pair.elbv2.delete_target_group(TargetGroupArn=pair.green)


def test_a_canary_is_told_at_each_of_its_stages(api: Harness, ecs: Any, pair: Pair) -> None:
    steady(api, ecs, pair, CANARY, testListenerRule=pair.test)
    update(ecs, forceNewDeployment=True)
    told = until_stage(api, ecs, "SCALE_UP")
    assert (pair.weights(pair.production), pair.weights(pair.test)) == ({"blue": 100, "green": 0},) * 2
    assert [item["requestedProductionTrafficWeight"] for item in revisions(told)] == [0, 100]

    told = until_stage(api, ecs, "PRODUCTION_TRAFFIC_SHIFT")
    assert told["deploymentConfiguration"]["canaryConfiguration"]["canaryPercent"] == 10
    assert (pair.weights(pair.production), pair.weights(pair.test)) == (
        {"blue": 90, "green": 10},
        {"blue": 0, "green": 100},
    )
    assert [item["requestedProductionTrafficWeight"] for item in revisions(told)] == [10, 90]
    assert [item["requestedTestTrafficWeight"] for item in revisions(told)] == [100, 0]

    until_stage(api, ecs, "BAKE_TIME")
    assert pair.weights(pair.production) == {"blue": 0, "green": 100}
    api.simulation.advance(MINUTE + 15)
    told = newest(ecs)
    assert (told["status"], told["lifecycleStage"]) == ("SUCCESSFUL", "CLEAN_UP")
    assert [item["requestedProductionTrafficWeight"] for item in revisions(told)] == [100, 0]
    assert [deployment["rolloutState"] for deployment in described(ecs)["deployments"]] == ["COMPLETED"]
    assert described(ecs)["loadBalancers"] == pair.balancers(testListenerRule=pair.test), (
        "what was said, not whose turn"
    )


def revisions(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The target's summary and those of the sources."""
    return [told["targetServiceRevision"], *told["sourceServiceRevisions"]]


def test_revisions_take_turns_in_the_target_groups(api: Harness, ecs: Any, pair: Pair) -> None:
    steady(api, ecs, pair, BLUE_GREEN)
    for wanted in (pair.blue, pair.green, pair.blue):
        (summary,) = described(ecs)["currentServiceRevisions"]
        (revision,) = ecs.describe_service_revisions(serviceRevisionArns=[summary["arn"]])["serviceRevisions"]
        assert revision["loadBalancers"] == pair.balancers()
        assert revision["resolvedConfiguration"] == {
            "loadBalancers": [{"targetGroupArn": wanted, "productionListenerRule": pair.production}]
        }
        update(ecs, forceNewDeployment=True)
        api.simulation.advance(30)


def test_the_state_tells_how_far_the_traffic_has_moved(api: Harness, ecs: Any, pair: Pair) -> None:
    steady(api, ecs, pair, CANARY)
    assert "shift" not in state_of_web(api)["deployments"][0]
    assert state_of_web(api)["targetGroups"] == [pair.blue, pair.green]
    update(ecs, forceNewDeployment=True)
    until_stage(api, ecs, "PRODUCTION_TRAFFIC_SHIFT")
    shift = state_of_web(api)["deployments"][0]["shift"]
    since = shift.pop("stageSince")
    assert shift == {
        "strategy": "CANARY",
        "stage": "PRODUCTION_TRAFFIC_SHIFT",
        "productionPercent": 10.0,
        "testPercent": 0.0,
        "bakeMinutes": 1,
        "until": since + MINUTE,
        "pause": None,
    }


def state_of_web(api: Harness) -> dict[str, Any]:
    (service,) = json.loads(api.get("/state").body)["services"]
    assert isinstance(service, dict)
    return service


@pytest.mark.parametrize("strategy", [BLUE_GREEN, CANARY, {"strategy": "LINEAR"}])
def test_a_circuit_breaker_trips_before_anybody_is_sent_to_the_new_tasks(
    api: Harness, ecs: Any, pair: Pair, strategy: dict[str, Any]
) -> None:
    steady(api, ecs, pair, strategy | {"deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    image = {"image": "chaos-ecs/demo:1", "command": ["web"], "memory": 64, "environment": BROKEN}
    container = {"name": "web-server", "portMappings": [{"containerPort": 8080}], **image}
    ecs.register_task_definition(family="web-server", containerDefinitions=[container])
    update(ecs, taskDefinition="web-server")
    for _ in range(300):
        told = newest(ecs)
        assert pair.weights(pair.production) == {"blue": 100, "green": 0}
        if told["status"] == "ROLLBACK_SUCCESSFUL":
            break
        api.simulation.advance(1)
    assert (told["status"], told["lifecycleStage"]) == ("ROLLBACK_SUCCESSFUL", "SCALE_UP")
    assert told["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert [item["requestedProductionTrafficWeight"] for item in revisions(told)] == [0, 100]


# --- hooks ---


def paused(api: Harness, ecs: Any, pair: Pair) -> tuple[str, str]:
    """A deployment that a hook holds after SCALE_UP; its ARN and the hook's id."""
    steady(api, ecs, pair, BLUE_GREEN | {"lifecycleHooks": [HOOK]})
    update(ecs, forceNewDeployment=True)
    told = until_stage(api, ecs, "POST_SCALE_UP")
    api.simulation.advance(1)
    told = newest(ecs)
    (hook,) = told["lifecycleHookDetails"]
    assert (hook["status"], hook["targetType"], hook["timeoutAction"]) == ("AWAITING_ACTION", "PAUSE", "ROLLBACK")
    assert hook["expiresAt"].timestamp() > api.simulation.clock.now() + 1000
    assert state_of_web(api)["deployments"][0]["shift"]["pause"]["hookId"] == hook["hookId"]
    return told["serviceDeploymentArn"], hook["hookId"]


@pytest.mark.parametrize(
    ("action", "status", "hook_status"),
    [
        ({}, "SUCCESSFUL", "SUCCEEDED"),
        ({"action": "CONTINUE"}, "SUCCESSFUL", "SUCCEEDED"),
        ({"action": "ROLLBACK"}, "ROLLBACK_SUCCESSFUL", "FAILED"),
    ],
)
def test_a_paused_deployment_goes_on_or_back(
    api: Harness, ecs: Any, pair: Pair, action: Any, status: str, hook_status: str
) -> None:
    arn, hook = paused(api, ecs, pair)
    api.simulation.advance(600)
    assert newest(ecs)["lifecycleStage"] == "POST_SCALE_UP", "nobody continued it"
    answer = ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook, **action)
    assert answer["serviceDeploymentArn"] == arn
    api.simulation.advance(40)
    told = newest(ecs)
    assert (told["status"], told["lifecycleHookDetails"][0]["status"]) == (status, hook_status)
    served = {"blue": 0, "green": 100} if status == "SUCCESSFUL" else {"blue": 100, "green": 0}
    assert pair.weights(pair.production) == served


def test_the_stage_that_the_model_has_no_word_for_is_left_out(api: Harness, ecs: Any, pair: Pair) -> None:
    """A hook may hold a deployment there; botocore would refuse the word in ServiceDeployment.lifecycleStage."""
    hook = {"targetType": "PAUSE", "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"]}
    steady(api, ecs, pair, BLUE_GREEN | {"lifecycleHooks": [hook]})
    update(ecs, forceNewDeployment=True)
    api.simulation.advance(5)
    assert state_of_web(api)["deployments"][0]["shift"]["stage"] == "PRE_PRODUCTION_TRAFFIC_SHIFT"
    told = newest(ecs)
    assert "lifecycleStage" not in told
    assert told["lifecycleHookDetails"][0]["status"] == "AWAITING_ACTION"


def test_what_waits_for_nobody_can_not_be_continued(api: Harness, ecs: Any, pair: Pair) -> None:
    arn, hook = paused(api, ecs, pair)
    refusals = [
        (
            {"serviceDeploymentArn": f"{DEPLOYMENT}nothing", "hookId": hook},
            "ServiceDeploymentNotFoundException",
            "found",
        ),
        (
            {"serviceDeploymentArn": arn, "hookId": "x"},
            "InvalidParameterException",
            "no lifecycle hook with the hookId x",
        ),
        ({"serviceDeploymentArn": "web", "hookId": hook}, "InvalidParameterException", "Invalid identifier"),
        (
            {"serviceDeploymentArn": arn, "hookId": hook, "action": "STOP"},
            "InvalidParameterException",
            "enum value set: [ROLLBACK, CONTINUE]",
        ),
    ]
    for params, code, said in refusals:
        status, body = api.call("ContinueServiceDeployment", params)
        assert (status, body["__type"]) == (400, code)
        assert said in body["message"]
    assert newest(ecs)["lifecycleHookDetails"][0]["status"] == "AWAITING_ACTION"

    ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook)
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="is not awaiting an action"):
        ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook)


def test_a_hook_of_a_deployment_that_was_stopped_can_not_be_continued(api: Harness, ecs: Any, pair: Pair) -> None:
    arn, hook = paused(api, ecs, pair)
    ecs.stop_service_deployment(serviceDeploymentArn=arn)
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="is not awaiting an action"):
        ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook)
