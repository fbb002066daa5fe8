"""What faults do to the simulator's containers is what they do to Docker's."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chaos_ecs.core.fault_messages import Aim, InjectFault
from chaos_ecs.core.faulting import DEPLOY, FaultStatus, InjectedFault
from chaos_ecs.core.model import HealthCheck, HealthStatus, Task
from chaos_ecs.core.recipe import Means, Recipe, Symptom
from chaos_ecs.sim.engine import always_fails
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, WEB, a_container, a_service, a_simulation, registered, running

SIGNALLED = Recipe(Means.HOLD, do=("signal-named 'httpd' TERM",), symptom=Symptom.ENDS, is_deadly=True)


def a_web(simulation: Simulation) -> Task:
    a_service(simulation)
    simulation.advance(5)
    return running(simulation)[0]


def injected(simulation: Simulation, aim: Aim, seconds: float) -> InjectedFault:
    """What has become of it long after its time."""
    simulation.submit(InjectFault("x", "chaos-ecs:x", "hurts", CLUSTER, (aim,), seconds)).result(0)
    simulation.advance(seconds + 60)
    (fault,) = simulation.state.faults.values()
    return fault


@pytest.mark.parametrize("means", [Means.FREEZE, Means.STALL])
def test_a_task_that_somebody_has_paused_is_left_as_it_is(means: Means) -> None:
    simulation = a_simulation()
    victim = a_web(simulation)
    runtime_id = victim.containers[0].runtime_id or ""
    simulation.engine.freeze(runtime_id, True)
    simulation.advance(1)
    fault = injected(simulation, Aim(Recipe(means), victim.arn, victim.containers[0].name), 30)
    assert fault.status is FaultStatus.INCONCLUSIVE
    assert fault.hits[0].reason == "it is paused before anything was done: nothing could be told"
    assert simulation.engine.containers[runtime_id].seen.paused


def test_a_signal_inside_ends_a_task_with_the_code_of_that_and_the_kernel_says_nothing_of_memory() -> None:
    simulation = a_simulation()
    victim = a_web(simulation)
    fault = injected(simulation, Aim(SIGNALLED, victim.arn, victim.containers[0].name), 0)
    assert (fault.status, fault.hits[0].proof) == (FaultStatus.COMPLETED, "exit 143")
    assert not simulation.state.tasks[victim.arn].containers[0].reason


@pytest.mark.parametrize(
    ("command", "fails"),
    [
        (("CMD-SHELL", "exit 1"), True),
        (("CMD-SHELL", "exit 0"), False),
        (("CMD-SHELL", "false"), True),
        (("CMD", "/bin/false"), True),
        (("CMD", "true"), False),
        (("CMD-SHELL", "wget -q -O /dev/null localhost:8080/health || exit 1"), False),
    ],
)
def test_a_check_that_can_do_nothing_but_fail_is_known_by_its_command(command: Sequence[str], fails: bool) -> None:
    assert always_fails(HealthCheck(tuple(command))) is fails


def test_a_health_check_fails_when_all_its_retries_have_failed_after_its_start_period() -> None:
    simulation = a_simulation()
    check = HealthCheck(("CMD-SHELL", "exit 1"), interval=5, retries=3, start_period=10)
    a_service(simulation, definition=registered(simulation, a_container(health_check=check)), desired_count=1)
    simulation.advance(19)
    (container,) = simulation.engine.running()
    assert container.seen.health_status is HealthStatus.UNKNOWN
    simulation.advance(2)
    assert simulation.engine.containers[container.seen.runtime_id].seen.health_status is HealthStatus.UNHEALTHY


def test_a_deployment_whose_health_check_always_fails_fails_here_too() -> None:
    simulation = a_simulation()
    a_web(simulation)
    fault = injected(simulation, Aim(Recipe(Means.CONTROL, do=(DEPLOY, "health")), service_arn=WEB), 60)
    assert fault.status is FaultStatus.COMPLETED
    assert fault.hits[0].proof.endswith("is unhealthy")
