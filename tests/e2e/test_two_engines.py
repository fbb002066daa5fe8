"""Two Docker engines as container instances in two zones: tasks on both, one that dies, and what becomes of them."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from chaos_ecs.core.container_instances import AVAILABILITY_ZONE, ContainerInstance
from chaos_ecs.core.instance_messages import RegisterContainerInstance
from chaos_ecs.core.model import Task
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import further, inside
from tests.builders import CLUSTER, eventually
from tests.e2e.conftest import Room
from tests.e2e.hosted import Client, Hosted, hosted, wait_for
from tests.e2e.private_engine import PrivateEngine, private_engine, why_not

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be"),
]

NEAR, FAR = "near", "far"
ZONES = {"type": "spread", "field": f"attribute:{AVAILABILITY_ZONE}"}


@pytest.fixture
def engine(engine_client: docker.APIClient) -> Iterator[PrivateEngine]:
    """It has no image at all: what it needs is carried over."""
    with private_engine(engine_client, live_restore=True, reachable=True, has_image=False) as opened:
        yield opened


@pytest.fixture
def here(tmp_path: Path, engine: PrivateEngine) -> Iterator[Hosted]:
    """A slice of this machine's engine in zone a, the other engine in zone b."""
    with hosted(tmp_path / "home") as one:
        for name, address, place in ((NEAR, "", ""), (FAR, engine.host_address, engine.address)):
            room = one.controller.runtime.examine(place)
            zone = "us-east-1b" if place else "us-east-1a"
            attributes = ((AVAILABILITY_ZONE, zone),)
            command = RegisterContainerInstance(CLUSTER, name, room.cpu, room.memory, attributes, place, address)
            one.submit(command)
        wait_for(lambda: instance(one).agent_connected)
        yield one


def instance(here: Hosted, name: str = FAR) -> ContainerInstance:
    return next(item for item in here.state.instances_in(CLUSTER) if item.name == name)


def tasks_on(here: Hosted, name: str, group: str = "service:web") -> list[Task]:
    """Those that run."""
    return [task for task in here.state.tasks_on(instance(here, name).arn) if task.is_running and task.group == group]


def counts(here: Hosted) -> tuple[int, int]:
    return len(tasks_on(here, NEAR)), len(tasks_on(here, FAR))


def names(tasks: list[Task]) -> set[str]:
    """As the tasks tell their host's name."""
    return {task.id[:12] for task in tasks}


def a_service(here: Hosted, desired_count: int = 4) -> str:
    """Behind a load balancer; its URL."""
    ecs, name = here.ecs(), {"cluster": "my-cluster", "service": "web"}
    ecs.create_service(cluster="my-cluster", serviceName="web", taskDefinition="web-server", desiredCount=0)
    made = here.chaos("EnsureServiceLoadBalancer", **name)
    target = {"targetGroupArn": made["targetGroupArn"], "containerName": "web-server", "containerPort": 8080}
    ecs.update_service(**name, loadBalancers=[target])
    wait_for(lambda: len(next(iter(here.state.services.values())).deployments) == 1)
    ecs.update_service(**name, desiredCount=desired_count)
    wait_for(lambda: counts(here) == (desired_count // 2, desired_count // 2) and healthy(here) == desired_count)
    return f"http://127.0.0.1:{next(iter(here.state.listeners.values())).host_port}/"  # where it was free


def healthy(here: Hosted) -> int:
    return sum(target.state.value == "healthy" for target in list(here.state.targets.values()))


def all_answer(client: Client, tasks: list[Task], since: float) -> bool:
    return client.hosts(since) >= names(tasks)


def ours_on(engine: PrivateEngine, here: Hosted, *, running: bool = True) -> set[str]:
    filters = {"label": f"chaos-ecs.home={here.home_id}"}
    return {str(one["Id"]) for one in engine.client().containers(all=not running, filters=filters)}


def ids(tasks: list[Task]) -> set[str]:
    return {task.containers[0].runtime_id or "" for task in tasks}


def standalone(here: Hosted) -> dict[str, str]:
    """One on each, by the name of its container instance."""
    ran = here.ecs().run_task(cluster="my-cluster", taskDefinition="worker", count=2, placementStrategy=[ZONES])
    arns = [task["taskArn"] for task in ran["tasks"]]
    wait_for(lambda: all(here.state.tasks[arn].is_running for arn in arns))
    by_arn = {instance(here, name).arn: name for name in (NEAR, FAR)}
    return {by_arn[here.state.tasks[arn].container_instance_arn]: arn for arn in arns}


def test_an_engine_that_dies_is_replaced_by_the_other_and_used_again_when_it_is_back(
    here: Hosted, engine: PrivateEngine
) -> None:
    url = a_service(here)
    alone = standalone(here)
    assert set(alone) == {NEAR, FAR}
    with Client(url) as client:
        began = time.time()
        wait_for(lambda: all_answer(client, tasks_on(here, NEAR) + tasks_on(here, FAR), began))
        lost = tasks_on(here, FAR)
        assert ours_on(engine, here) == ids(lost) | ids([here.state.tasks[alone[FAR]]])

        died_at = time.time()
        engine.lose_power()
        wait_for(lambda: counts(here) == (4, 0))
        replaced_after = max(task.started_at or 0.0 for task in tasks_on(here, NEAR)) - died_at
        lost_after = here.told("INSTANCE_LOST")[0].at - died_at
        wait_for(lambda: healthy(here) == 4)
        whole_at = time.time()
        said = f"Host EC2 (instance {instance(here).ec2_instance_id}) terminated."
        for arn in [task.arn for task in lost] + [alone[FAR]]:
            assert (here.state.tasks[arn].is_stopped, here.state.tasks[arn].stopped_reason) == (True, said)
        assert here.state.tasks[alone[NEAR]].is_running
        assert [task.arn for task in here.state.tasks.values() if task.group == "family:worker"] == list(
            dict.fromkeys(sorted(alone.values(), key=lambda arn: here.state.tasks[arn].number))
        )
        wait_for(lambda: len(client.since(whole_at)) >= 60 and all_answer(client, tasks_on(here, NEAR), whole_at))
        later, meanwhile = client.since(whole_at), [one for one in client.since(died_at) if one.at < whole_at]
        assert [one for one in later if not one.ok] == []

        engine.return_power()
        back_at = time.time()
        wait_for(lambda: instance(here).agent_connected)
        here.ecs().update_service(cluster="my-cluster", service="web", desiredCount=8)
        wait_for(lambda: counts(here) == (4, 4) and healthy(here) == 8)
        again = time.time()
        wait_for(lambda: all_answer(client, tasks_on(here, NEAR) + tasks_on(here, FAR), again))
        assert ours_on(engine, here) == ids(tasks_on(here, FAR))
    failed = [one for one in meanwhile if not one.ok]
    slowest = max(one.seconds for one in meanwhile)
    print(  # noqa: T201
        f"\nengine dead -> instance lost {lost_after:.2f} s -> replacements RUNNING {replaced_after:.2f} s;"
        f" {len(failed)} of {len(meanwhile)} requests failed until whole ({whole_at - died_at:.1f} s),"
        f" the slowest {slowest:.2f} s {[one.trouble for one in failed]}; 0 of {len(later)} after it;"
        f" used again {again - back_at:.1f} s after its return"
    )
    assert len(failed) <= len(meanwhile) // 10, failed[:5]


def test_a_dockerd_that_is_back_within_the_grace_period_loses_nothing(here: Hosted, engine: PrivateEngine) -> None:
    url = a_service(here)
    before = ids(tasks_on(here, NEAR) + tasks_on(here, FAR))
    processes = {one: engine.client().inspect_container(one)["State"]["Pid"] for one in ours_on(engine, here)}
    with Client(url) as client:
        engine.end(signal.SIGKILL)
        wait_for(lambda: not instance(here).agent_connected)
        engine.start()
        wait_for(lambda: instance(here).agent_connected)
        since = time.time()
        wait_for(lambda: all_answer(client, tasks_on(here, NEAR) + tasks_on(here, FAR), since))
    assert ids(tasks_on(here, NEAR) + tasks_on(here, FAR)) == before
    assert {one: engine.client().inspect_container(one)["State"]["Pid"] for one in ours_on(engine, here)} == processes
    assert here.told("INSTANCE_LOST") == []
    failed = [one for one in client.asked if not one.ok]
    print(  # noqa: T201
        f"\ndockerd away for a moment: {len(failed)} of {len(client.asked)} requests failed"
    )
    assert failed == []


def test_what_ran_on_while_an_engine_was_given_up_is_removed_when_it_is_back(
    here: Hosted, engine: PrivateEngine
) -> None:
    a_service(here)
    left = ids(tasks_on(here, FAR))
    engine.end(signal.SIGKILL)  # its containers live on
    wait_for(lambda: counts(here) == (4, 0))
    engine.start()
    assert engine.client().inspect_container(next(iter(left)))["Id"] in left
    wait_for(lambda: instance(here).agent_connected)
    wait_for(lambda: ours_on(engine, here) == set())
    assert counts(here) == (4, 0)


def test_zones_cut_off_from_each_other_leave_the_tasks_of_this_one_to_answer(
    here: Hosted, engine: PrivateEngine
) -> None:
    """Only the way to its ports is cut: the engine itself answers, so its tasks live, and are replaced because their
    targets fail."""
    url = a_service(here)
    victims = names(tasks_on(here, FAR))
    engine.cut()
    try:
        wait_for(lambda: not victims & names(tasks_on(here, FAR)) or healthy(here) <= 2, within=90)
        with Client(url) as client:
            since = time.time()
            wait_for(lambda: len(client.since(since)) > 40)
        assert client.hosts(since) <= names(tasks_on(here, NEAR)) | names(tasks_on(here, FAR))
        assert not client.hosts(since) & victims
    finally:
        engine.mend()


def test_clean_goes_through_both_engines_and_names_one_that_does_not_answer(room: Room, engine: PrivateEngine) -> None:
    """The file of names is all it knows."""
    room.ok("clean", "--yes")
    home_id = (room.home / "home-id").read_text().strip()
    further.remember(room.home, engine.address)
    client = engine.client()
    client.create_network("left", labels={"chaos-ecs.home": home_id})
    assert f"would remove network left on {engine.address}" in room.ok("clean", "--dry-run").out
    engine.end(signal.SIGKILL)
    ran = room.run("clean", "--yes")
    assert (ran.code, "1 left (1 engine)" in ran.out) == (1, True)
    assert engine.address in ran.err
    assert further.FILE in ran.err
    engine.start()
    assert "1 network" in room.ok("clean", "--yes").out
    assert client.networks(names=["left"]) == []
    assert not further.remembered(room.home)


def test_logs_and_a_way_in_are_had_and_a_second_name_for_an_engine_is_refused(
    here: Hosted, engine: PrivateEngine
) -> None:
    a_service(here, 2)
    (task,) = tasks_on(here, FAR)
    told = eventually(
        lambda: here.chaos("GetTaskLogs", cluster="my-cluster", task=task.arn)["lines"], within=20, every=0.2
    )
    assert told
    runtime_id, folder = task.containers[0].runtime_id or "", here.settings.home
    words = ("sh", "-c", f"test $(hostname) = {task.id[:12]} && exit 7")
    assert inside.run_inside(runtime_id, words, terminal=False, reads=False, home=folder) == 7
    environment = engine.client().inspect_container(runtime_id)["Config"]["Env"]
    assert not [one for one in environment if one.startswith("ECS_")]
    second = engine.folder / "second.sock"
    second.symlink_to(engine.folder / "docker.sock")
    for name in (f"unix://{second}", "unix:///var/run/docker.sock"):
        with pytest.raises(ChaosEcsError, match="that is the engine chaos-ecs uses already"):
            here.controller.runtime.examine(name)
    with pytest.raises(ChaosEcsError) as refused:
        here.controller.runtime.examine("unix:///tmp/no-engine.sock")
    assert (refused.value.code, "docker --host" in refused.value.hint) == ("E-DOCKER-DOWN", True)
