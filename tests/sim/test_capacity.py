"""Base and weight of a service's capacity providers while it starts, grows, shrinks, loses tasks and is deployed anew;
container instances of a capacity provider of one's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from chaos_ecs.core.container_instances import ContainerInstanceStatus, built_in_attributes
from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.instance_messages import RegisterContainerInstance, SetContainerInstanceStatuses
from chaos_ecs.core.messages import CreateService, KillTask, RunTask, SetStandby, UpdateService
from chaos_ecs.core.model import Task
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.rollout_messages import SetTaskProtection
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, WEB, a_container, a_simulation, definition_arn, registered, running, the_service

Providers = tuple[tuple[str, int, int], ...]

FARGATE_FIRST: Providers = (("FARGATE", 1, 2), ("FARGATE_SPOT", 3, 0))
"""Weights 1 and 3, the first two always on FARGATE."""
ONE_EACH: Providers = (("a", 1, 0), ("b", 1, 0))


def served_by(
    providers: Providers, desired_count: int = 10, *, launch_type: str = "FARGATE", instances: str = ""
) -> Simulation:
    """A service with this strategy, and container instances `a1 b1`: the letter is the capacity provider."""
    simulation = a_simulation()
    for name in instances.split():
        add(simulation, name)
    create(simulation, providers, desired_count, launch_type=launch_type)
    simulation.advance(20)
    return simulation


def create(
    simulation: Simulation, providers: Providers, desired_count: int, *, launch_type: str, rebalances: bool = False
) -> None:
    wishes = PlacementWishes(providers=providers, rebalances=rebalances)
    limits = DeploymentConfiguration(circuit_breaker_enable=True, circuit_breaker_rollback=True)
    command = CreateService(WEB, CLUSTER, definition_arn("web-server"), desired_count, launch_type=launch_type)
    simulation.submit(replace(command, placement=wishes, deployment_configuration=limits)).result(0)


def add(simulation: Simulation, name: str, *, zone: str = "us-east-1a") -> str:
    attributes = built_in_attributes(availability_zone=zone, instance_type="t3.medium")
    command = RegisterContainerInstance(CLUSTER, name, 4096, 4096, attributes, capacity_provider=name[0])
    simulation.submit(command).result(0)
    return next(item.arn for item in simulation.state.instances_in(CLUSTER) if item.name == name)


def scale(simulation: Simulation, count: int) -> None:
    simulation.submit(UpdateService(WEB, desired_count=count)).result(0)
    simulation.advance(40)


def told(tasks: list[Task]) -> str:
    counts = Counter(task.capacity_provider for task in tasks)
    return " ".join(f"{name}={counts[name]}" for name in sorted(counts))


def shares(simulation: Simulation) -> str:
    return told(running(simulation))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((10,), ["FARGATE=4 FARGATE_SPOT=6"]),
        ((2, 10, 25), ["FARGATE=2", "FARGATE=4 FARGATE_SPOT=6", "FARGATE=8 FARGATE_SPOT=17"]),
        ((10, 4), ["FARGATE=4 FARGATE_SPOT=6", "FARGATE=2 FARGATE_SPOT=2"]),
        ((10, 2, 1), ["FARGATE=4 FARGATE_SPOT=6", "FARGATE=2", "FARGATE=1"]),
    ],
)
def test_a_service_grows_and_shrinks_by_base_and_weight(counts: tuple[int, ...], expected: list[str]) -> None:
    simulation = served_by(FARGATE_FIRST, counts[0])
    found = [shares(simulation)]
    for count in counts[1:]:
        scale(simulation, count)
        found.append(shares(simulation))
    assert found == expected


def test_what_dies_comes_back_on_the_provider_that_it_was_on() -> None:
    simulation = served_by(FARGATE_FIRST)
    for victim in [task for task in running(simulation) if task.capacity_provider == "FARGATE_SPOT"][:4]:
        simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(30)
    replacements = [task for task in running(simulation) if task.fills]
    assert told(replacements) == "FARGATE_SPOT=4"
    assert shares(simulation) == "FARGATE=4 FARGATE_SPOT=6"


def test_what_is_still_on_its_way_goes_first_and_the_rest_by_share() -> None:
    simulation = served_by(FARGATE_FIRST)
    simulation.submit(UpdateService(WEB, desired_count=20)).result(0)
    assert len(simulation.state.live_tasks_of(WEB)) > len(running(simulation)) == 10
    scale(simulation, 4)
    assert shares(simulation) == "FARGATE=2 FARGATE_SPOT=2"


def test_a_protected_task_stays_though_its_provider_has_too_many() -> None:
    simulation = served_by(FARGATE_FIRST)
    spot = tuple(task.arn for task in running(simulation) if task.capacity_provider == "FARGATE_SPOT")
    simulation.submit(SetTaskProtection(spot, True, 60)).result(0)
    scale(simulation, 6)
    assert shares(simulation) == "FARGATE_SPOT=6"


def test_a_new_deployment_shares_out_its_own_tasks_only() -> None:
    simulation = served_by(FARGATE_FIRST)
    simulation.submit(UpdateService(WEB, force_new_deployment=True)).result(0)
    simulation.advance(120)
    assert the_service(simulation).steady
    assert {task.deployment_id for task in running(simulation)} == {the_service(simulation).primary.id}
    assert shares(simulation) == "FARGATE=4 FARGATE_SPOT=6"


def test_a_deployment_with_another_strategy_that_fails_goes_back_to_the_one_before() -> None:
    simulation = served_by(FARGATE_FIRST, 4)
    before = shares(simulation)
    broken = registered(simulation, a_container(command=("sh", "-c", "exit 1")), family="broken")
    wishes = PlacementWishes(providers=(("FARGATE", 1, 0),))
    simulation.submit(UpdateService(WEB, task_definition_arn=broken, placement=wishes)).result(0)
    for victim in running(simulation):  # what dies meanwhile is replaced as its own deployment has it
        simulation.submit(KillTask(victim.arn)).result(0)
    simulation.advance(600)
    service = the_service(simulation)
    assert service.primary.task_definition_arn == definition_arn("web-server")
    assert service.placement.providers == FARGATE_FIRST
    assert shares(simulation) == before == "FARGATE=2 FARGATE_SPOT=2"


def test_a_standby_stands_in_for_its_own_provider_only() -> None:
    simulation = served_by((("FARGATE", 1, 2), ("FARGATE_SPOT", 1, 0)), 4)
    simulation.submit(SetStandby(WEB, 1)).result(0)
    simulation.advance(5)
    (standby,) = simulation.state.standbys_of(WEB)
    assert standby.capacity_provider == "FARGATE"
    (spot,) = (task for task in running(simulation) if task.capacity_provider == "FARGATE_SPOT")
    simulation.submit(KillTask(spot.arn)).result(0)
    simulation.advance(5)
    assert standby.arn not in simulation.state.tasks
    assert shares(simulation) == "FARGATE=3 FARGATE_SPOT=1"
    fargate = next(task for task in running(simulation) if task.capacity_provider == "FARGATE")
    simulation.submit(KillTask(fargate.arn)).result(0)
    simulation.advance(5)
    assert standby.arn in {task.arn for task in running(simulation)}
    assert shares(simulation) == "FARGATE=3 FARGATE_SPOT=1"


def test_tasks_go_to_their_providers_container_instances_only() -> None:
    simulation = served_by(ONE_EACH, 6, launch_type="EC2", instances="a1 b1 b2 c1")
    names = {item.arn: item.name for item in simulation.state.instances_in(CLUSTER)}
    found = Counter(names[task.container_instance_arn] for task in running(simulation))
    assert found["a1"] == 3
    assert found["b1"] + found["b2"] == 3
    assert min(found["b1"], found["b2"]) == 1
    assert {task.launch_type for task in running(simulation)} == {"EC2"}
    scale(simulation, 2)
    assert shares(simulation) == "a=1 b=1"


def test_what_stays_of_two_providers_is_spread_over_the_zones_together() -> None:
    simulation = a_simulation()
    for name, zone in (("a1", "a"), ("a2", "b"), ("b1", "a"), ("b2", "b")):
        add(simulation, name, zone=f"us-east-1{zone}")
    create(simulation, ONE_EACH, 4, launch_type="EC2")
    simulation.advance(20)
    scale(simulation, 2)
    instances = simulation.state.container_instances
    zones = [instances[task.container_instance_arn].availability_zone for task in running(simulation)]
    assert (shares(simulation), sorted(zones)) == ("a=1 b=1", ["us-east-1a", "us-east-1b"])


def test_a_move_between_zones_is_within_a_provider() -> None:
    simulation = a_simulation()
    add(simulation, "a1")
    add(simulation, "b1")
    create(simulation, ONE_EACH, 4, launch_type="EC2", rebalances=True)
    simulation.advance(20)
    add(simulation, "a2", zone="us-east-1b")
    simulation.advance(120)
    names = {item.arn: item.name for item in simulation.state.instances_in(CLUSTER)}
    found = Counter(names[task.container_instance_arn] for task in running(simulation))
    assert found == {"a2": 2, "b1": 2}


def test_what_its_provider_has_no_room_for_waits_and_is_told() -> None:
    simulation = served_by(ONE_EACH, 4, launch_type="EC2", instances="a1")
    assert shares(simulation) == "a=2"
    said = [event.message for event in simulation.events if event.type == "SERVICE_NOT_PLACED"]
    assert [message.partition("Reason: ")[2].partition(". ")[0] for message in said] == [
        "No Container Instances were found in your capacity provider"
    ]
    add(simulation, "b1")
    simulation.advance(20)
    assert shares(simulation) == "a=2 b=2"
    assert the_service(simulation).steady


def test_a_provider_without_container_instances_is_not_the_own_engine() -> None:
    simulation = served_by((("a", 1, 0),), 2, launch_type="EC2")
    assert running(simulation) == []
    assert "in your capacity provider" in the_service(simulation).unplaced
    run = RunTask(CLUSTER, definition_arn("batch-job"), placement=PlacementWishes(providers=(("a", 1, 0),)))
    with pytest.raises(InvalidParameterException, match="No Container Instances were found in your capacity provider"):
        simulation.submit(run).result(0)
    add(simulation, "a1")
    simulation.submit(run).result(0)
    simulation.advance(20)
    assert shares(simulation) == "a=2"


def test_what_leaves_a_draining_container_instance_stays_with_its_provider() -> None:
    simulation = served_by(ONE_EACH, 4, launch_type="EC2", instances="a1 b1 b2")
    (b1,) = (item.arn for item in simulation.state.instances_in(CLUSTER) if item.name == "b1")
    simulation.submit(SetContainerInstanceStatuses((b1,), ContainerInstanceStatus.DRAINING)).result(0)
    simulation.advance(60)
    assert b1 not in {task.container_instance_arn for task in running(simulation)}
    assert shares(simulation) == "a=2 b=2"


def test_each_run_of_standalone_tasks_is_shared_out_by_itself() -> None:
    simulation = a_simulation()
    wishes = PlacementWishes(providers=FARGATE_FIRST)
    run = RunTask(CLUSTER, definition_arn("batch-job"), count=10, launch_type="FARGATE", placement=wishes)
    for _ in range(2):
        before = set(simulation.state.tasks)
        simulation.submit(run).result(0)
        made = [task for arn, task in simulation.state.tasks.items() if arn not in before]
        assert told(made) == "FARGATE=4 FARGATE_SPOT=6"
