"""The stream of a cluster's changes, as another system would keep it: every version of every task, in order."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from chaos_ecs.api.eventbridge import bodies, known
from chaos_ecs.core.messages import EventType, KillTask, UpdateService
from chaos_ecs.sim.simulation import Simulation
from tests.builders import WEB, a_standalone_task, running, the_service
from tests.sim.monkey import Monkey
from tests.sim.test_deployments import BREAKER, NO_ROLLBACK, a_steady_service, deploy

Told = list[dict[str, Any]]
STEPS = 40


class Copy:
    """What somebody knows who hears nothing but the events."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.told: Told = []
        self.tasks: dict[str, Told] = {}
        self.follow()

    def follow(self) -> None:
        assert self.simulation.controller is not None
        self.simulation.controller.follow(self.hear)

    def hear(self, at: float, changes: Any) -> None:
        for body in bodies(at, changes):
            event = json.loads(body)
            self.told.append(event)
            if event["detail-type"] == "ECS Task State Change":
                self.tasks.setdefault(event["resources"][0], []).append(event["detail"])

    def check(self) -> None:
        """After every step: the newest version that was told of a task is the one that it has."""
        for arn, task in self.simulation.state.tasks.items():
            last = self.tasks[arn][-1]
            assert last["version"] == task.version
            assert (last["lastStatus"], last["desiredStatus"]) == (task.last_status, task.desired_status)
            assert [item["lastStatus"] for item in last["containers"]] == [c.last_status for c in task.containers]

    def names(self, kind: str) -> list[str]:
        return [event["detail"]["eventName"] for event in self.told if event["detail-type"] == kind]


def states(detail: dict[str, Any]) -> list[str]:
    return [detail["lastStatus"], detail["desiredStatus"], *(item["lastStatus"] for item in detail["containers"])]


def check_lives(copy: Copy) -> None:
    for versions in copy.tasks.values():
        assert [detail["version"] for detail in versions] == list(range(1, len(versions) + 1))
        for before, after in pairwise(versions):
            assert states(before) != states(after), "a version is a change of what can be seen"
            assert before["updatedAt"] <= after["updatedAt"]
        if versions[-1]["lastStatus"] == "STOPPED":
            assert versions[-1]["stopCode"]
            assert versions[-1]["stoppedReason"]


def test_kills_scaling_a_deployment_and_a_rollback_are_told_version_by_version() -> None:
    simulation = a_steady_service()
    copy = Copy(simulation)
    for at, change in known(simulation.state, ()):
        copy.hear(at, [change])
    begun = {arn: versions[0]["version"] for arn, versions in copy.tasks.items()}
    simulation.after_step = copy.check
    simulation.submit(KillTask(running(simulation)[0].arn)).result(0)
    alone = a_standalone_task(simulation)
    simulation.advance(30)
    simulation.submit(UpdateService(WEB, desired_count=5)).result(0)
    simulation.advance(20)
    deploy(simulation, "chaos-ecs/demo:1")
    simulation.advance(60)
    deploy(simulation, "no-such-image:9")
    simulation.advance(200)
    simulation.submit(UpdateService(WEB, desired_count=0)).result(0)
    simulation.advance(60)
    for arn, versions in copy.tasks.items():
        first = begun.get(arn, 1)
        assert [detail["version"] for detail in versions] == list(range(first, first + len(versions)))
        assert versions[-1]["lastStatus"] == "STOPPED"
        assert versions[-1]["stopCode"]
    assert copy.tasks[alone.arn][0]["lastStatus"] == "PROVISIONING"
    codes = {versions[-1]["stopCode"] for versions in copy.tasks.values()}
    assert codes == {"EssentialContainerExited", "ServiceSchedulerInitiated", "TaskFailedToStart"}


def test_a_deployment_that_fails_and_is_rolled_back_is_told_in_the_words_of_ecs() -> None:
    simulation = a_steady_service(BREAKER)
    first = the_service(simulation).primary.id
    copy = Copy(simulation)
    deploy(simulation, "no-such-image:9")
    broken = the_service(simulation).primary.id
    simulation.advance(200)
    told = [
        tuple(item["detail"][name] for name in ("eventType", "eventName", "deploymentId", "reason"))
        for item in copy.told
        if item["detail-type"] == "ECS Deployment State Change"
    ]
    rolling = f"ECS deployment circuit breaker: rolling back to deploymentId {first}."
    assert told == [
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", broken, f"ECS deployment {broken} in progress."),
        ("ERROR", "SERVICE_DEPLOYMENT_FAILED", broken, "ECS deployment circuit breaker: task failed to start."),
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", first, rolling),
        ("INFO", "SERVICE_DEPLOYMENT_COMPLETED", first, f"ECS deployment {first} completed."),
    ]
    assert {tuple(item["resources"]) for item in copy.told if "deploymentId" in item["detail"]} == {(WEB,)}


def test_starts_that_fail_again_and_again_are_told_once() -> None:
    simulation = a_steady_service(NO_ROLLBACK)
    copy = Copy(simulation)
    deploy(simulation, "no-such-image:9")
    simulation.advance(600)
    risen = [event for event in simulation.events if event.type is EventType.SERVICE_THROTTLED]
    assert copy.names("ECS Service Action").count("SERVICE_TASK_START_IMPAIRED") == min(1, len(risen))


@pytest.mark.parametrize("block", range(0, 30, 10))
def test_no_change_of_any_task_is_missed_in_random_trouble(block: int) -> None:
    heard = 0
    for seed in range(block, block + 10):
        monkey = Monkey(seed)
        simulation = monkey.simulation
        copy = Copy(simulation)
        checks = simulation.after_step

        def both(copy: Copy = copy, checks: Any = checks) -> None:
            checks()
            copy.check()

        simulation.after_step = both
        simulation.crash_after = lambda points: None  # type: ignore[method-assign]
        simulation.crash = lambda: None  # type: ignore[method-assign]
        monkey.run(STEPS)
        monkey.converge()
        check_lives(copy)
        heard += len(copy.tasks)
    assert heard > 100, "trouble that makes no tasks would prove nothing"


def test_after_a_crash_how_it_is_makes_good_what_was_not_told() -> None:
    for seed in range(20):
        monkey = Monkey(seed)
        monkey.run(STEPS)
        simulation = monkey.simulation
        simulation.restart()
        copy = Copy(simulation)
        for at, change in known(simulation.state, ()):
            copy.hear(at, [change])
        copy.check()
        assert [event["time"] for event in copy.told] == sorted(event["time"] for event in copy.told)
