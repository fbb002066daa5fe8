"""`chaos-ecs service autoscale` against a real border on a simulated world."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chaos_ecs.cli import client, refusals
from chaos_ecs.cli.snapshot import Event
from tests.unit.api_harness import TARGETS, Harness
from tests.unit.fake_controller import Terminal

SCOPES = {"ecs": TARGETS["ecs"], "chaos-ecs": TARGETS["chaos-ecs"], "application-autoscaling": client.SCALING}


class Room:
    """A controller with a service of two tasks; commands are what was asked of it, in words of the API."""

    url = "http://127.0.0.1:8481"

    def __init__(self) -> None:
        self.api = Harness()
        self.ecs_client = self.api.client()
        self.ecs_client.create_service(
            cluster="my-cluster", serviceName="web", taskDefinition="web-server", desiredCount=2
        )
        self.api.simulation.advance(5)

    def ecs(self, operation: str, **members: Any) -> dict[str, Any]:
        return self._ask("ecs", operation, members)

    def own(self, operation: str, **members: Any) -> dict[str, Any]:
        return self._ask("chaos-ecs", operation, members)

    def scaling(self, operation: str, **members: Any) -> dict[str, Any]:
        return self._ask("application-autoscaling", operation, members)

    def raw_state(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.api.get("/state").body)
        return answer

    def events(self, after: int, *, follow: bool) -> Iterator[Event]:
        yield from ()

    def _ask(self, scope: str, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({name: value for name, value in members.items() if value is not None}).encode()
        headers = {"X-Amz-Target": f"{SCOPES[scope]}.{operation}"}
        response = self.api.send(body, headers=headers, service=scope)
        if response.status != 200:
            raise refusals.of(operation, response.status, response.body)
        answer: dict[str, Any] = json.loads(response.body)
        return answer

    @property
    def target(self) -> Any:
        (found,) = self.api.simulation.state.scalable_targets.values()
        return found

    @property
    def policies(self) -> dict[str, Any]:
        return {policy.name: policy for policy in self.target.policies}

    def put_behind_a_load_balancer(self) -> str:
        elbv2 = self.api.client(service="elbv2")
        made = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=8080, TargetType="ip", VpcId="vpc-1")
        group: str = made["TargetGroups"][0]["TargetGroupArn"]
        front = elbv2.create_load_balancer(Name="front", Subnets=["subnet-1"])["LoadBalancers"][0]["LoadBalancerArn"]
        actions = [{"Type": "forward", "TargetGroupArn": group}]
        elbv2.create_listener(LoadBalancerArn=front, Port=80, Protocol="HTTP", DefaultActions=actions)
        balancers = [{"targetGroupArn": group, "containerName": "web-server", "containerPort": 8080}]
        self.ecs_client.update_service(cluster="my-cluster", service="web", loadBalancers=balancers)
        return group


@pytest.fixture
def room() -> Room:
    return Room()


def run(room: Room, *words: str) -> Terminal:
    """What it printed; it must have succeeded."""
    terminal = Terminal(room)  # type: ignore[arg-type]
    assert terminal.run("service", "autoscale", *words) == 0, terminal.both
    return terminal


def refused(room: Room, *words: str) -> tuple[int, str]:
    terminal = Terminal(room)  # type: ignore[arg-type]
    return terminal.run("service", "autoscale", *words), terminal.err.getvalue()


def test_a_service_is_scaled_by_its_cpu(room: Room) -> None:
    words = ("--min", "2", "--max", "6", "--cpu", "50", "--scale-in-cooldown", "1m", "--scale-out-cooldown", "5s")
    shown = run(room, "web", *words).out.getvalue()
    assert shown.splitlines() == [
        "web is scaled between 2 and 6 tasks",
        "",
        "POLICY  COOLDOWN OUT  IN   KEEPS",
        "cpu     5s            60s  CPU at 50 %",
    ]
    policy = room.policies["cpu"]
    assert (room.target.min_capacity, room.target.max_capacity) == (2, 6)
    assert (policy.target_value, policy.scale_out_cooldown, policy.scale_in_cooldown) == (50, 5, 60)


def test_limits_and_cooldowns_that_are_not_given_are_usual_ones(room: Room) -> None:
    assert "cpu     default       default  CPU at 62.5 %" in run(room, "--cpu", "62.5").out.getvalue()
    assert (room.target.min_capacity, room.target.max_capacity) == (1, 10)
    run(room, "web", "--max", "4")
    assert (room.target.min_capacity, room.target.max_capacity) == (1, 4)
    assert room.policies["cpu"].target_value == 62.5


@pytest.mark.parametrize(
    ("words", "limits"), [(("--min", "20"), (20, 20)), (("--max", "0"), (0, 0)), (("--max", "5"), (1, 5))]
)
def test_one_limit_alone_is_enough(room: Room, words: tuple[str, ...], limits: tuple[int, int]) -> None:
    assert "nothing scales it yet" in run(room, *words).out.getvalue()
    assert (room.target.min_capacity, room.target.max_capacity) == limits


def test_a_service_behind_a_load_balancer_is_scaled_by_its_requests(room: Room) -> None:
    group = room.put_behind_a_load_balancer()
    shown = run(room, "web", "--requests", "100", "--cpu", "50").out.getvalue()
    assert "100 requests a minute per task" in shown
    assert "CPU at 50 %" in shown
    assert room.policies["requests"].measure.target_group_arn == group


def test_without_a_load_balancer_requests_are_refused_before_anything_changes(room: Room) -> None:
    code, said = refused(room, "web", "--requests", "100")
    assert code == 1
    assert "E-NO-LOAD-BALANCER" in said
    assert "chaos-ecs service autoscale web --cpu 50" in said
    assert room.api.simulation.state.scalable_targets == {}


def test_what_it_did_is_shown_newest_first(room: Room) -> None:
    run(room, "--min", "3", "--cpu", "50")
    shown = run(room, "web").out.getvalue().splitlines()
    assert shown[0] == "web is scaled between 3 and 10 tasks"
    assert shown[-1].endswith("between 3 and 10 tasks are to run: 2 -> 3")


def test_off_ends_it_and_keeps_the_count(room: Room) -> None:
    run(room, "--min", "3", "--cpu", "50")
    assert run(room, "--off").out.getvalue() == "web is not scaled any more, desired 3\n"
    assert room.api.simulation.state.scalable_targets == {}
    assert run(room, "--off").out.getvalue() == "web is not scaled any more, desired 3\n"


def test_a_service_that_is_not_scaled_is_told_how_to(room: Room) -> None:
    terminal = run(room, "web")
    assert terminal.out.getvalue() == ""
    assert "chaos-ecs service autoscale web --min 1 --max 10 --cpu 50" in terminal.err.getvalue()


def test_json_is_what_the_api_said(room: Room) -> None:
    told = json.loads(run(room, "--json", "web", "--cpu", "50").out.getvalue())
    assert told["service"] == "web"
    assert told["target"]["MaxCapacity"] == 10
    assert told["policies"][0]["PolicyName"] == "cpu"
    assert told["activities"] == []
    assert json.loads(run(room, "--json", "--off").out.getvalue())["target"] is None
    assert json.loads(run(room, "--json").out.getvalue())["target"] is None


@pytest.mark.parametrize(
    "words", [("--off", "--cpu", "50"), ("--off", "--min", "1"), ("--scale-in-cooldown", "5s"), ("--cpu", "0")]
)
def test_options_that_do_not_go_together_are_refused(room: Room, words: tuple[str, ...]) -> None:
    code, _ = refused(room, "web", *words)
    assert code == 2
    assert room.api.simulation.state.scalable_targets == {}


def test_what_the_api_refuses_is_told(room: Room) -> None:
    code, said = refused(room, "web", "--min", "5", "--max", "2", "--cpu", "50")
    assert code == 1
    assert "Maximum capacity cannot be less than minimum capacity" in said
    assert refused(room, "gone", "--cpu", "50")[0] == 3
