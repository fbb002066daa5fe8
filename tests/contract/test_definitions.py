"""What a task definition asks for and both engines do alike: references, ranges of ports, no network, another run."""

from __future__ import annotations

import pytest

from chaos_ecs.core.container_settings import ContainerSettings, Secret
from chaos_ecs.core.messages import ContainerSeen, RestartContainer, RunState, StartFailed
from chaos_ecs.core.model import PortMapping
from tests.builders import a_container
from tests.contract.test_runtime import a_task, running, start
from tests.contract.worlds import World, await_fact, execute

TOKEN = Secret("TOKEN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/token-AbCdEf:value::")
NOT_THERE = {
    "there is no file secrets/nowhere in the state folder": ContainerSettings(secrets=(Secret("A", "nowhere"),)),
    "there is no file s3/config/nowhere.env": ContainerSettings(environment_files=("arn:aws:s3:::config/nowhere.env",)),
    "is no name of a file": ContainerSettings(secrets=(Secret("A", "../../etc/passwd"),)),
}


@pytest.mark.parametrize(("words", "settings"), NOT_THERE.items(), ids=list(NOT_THERE))
def test_a_reference_that_leads_nowhere_fails_the_start(world: World, words: str, settings: ContainerSettings) -> None:
    task = a_task()
    execute(world, start(task, a_container(settings=settings)))
    failed = await_fact(world, StartFailed, task_arn=task.arn)
    assert failed.error == "ResourceInitializationError"
    assert words in failed.message


def test_a_container_whose_references_are_kept_here_starts(world: World) -> None:
    world.keep_file("secrets/prod/token", '{"value": "s3cr3t"}\n')
    world.keep_file("s3/config/web.env", "# of the web server\nCOLOUR=blue\n")
    files = ("arn:aws:s3:::config/web.env",)
    running(world, a_container(settings=ContainerSettings(secrets=(TOKEN,), environment_files=files)))


def test_each_port_of_a_range_is_published(world: World) -> None:
    seen = running(world, a_container(port_mappings=(PortMapping(8080, last_port=8082),)))
    assert [binding.container_port for binding in seen.bindings] == [8080, 8081, 8082]
    assert len({binding.host_port for binding in seen.bindings}) == 3


def test_without_networking_there_is_no_address_and_no_port(world: World) -> None:
    settings = ContainerSettings(network_disabled=True)
    seen = running(world, a_container(port_mappings=(PortMapping(8080),), settings=settings))
    assert (seen.address, seen.bindings) == ("", ())


def test_a_container_that_has_ended_runs_again_as_the_same(world: World) -> None:
    seen = running(world, a_container(port_mappings=(PortMapping(8080),)))
    world.kill(seen.runtime_id)
    ended = await_fact(world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
    assert ended.exit_code == 137
    execute(world, RestartContainer(seen.task_arn, seen.name, seen.runtime_id, "because the test wants it"))

    def another_run() -> ContainerSeen | None:
        last = [f for f in world.facts if isinstance(f, ContainerSeen) and f.runtime_id == seen.runtime_id][-1]
        return last if last.state is RunState.RUNNING and last.started_at != seen.started_at else None

    again = world.advance_until(another_run)
    assert again is not None
    assert (again.exit_code, again.finished_at) == (None, None)
    assert [binding.container_port for binding in again.bindings] == [8080]
    assert again.runtime_id in world.engine_runs()
