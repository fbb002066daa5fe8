"""What a healthy task is for the CLI, once for all: the scoreboard, an experiment's probe, and whoever counts next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos_ecs.chaos import aiming, catalogue, parameters
from chaos_ecs.chaos.fault import Victim
from chaos_ecs.cli.chaos.providers import HealthyCount
from chaos_ecs.cli.chaos.score import Plan
from chaos_ecs.cli.chaos.scoreboard import Scoreboard
from chaos_ecs.cli.client import state
from chaos_ecs.cli.health import HOLDING, healthy_tasks, is_whole
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.core.recipe import Means
from tests.unit.api_harness import CLUSTER as ROOM
from tests.unit.fake_controller import Answer, a_fault, a_service, a_state, a_task, a_victim, task_arn
from tests.unit.sim_room import SimRoom

TASKS = ("aaaa01", "bbbb02", "cccc03")
GROUP, OTHER = "arn:group", "arn:other"


def a_moment(*tasks: Answer, service: Answer | None = None, **more: Any) -> Snapshot:
    changed = {task["arn"]: task for task in tasks}
    usual = [a_task(digits, "web") for digits in TASKS]
    there = [changed.pop(task["arn"], task) for task in usual]
    return Snapshot.of(a_state(services=[a_service(**(service or {}))], tasks=[*there, *changed.values()], **more))


def healthy(moment: Snapshot) -> list[str]:
    return [task.short for task in healthy_tasks(moment, moment.services[0])]


def a_group(arn: str, **states: str) -> Answer:
    targets = [
        {"taskArn": task_arn(digits), "address": "a", "port": 1, "state": state} for digits, state in states.items()
    ]
    return {"arn": arn, "name": arn, "targets": targets}


def test_a_task_that_runs_and_is_meant_to_is_healthy() -> None:
    starting, leaving = a_task("aaaa01", "web", lastStatus="PENDING"), a_task("bbbb02", "web", desiredStatus="STOPPED")
    assert healthy(a_moment(starting, leaving)) == ["cccc03"]


def test_what_its_health_check_calls_unhealthy_is_not_whatever_the_balancer_says() -> None:
    sick = a_task("bbbb02", "web", healthStatus="UNHEALTHY")
    assert healthy(a_moment(sick)) == ["aaaa01", "cccc03"]
    groups = [a_group(GROUP, **dict.fromkeys(TASKS, "healthy"))]
    assert healthy(a_moment(sick, service={"targetGroups": [GROUP]}, targetGroups=groups)) == ["aaaa01", "cccc03"]


@pytest.mark.parametrize("name", HOLDING)
def test_what_a_fault_holds_is_not_until_that_is_over(name: str) -> None:
    fault = a_fault(a_victim("aaaa01", "web"), a_victim("bbbb02", "web", status="ENDED"), name=name)
    assert healthy(a_moment(faults=[fault])) == ["bbbb02", "cccc03"]
    assert healthy(a_moment(faults=[{**fault, "name": "network-latency"}])) == list(TASKS)


def test_the_faults_that_hold_are_those_that_stop_or_cut_off_the_whole_container() -> None:
    means = (Means.FREEZE, Means.STALL, Means.DETACH)
    needed = {"port": "80", "processName": "sleep", "to": "web", "az": "a"}
    victim = Victim("aaaa01", "app", memory=512, peers=("10.0.0.9",))
    made = []
    for kind in catalogue.FAULTS:
        required = {item.name: needed[item.name] for item in parameters.parameters_of(kind) if item.default is None}
        if kind.action_id != "aws:fis:wait" and parameters.made(kind, required).recipe(victim).means in means:
            made.append(kind.name)
    assert tuple(made) == HOLDING


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"aaaa01": "healthy", "bbbb02": "healthy", "cccc03": "healthy"}, list(TASKS)),
        ({"aaaa01": "healthy", "bbbb02": "initial", "cccc03": "draining"}, ["aaaa01"]),
        ({"aaaa01": "unhealthy", "bbbb02": "unused"}, []),
        ({}, []),
    ],
    ids=["all", "on their way", "sick", "not registered"],
)
def test_behind_a_balancer_every_target_group_must_say_so(states: dict[str, str], expected: list[str]) -> None:
    moment = a_moment(service={"targetGroups": [GROUP]}, targetGroups=[a_group(GROUP, **states)])
    assert healthy(moment) == expected


def test_of_two_target_groups_only_those_count_that_a_task_is_in() -> None:
    groups = [a_group(GROUP, aaaa01="healthy", bbbb02="healthy"), a_group(OTHER, bbbb02="unhealthy", cccc03="healthy")]
    assert healthy(a_moment(service={"targetGroups": [GROUP, OTHER]}, targetGroups=groups)) == ["aaaa01", "cccc03"]


def test_a_service_that_is_gone_has_nothing_to_come_to() -> None:
    moment = a_moment(service={"steady": False})
    web = moment.services[0].arn
    assert (is_whole(moment, web), is_whole(moment, ""), is_whole(moment, f"{web}-gone")) == (False, True, True)
    assert is_whole(a_moment(service={"steady": False, "status": "INACTIVE"}), web)


# --- on the simulator: whoever counts, counts the same ---


@pytest.fixture
def room(tmp_path: Path) -> Iterator[SimRoom]:
    room = SimRoom(tmp_path / "home")
    yield room
    room.close()


def counted(room: SimRoom) -> tuple[int, int, int]:
    """By the scoreboard, by an experiment's probe, and by the controller."""
    moment = state(room.controller)
    web = moment.services[0]
    board = Scoreboard(Plan("web"), run=1, service=web, began_at=moment.at, heard=moment.number)
    board.see(moment)

    class Sight:
        cluster = web.cluster

        def look(self) -> Snapshot:
            return moment

    core = room.simulation.state
    by_controller = sum(aiming.is_healthy(core, task) for task in core.live_tasks_of(web.arn))
    return board.score(0.0).healthy[-1][1], HealthyCount("web").ask(Sight()), by_controller


def test_a_paused_task_is_healthy_for_nobody(room: SimRoom) -> None:
    assert counted(room) == (3, 3, 3)
    room.controller.own("InjectFault", cluster=ROOM, name="pause", tasks=[room.running()[0]])
    room.advance(1)
    assert counted(room) == (2, 2, 2)
