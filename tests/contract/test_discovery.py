"""Service discovery in both worlds: a name leads to the healthy tasks of its service, and to nobody else."""

from __future__ import annotations

import docker
import pytest

from chaos_ecs.core.messages import DeleteService, EventType, RunTask, UpdateService
from chaos_ecs.live import labels
from tests.builders import CLUSTER, WEB, eventually
from tests.contract.stage import Stage, runtime_id, staged
from tests.contract.worlds import DockerWorld, World


@pytest.fixture
def stage(world: World) -> Stage:
    """The service web, of two tasks that run."""
    return _of_two(world)


@pytest.fixture
def docker_stage(docker_world: DockerWorld) -> Stage:
    return _of_two(docker_world)


def _of_two(world: World) -> Stage:
    stage = staged(world)
    stage.a_service(2)
    stage.await_whole(2)
    return stage


def addresses(stage: Stage) -> frozenset[str]:
    return frozenset(task.containers[0].address for task in stage.running)


def await_leads(stage: Stage, name: str, wanted: frozenset[str]) -> None:
    """Waits until a task of the service finds just these under the name."""
    stage.world.advance_until(lambda: found(stage, name) == wanted)


def found(stage: Stage, name: str) -> frozenset[str]:
    return stage.world.resolve(runtime_id(stage.running[0]), name)


@pytest.mark.parametrize("name", ["web", "web.my-cluster"])
def test_a_services_name_leads_to_its_tasks(stage: Stage, name: str) -> None:
    assert len(addresses(stage)) == 2
    await_leads(stage, name, addresses(stage))
    assert found(stage, "nobody") == frozenset()


def test_a_task_that_died_is_found_no_more_and_its_successor_is(stage: Stage) -> None:
    await_leads(stage, "web", addresses(stage))
    victim, kept = stage.running
    stage.world.kill(runtime_id(victim))
    stage.await_healed(victim, kept)
    await_leads(stage, "web", addresses(stage))


def test_a_name_without_healthy_tasks_is_unknown(stage: Stage) -> None:
    await_leads(stage, "web", addresses(stage))
    stage.submit(UpdateService(WEB, desired_count=1))
    stage.await_whole(1)
    await_leads(stage, "web", addresses(stage))
    stage.submit(DeleteService(WEB, force=True))
    assert stage.controller.state.published.get(WEB, ((), ()))[1] == ()


# --- what only Docker has ---


def the_resolver(world: DockerWorld) -> tuple[docker.APIClient, str]:
    """The engine, and the resolver's name in it."""
    return world.client, labels.resolver_name(world.home, CLUSTER)


@pytest.mark.docker
def test_a_resolver_that_was_removed_is_brought_back_to_what_tasks_know_it_by(docker_stage: Stage) -> None:
    stage = docker_stage
    assert isinstance(stage.world, DockerWorld)
    await_leads(stage, "web", addresses(stage))
    client, name = the_resolver(stage.world)
    client.remove_container(name, force=True)
    eventually(lambda: [one["State"] for one in client.containers(filters={"name": name})] == ["running"], within=10)
    await_leads(stage, "web", addresses(stage))
    assert EventType.DISCOVERY_LOST not in {event.type for event in stage.events}


@pytest.mark.docker
def test_a_resolver_that_was_taken_out_of_its_network_is_put_back(docker_stage: Stage) -> None:
    stage = docker_stage
    assert isinstance(stage.world, DockerWorld)
    await_leads(stage, "web", addresses(stage))
    client, name = the_resolver(stage.world)
    network = labels.network_name(stage.world.home, CLUSTER)
    lone = client.inspect_container(name)["Id"]
    client.disconnect_container_from_network(lone, network, force=True)
    eventually(lambda: [one["Id"] for one in client.containers(filters={"name": name})] not in ([], [lone]), within=10)
    await_leads(stage, "web", addresses(stage))


@pytest.mark.docker
def test_a_controller_that_was_restarted_publishes_what_there_is_now(docker_stage: Stage) -> None:
    stage = docker_stage
    assert isinstance(stage.world, DockerWorld)
    await_leads(stage, "web", addresses(stage))
    stage.world.reopen()
    stage.world.kill(runtime_id(stage.running[1]))
    again = staged(stage.world)
    again.a_service(1)
    again.await_whole(1)
    await_leads(again, "web", addresses(again))


@pytest.mark.docker
def test_names_of_elsewhere_are_handed_on(docker_stage: Stage) -> None:
    """Docker's own: a container of the same network by its name."""
    stage = docker_stage
    assert isinstance(stage.world, DockerWorld)
    other = labels.resolver_name(stage.world.home, CLUSTER)
    eventually(lambda: found(stage, other), within=10)


@pytest.mark.docker
def test_the_resolver_goes_with_the_last_who_could_ask_it_and_comes_with_the_next_service(docker_stage: Stage) -> None:
    stage = docker_stage
    assert isinstance(stage.world, DockerWorld)
    await_leads(stage, "web", addresses(stage))
    client, name = the_resolver(stage.world)

    def resolvers() -> int:
        return len(client.containers(all=True, filters={"name": name}))

    stage.submit(RunTask(CLUSTER, stage.running[0].task_definition_arn))
    stage.world.advance_until(
        lambda: [task for task in stage.controller.state.tasks.values() if not task.service_arn and task.is_running]
    )
    (lone,) = [task for task in stage.controller.state.tasks.values() if not task.service_arn]
    stage.submit(DeleteService(WEB, force=True))
    stage.world.advance_until(lambda: not stage.controller.state.live_tasks_of(WEB))
    stage.world.advance(5)
    assert resolvers() == 1, "the standalone task may ask, and be told that nobody is there"
    stage.world.kill(runtime_id(lone))
    stage.world.advance_until(lambda: resolvers() == 0)
    stage.a_service(1)
    stage.await_whole(1)
    await_leads(stage, "web", addresses(stage))
