"""What only Docker has: limits, networks, names, labels, and a clean-up that leaves everything of others."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from chaos_ecs.core import arns
from chaos_ecs.core.messages import (
    ContainerSeen,
    EngineConnected,
    EngineLost,
    Fact,
    RemoveNetwork,
    RunState,
    StartFailed,
)
from chaos_ecs.core.opening import DEMO_IMAGE
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import cleaner, labels
from chaos_ecs.live.engine import Connector, connect, describe, down
from chaos_ecs.live.images import Images
from chaos_ecs.live.labels import Home
from chaos_ecs.live.runtime import DockerRuntime
from tests.builders import CLUSTER, a_container, eventually
from tests.contract.test_runtime import a_task, running, signal, start
from tests.contract.worlds import DockerWorld, await_fact, await_running, execute

pytestmark = pytest.mark.docker


@pytest.fixture
def strangers(engine_client: docker.APIClient) -> Iterator[list[str]]:
    """Ids of containers that are none of ours; removed by id afterwards."""
    made: list[str] = []
    yield made
    for runtime_id in made:
        engine_client.remove_container(runtime_id, force=True, v=True)


def a_stranger(client: docker.APIClient, strangers: list[str], name: str = "", **config: Any) -> str:
    """A container somebody else made and started."""
    body = {"Image": DEMO_IMAGE, "Cmd": ["worker"], **config}
    strangers.append(client.create_container_from_config(body, name or f"stranger-{uuid.uuid4().hex[:12]}")["Id"])
    client.start(strangers[-1])
    return strangers[-1]


def inspected(world: DockerWorld, seen: ContainerSeen) -> dict[str, Any]:
    found: dict[str, Any] = world.client.inspect_container(seen.runtime_id)
    return found


def test_limits_are_really_set(docker_world: DockerWorld) -> None:
    host = inspected(docker_world, running(docker_world, a_container(memory=64, memory_reservation=32, cpu=256)))
    config = host["HostConfig"]
    assert (config["Memory"], config["MemorySwap"], config["MemoryReservation"]) == (64 << 20, 64 << 20, 32 << 20)
    assert (config["CpuPeriod"], config["CpuQuota"]) == (100_000, 25_000)
    assert config["RestartPolicy"]["Name"] == "no"


def test_a_task_over_its_memory_is_killed_and_says_so(docker_world: DockerWorld) -> None:
    greedy = a_container(memory=16, entry_point=("tail", "/dev/zero"), command=())
    task = a_task()
    execute(docker_world, start(task, greedy))
    ended = await_fact(docker_world, ContainerSeen, task_arn=task.arn, state=RunState.EXITED)
    assert (ended.exit_code, ended.oom_killed) == (137, True)


def test_a_task_knows_who_it_is(docker_world: DockerWorld) -> None:
    task = replace(a_task(), service_arn=arns.service_arn(CLUSTER, "web"))
    execute(docker_world, start(task, a_container(environment=(("COLOUR", "blue"),))))
    found = inspected(docker_world, await_running(docker_world, task.arn))
    assert found["Name"] == f"/chaos-ecs-web-{task.id[:12]}"
    assert found["Config"]["Hostname"] == task.id[:12]
    expected = {
        f"CHAOS_ECS_TASK_ID={task.id}",
        f"CHAOS_ECS_TASK_ARN={task.arn}",
        "CHAOS_ECS_CLUSTER=my-cluster",
        "CHAOS_ECS_SERVICE=web",
        "CHAOS_ECS_CONTAINER=app",
        "COLOUR=blue",
    }
    assert expected <= set(found["Config"]["Env"])


def test_every_container_of_a_cluster_is_in_its_network(docker_world: DockerWorld) -> None:
    found = inspected(docker_world, running(docker_world))
    name = labels.network_name(docker_world.home, CLUSTER)
    assert list(found["NetworkSettings"]["Networks"]) == [name]
    assert name == f"chaos-ecs-{docker_world.home.id[:6]}-us-east-1-my-cluster"


def test_a_network_somebody_removed_is_made_again(docker_world: DockerWorld) -> None:
    seen = running(docker_world)
    docker_world.remove(seen.runtime_id)
    docker_world.remove_network(labels.network_name(docker_world.home, CLUSTER))
    running(docker_world)


def test_a_clusters_network_goes_with_it_but_not_from_under_others(
    docker_world: DockerWorld, strangers: list[str]
) -> None:
    name = labels.network_name(docker_world.home, CLUSTER)
    docker_world.remove(running(docker_world).runtime_id)
    stranger = a_stranger(docker_world.client, strangers, HostConfig={"NetworkMode": name})
    gone = RemoveNetwork(CLUSTER, "because the test wants it")
    execute(docker_world, gone)
    running(docker_world)  # the refusal is behind us
    assert name in docker_world.client.inspect_container(stranger)["NetworkSettings"]["Networks"]
    docker_world.close()
    docker_world.client.disconnect_container_from_network(stranger, name)
    docker_world.reopen()
    execute(docker_world, gone)
    eventually(lambda: docker_world.client.networks(names=[name]) == [], within=5)


def test_the_images_own_stop_signal_is_used(docker_world: DockerWorld) -> None:
    tag = f"chaos-ecs-test/{uuid.uuid4().hex}"
    recipe = io.BytesIO(f"FROM {DEMO_IMAGE}\nSTOPSIGNAL SIGINT\n".encode())
    list(docker_world.client.build(fileobj=recipe, tag=tag, rm=True))
    try:
        script = "trap 'exit 7' INT; trap 'exit 8' TERM; while :; do sleep 0.05; done"
        seen = running(docker_world, a_container(image=tag, entry_point=("/bin/sh", "-c", script), command=()))
        execute(docker_world, signal(seen, None))
        ended = await_fact(docker_world, ContainerSeen, runtime_id=seen.runtime_id, state=RunState.EXITED)
        assert ended.exit_code == 7
        docker_world.remove(seen.runtime_id)
    finally:
        docker_world.client.remove_image(tag, force=True)


def test_the_images_own_health_check_is_switched_off(docker_world: DockerWorld) -> None:
    assert inspected(docker_world, running(docker_world))["Config"]["Healthcheck"] == {"Test": ["NONE"]}


def test_a_name_that_somebody_else_has_fails_the_start_and_leaves_theirs(
    docker_world: DockerWorld, strangers: list[str]
) -> None:
    task = a_task()
    stranger = a_stranger(docker_world.client, strangers, labels.container_name(task, "app"))
    execute(docker_world, start(task))
    failed = await_fact(docker_world, StartFailed, task_arn=task.arn)
    assert failed.error == "CannotCreateContainerError"
    assert "is not ours" in failed.message
    assert docker_world.client.inspect_container(stranger)["State"]["Running"]


def test_a_container_made_but_not_started_is_started_when_asked_for_again(docker_world: DockerWorld) -> None:
    task = a_task()
    running(docker_world)  # the network is there
    body = {
        "Image": DEMO_IMAGE,
        "Cmd": ["worker"],
        "Labels": labels.container_labels(docker_world.home, task, a_container()),
        "HostConfig": {"NetworkMode": labels.network_name(docker_world.home, CLUSTER)},
    }
    made = docker_world.client.create_container_from_config(body, labels.container_name(task, "app"))["Id"]
    docker_world.reopen()
    execute(docker_world, start(task))
    assert await_running(docker_world, task.arn).runtime_id == made


def test_the_runtime_wakes_its_controller(docker_world: DockerWorld) -> None:
    running(docker_world)
    assert docker_world.woken.is_set()


def test_an_engine_that_answers_late_is_lost_once_and_then_connected(engine_client: docker.APIClient) -> None:
    refusals = [down("the engine", f"attempt {number}") for number in (1, 2, 3)]

    def connect_at_last() -> docker.APIClient:
        if refusals:
            raise refusals.pop(0)
        return connect(10)

    runtime = DockerRuntime(connect_at_last, Home(uuid.uuid4().hex, ""), Images)
    facts: list[Fact] = []

    def connected() -> bool:
        facts.extend(runtime.poll())
        return bool(facts) and isinstance(facts[-1], EngineConnected)

    runtime.open(lambda: None)
    try:
        eventually(connected, within=10)
    finally:
        runtime.close()
    assert [type(fact) for fact in facts] == [EngineLost, EngineConnected]
    assert isinstance(facts[0], EngineLost)
    assert "attempt 1" in facts[0].reason


def test_clean_removes_all_of_a_home_and_nothing_of_others(
    engine_client: docker.APIClient, tmp_path: Path, strangers: list[str]
) -> None:
    mine, theirs = Home(uuid.uuid4().hex, str(tmp_path)), Home(uuid.uuid4().hex, str(tmp_path))
    my_world, their_world = DockerWorld(engine_client, mine), DockerWorld(engine_client, theirs)
    stranger = a_stranger(engine_client, strangers)
    running(my_world)
    my_world.kill(running(my_world).runtime_id)
    kept = running(their_world)
    my_world.runtime.close()
    engine_client.create_volume(f"ours-{mine.id}", labels=mine.labels)

    planned = cleaner.plan(engine_client, mine.id)
    kinds = sorted(item.kind for item in planned.items if item.home == mine.id)
    assert kinds == ["container", "container", "network", "volume"]
    cleaned = cleaner.clean(engine_client, mine.id)
    assert (cleaned.containers, cleaned.networks, cleaned.volumes, cleaned.left) == (2, 1, 1, ())
    assert cleaned.foreign >= 2  # their container and their network
    assert engine_client.inspect_container(kept.runtime_id)["State"]["Running"]
    assert engine_client.inspect_container(stranger)["State"]["Running"]
    their_world.close()
    assert cleaner.clean(engine_client, theirs.id).left == ()


def test_clean_takes_along_what_belongs_to_a_home_that_is_no_more(
    engine_client: docker.APIClient, tmp_path: Path
) -> None:
    orphan = Home(uuid.uuid4().hex, str(tmp_path / "deleted"))
    world = DockerWorld(engine_client, orphan)
    seen = running(world)
    world.runtime.close()
    elsewhere = orphan.labels | {labels.MACHINE: "another machine", labels.HOME: uuid.uuid4().hex}
    volume = engine_client.create_volume(uuid.uuid4().hex, labels=elsewhere)["Name"]
    try:
        cleaned = cleaner.clean(engine_client, uuid.uuid4().hex)
        assert cleaned.orphans >= 1
        with pytest.raises(docker.errors.NotFound):
            engine_client.inspect_container(seen.runtime_id)
        assert engine_client.inspect_volume(volume)["Name"] == volume
    finally:
        engine_client.remove_volume(volume)


def test_clean_says_what_it_could_not_remove(
    engine_client: docker.APIClient, tmp_path: Path, strangers: list[str]
) -> None:
    ours = Home(uuid.uuid4().hex, str(tmp_path))
    name = f"kept-{ours.id}"
    engine_client.create_network(name, labels=ours.labels)
    stranger = a_stranger(engine_client, strangers, HostConfig={"NetworkMode": name})
    (left,) = cleaner.clean(engine_client, ours.id).left
    assert left.startswith(f"network {name}: ")
    assert "active endpoints" in left
    engine_client.disconnect_container_from_network(stranger, name)
    assert cleaner.clean(engine_client, ours.id).left == ()


def test_the_engine_is_named_with_its_version(engine_client: docker.APIClient) -> None:
    version = engine_client.version()
    assert version["Version"] in describe(connect(10))
    assert version["Arch"] in describe(connect(10))


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"DOCKER_HOST": "unix:///no/such.sock"}, "Cannot reach Docker at unix:///no/such.sock"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:1"}, "Cannot reach Docker at tcp://127.0.0.1:1"),
        ({"DOCKER_HOST": "nonsense://here"}, "Cannot reach Docker at nonsense://here"),
        ({"DOCKER_CONTEXT": "no-such"}, "Cannot reach Docker at the Docker context no-such"),
    ],
)
def test_an_engine_that_does_not_answer_is_one_error_with_the_next_step(environment: dict[str, str], what: str) -> None:
    with pytest.raises(ChaosEcsError) as caught:
        Connector(2, environment).connect()
    assert (caught.value.code, caught.value.exit_code) == ("E-DOCKER-DOWN", 4)
    assert caught.value.what == what
    assert caught.value.why
    assert caught.value.hint == "chaos-ecs doctor --fix"
