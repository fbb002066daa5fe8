"""A simulated engine that goes on with the containers of another process's."""

from __future__ import annotations

from random import Random

from chaos_ecs.core.messages import ContainerSeen, RunState
from chaos_ecs.core.model import PortBinding, PortMapping
from chaos_ecs.sim.clock import VirtualClock
from chaos_ecs.sim.engine import FIRST_HOST_PORT, SimEngine
from tests.builders import a_container

BINDING = PortBinding(8080, FIRST_HOST_PORT, "tcp")


def test_an_adopted_container_keeps_what_it_has_and_nobody_else_gets_it() -> None:
    engine = SimEngine(VirtualClock(), Random(1))
    definition = a_container(port_mappings=(PortMapping(8080),))
    seen = ContainerSeen("task", "app", "id", RunState.RUNNING, bindings=(BINDING,), address="10.0.0.2")
    engine.adopt([(seen, definition)])
    made = [engine.create(f"task-{number}", definition).seen.runtime_id for number in range(3)]
    for runtime_id in made:
        assert engine.start(runtime_id) == ""
    others = [engine.containers[runtime_id].seen for runtime_id in made]
    found = engine.find("task", "app")
    assert found is not None
    assert found.seen == seen
    assert sorted(one.address for one in others) == ["10.0.0.1", "10.0.0.3", "10.0.0.4"]
    assert BINDING.host_port not in {binding.host_port for one in others for binding in one.bindings}


def test_an_adopted_container_is_ended_like_any_other() -> None:
    clock = VirtualClock()
    engine = SimEngine(clock, Random(1))
    seen = ContainerSeen("task", "app", "id", RunState.RUNNING, started_at=clock.now(), address="10.0.0.1")
    engine.adopt([(seen, a_container())])
    engine.signal("id", "SIGKILL")
    clock.advance_to(clock.now() + 1)
    engine.run_due()
    assert engine.containers["id"].seen.state is RunState.EXITED
    assert engine.at("10.0.0.1") is None
