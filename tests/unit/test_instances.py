"""Container instances in State: what is refused, and what is forgotten when."""

from __future__ import annotations

import pytest

from chaos_ecs.core.container_instances import ContainerInstanceStatus
from chaos_ecs.core.errors import (
    AttributeLimitExceededException,
    ClientException,
    ClusterNotFoundException,
    EcsError,
    InvalidParameterException,
)
from chaos_ecs.core.instance_messages import (
    DeregisterContainerInstance,
    LeaveEngine,
    RegisterContainerInstance,
    SetContainerInstanceStatuses,
    UseEngine,
)
from chaos_ecs.core.messages import RunTask
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.plan import plan
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, a_simulation, definition_arn

_MANY = tuple((f"n{number}", "") for number in range(11))
ACTIVE, DRAINING = ContainerInstanceStatus.ACTIVE, ContainerInstanceStatus.DRAINING


def add(simulation: Simulation, name: str = "a1", **members: str) -> str:
    """The ARN of a new one."""
    simulation.submit(RegisterContainerInstance(CLUSTER, name, 1024, 1024, **members)).result(0)  # type: ignore[arg-type]
    return next(reversed(simulation.state.container_instances))


@pytest.mark.parametrize(
    ("command", "refusal", "said"),
    [
        (RegisterContainerInstance(CLUSTER, "a1", 1024, 1024), ClientException, "has a container instance named a1"),
        (RegisterContainerInstance(CLUSTER, "a2", 9, 9, _MANY), AttributeLimitExceededException, "up to 10 custom"),
        (RegisterContainerInstance(CLUSTER, "a2", 0, 1024), InvalidParameterException, "at least 1"),
        (RegisterContainerInstance(CLUSTER, "a2", 1024, -1), InvalidParameterException, "at least 1"),
        (RegisterContainerInstance(CLUSTER + "x", "a2", 1024, 1), ClusterNotFoundException, "Cluster not found."),
        (SetContainerInstanceStatuses(("arn",), DRAINING), InvalidParameterException, "instance arn not found"),
        (DeregisterContainerInstance("arn"), InvalidParameterException, "instance arn not found"),
    ],
)
def test_a_command_is_refused_in_words(command: object, refusal: type[EcsError], said: str) -> None:
    simulation = a_simulation()
    add(simulation)
    with pytest.raises(refusal, match=said):
        simulation.submit(command).result(0)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [status for status in ContainerInstanceStatus if status not in (ACTIVE, DRAINING)])
def test_only_two_statuses_can_be_set(status: ContainerInstanceStatus) -> None:
    simulation = a_simulation()
    arn = add(simulation)
    with pytest.raises(InvalidParameterException, match=r"should be one of \[ACTIVE, DRAINING\]"):
        simulation.submit(SetContainerInstanceStatuses((arn,), status)).result(0)


def test_of_several_statuses_all_are_set_or_none() -> None:
    simulation = a_simulation()
    first, second = add(simulation), add(simulation, "a2")
    simulation.submit(DeregisterContainerInstance(second)).result(0)
    with pytest.raises(InvalidParameterException, match="not found"):
        simulation.submit(SetContainerInstanceStatuses((first, second), DRAINING)).result(0)
    assert simulation.state.container_instances[first].status is ACTIVE


def test_setting_the_status_it_has_tells_nobody() -> None:
    simulation = a_simulation()
    arn = add(simulation)
    for status, told in ((ACTIVE, 0), (DRAINING, 1), (DRAINING, 1), (ACTIVE, 2)):
        simulation.submit(SetContainerInstanceStatuses((arn,), status)).result(0)
        events = [event for event in simulation.events if event.type == "INSTANCE_STATUS_CHANGED"]
        assert len(events) == told


def test_a_deregistered_one_is_kept_past_its_hour_while_a_task_is_still_to_stop_there() -> None:
    """As the plan sees it: the task's engine may not answer for long."""
    simulation = a_simulation()
    arn = add(simulation)
    simulation.submit(RunTask(CLUSTER, definition_arn("worker"))).result(0)
    simulation.advance(5)
    simulation.submit(DeregisterContainerInstance(arn, force=True)).result(0)
    state, now = simulation.state, simulation.clock.now()
    assert any(not task.is_stopped for task in state.tasks_on(arn))
    assert "ForgetContainerInstance" not in str(plan(state, [arn], now + 4000))
    simulation.advance(60)
    assert "it was deregistered an hour ago" in str(plan(state, [arn], now + 4000))


def test_an_engine_is_left_as_soon_as_its_last_container_instance_is_deregistered() -> None:
    simulation = a_simulation()
    first, second = (add(simulation, name, engine="elsewhere") for name in ("a1", "a2"))
    state = simulation.state
    assert list(state.engines) == ["elsewhere"]
    simulation.submit(DeregisterContainerInstance(first)).result(0)
    assert "elsewhere" in state.engines
    simulation.submit(DeregisterContainerInstance(second)).result(0)
    assert state.engines == {}
    assert {first, second} <= state.container_instances.keys(), "both can be described"
    assert not {UseEngine, LeaveEngine} & {type(action) for action in plan(state, [first], 0.0).actions}


def run_by(simulation: Simulation, *providers: str, count: int = 2) -> None:
    wishes = PlacementWishes(providers=tuple((name, 1, 0) for name in providers))
    simulation.submit(RunTask(CLUSTER, definition_arn("worker"), count=count, placement=wishes)).result(0)


def test_a_provider_without_container_instances_is_named_as_ecs_names_it() -> None:
    simulation = a_simulation()
    add(simulation, capacity_provider="full")
    with pytest.raises(InvalidParameterException, match="were found in your capacity provider"):
        run_by(simulation, "empty")
    assert not simulation.state.tasks
    run_by(simulation, "empty", "full")
    (task,) = simulation.state.tasks.values()
    assert task.capacity_provider == "full"
    (told,) = [event for event in simulation.events if event.type == "TASK_NOT_PLACED"]
    assert told.data == {"reason": "No Container Instances were found in your capacity provider."}


def test_an_attribute_that_is_said_twice_has_its_last_value() -> None:
    simulation = a_simulation()
    command = RegisterContainerInstance(CLUSTER, "a1", 1024, 1024, (("stack", "a"), ("stack", "b")))
    simulation.submit(command).result(0)
    (instance,) = simulation.state.container_instances.values()
    assert instance.attributes == (("stack", "b"),)
