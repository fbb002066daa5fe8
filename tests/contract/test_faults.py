"""What a Runtime promises about faults, held against the simulator and Docker alike. What only Docker can show is in
`test_docker_faults.py`."""

from __future__ import annotations

import pytest

from chaos_ecs.chaos.fault import Fault, Victim
from chaos_ecs.chaos.faults.resources import Hang, KillProcess, Oom, Pause
from chaos_ecs.core.fault_messages import HitRefused, HitUndone, InjectHit, UndoHit
from chaos_ecs.core.messages import ContainerSeen, RunState
from tests.builders import CLUSTER
from tests.contract.test_runtime import running
from tests.contract.worlds import World, await_fact, execute, told


def a_hit(seen: ContainerSeen, fault: Fault) -> InjectHit:
    recipe = fault.recipe(Victim("0f3a9c", seen.name, memory=64))
    return InjectHit("flt-1", 0, CLUSTER, seen.task_arn, seen.name, seen.runtime_id, recipe, "", 30.0, "test")


def undoing(hit: InjectHit) -> UndoHit:
    return UndoHit("flt-1", 0, hit.task_arn, hit.container, hit.runtime_id, hit.recipe, hit.prior, "test")


@pytest.mark.parametrize("fault", [Pause(), Hang()])
def test_what_somebody_has_paused_is_refused_and_stays_paused(world: World, fault: Fault) -> None:
    seen = running(world)
    world.pause(seen.runtime_id)
    await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, paused=True)
    hit = a_hit(seen, fault)
    execute(world, hit)
    refused = await_fact(world, HitRefused, fault_id=hit.fault_id)
    assert refused.reason == "it is paused before anything was done: nothing could be told"
    execute(world, undoing(hit))
    await_fact(world, HitUndone, fault_id=hit.fault_id)
    world.reopen()
    execute(world)
    assert [again.paused for fact in world.facts for again in getattr(fact, "containers", ())] == [True]
    assert told(world, ContainerSeen) == []


@pytest.mark.parametrize(
    ("fault", "code", "out_of_memory"),
    [
        (KillProcess(process_name="httpd"), 143, False),
        (KillProcess(process_name="httpd", signal="SIGKILL"), 137, False),
        (Oom(), 137, True),
    ],
)
def test_a_deadly_fault_ends_its_victim_as_it_says(world: World, fault: Fault, code: int, out_of_memory: bool) -> None:
    seen = running(world)
    execute(world, a_hit(seen, fault))
    ended = await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    assert ended.exit_code == code
    world.advance_until(lambda: world.ran_out_of_memory(seen.runtime_id) is out_of_memory)
    if out_of_memory:
        await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, oom_killed=True)
    assert any(fact.oom_killed for fact in told(world, ContainerSeen)) is out_of_memory
