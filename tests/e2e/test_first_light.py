"""What the README promises on the first day, on real containers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.builders import eventually
from tests.e2e.conftest import BIN, Room

CLUSTER = "my-cluster"


def tasks(room: Room, **filters: str) -> list[dict[str, Any]]:
    """DescribeTasks of all tasks, running and stopped."""
    ecs = room.ecs()
    found: list[str] = []
    for status in ("RUNNING", "STOPPED"):
        found += ecs.list_tasks(cluster=CLUSTER, desiredStatus=status, **filters)["taskArns"]
    described: list[dict[str, Any]] = ecs.describe_tasks(cluster=CLUSTER, tasks=found)["tasks"] if found else []
    return described


def running(room: Room, **filters: str) -> list[dict[str, Any]]:
    return [task for task in tasks(room, **filters) if task["lastStatus"] == "RUNNING"]


def comes_to_run(room: Room, count: int, *, within: float = 60, without: str = "") -> list[dict[str, Any]]:
    """Waits until exactly `count` tasks run, none of them `without`."""

    def check() -> list[dict[str, Any]]:
        found = running(room)
        assert len(found) == count, found
        assert without not in {task["taskArn"] for task in found}
        return found

    return eventually(check, within=within)


def only(found: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(found) == 1, found
    return found[0]


def test_a_task_killed_with_plain_docker_kill_is_replaced_by_a_new_one(room: Room) -> None:
    room.ok("service", "up", "--desired", "3", "--detach")
    before = comes_to_run(room, 3)
    victim = before[0]
    subprocess.run(["docker", "kill", victim["containers"][0]["runtimeId"]], check=True, capture_output=True)
    after = comes_to_run(room, 3, within=30, without=victim["taskArn"])
    assert len({task["taskArn"] for task in after} - {task["taskArn"] for task in before}) == 1
    dead = only([task for task in tasks(room) if task["taskArn"] == victim["taskArn"]])
    assert dead["lastStatus"] == "STOPPED"
    assert dead["stopCode"] == "EssentialContainerExited"
    assert dead["containers"][0]["exitCode"] == 137
    assert len(room.containers()) == 3


def test_a_standalone_task_killed_with_plain_docker_kill_stays_gone(room: Room) -> None:
    room.ok("run-task", "batch-job", "--no-wait")
    task = only(eventually(lambda: running(room), within=60))
    subprocess.run(["docker", "kill", task["containers"][0]["runtimeId"]], check=True, capture_output=True)
    dead = eventually(lambda: [t for t in tasks(room) if t["lastStatus"] == "STOPPED"], within=20)
    assert only(dead)["containers"][0]["exitCode"] == 137
    ran = room.ok("events", "--json")
    assert [json.loads(line)["type"] for line in ran.out.splitlines()].count("TASK_CREATED") == 1
    assert room.containers() == []


def test_the_seeds_two_aws_commands_work_from_a_new_state_folder(room: Room) -> None:
    service = ["--cluster", CLUSTER, "--service-name", "my-web-app", "--task-definition", "web-server:1"]
    created = room.aws("create-service", *service, "--desired-count", "3")["service"]
    assert (created["status"], created["runningCount"], created["desiredCount"]) == ("ACTIVE", 0, 3)
    batch = ["--cluster", CLUSTER, "--task-definition", "batch-job:1", "--count", "1", "--launch-type", "FARGATE"]
    started = room.aws("run-task", *batch)
    assert started["failures"] == []
    assert only(started["tasks"])["lastStatus"] in ("PROVISIONING", "PENDING")
    room.aws("wait", "services-stable", "--cluster", CLUSTER, "--services", "my-web-app")
    assert len(running(room, serviceName="my-web-app")) == 3
    room.aws("wait", "tasks-stopped", "--cluster", CLUSTER, "--tasks", started["tasks"][0]["taskArn"])
    described = room.aws("describe-tasks", "--cluster", CLUSTER, "--tasks", started["tasks"][0]["taskArn"])
    assert only(described["tasks"])["containers"][0]["exitCode"] == 0


def test_a_day_with_the_aws_cli(room: Room) -> None:
    """Cluster, definition, service, scaling, a new revision, standalone task, stop, deletes: in ECS's own words."""
    room.aws("create-cluster", "--cluster-name", "dev")
    container: dict[str, Any] = {"name": "app", "image": "chaos-ecs/demo:1", "command": ["web"], "memory": 64}
    registered = room.aws(
        "register-task-definition", "--family", "app", "--container-definitions", json.dumps([container])
    )
    assert registered["taskDefinition"]["taskDefinitionArn"].endswith("task-definition/app:1")
    where = ["--cluster", "dev", "--service"]
    room.aws(
        "create-service",
        *("--cluster", "dev", "--service-name", "app", "--task-definition", "app", "--desired-count", "1"),
    )
    room.aws("update-service", *where, "app", "--desired-count", "2")
    room.aws("wait", "services-stable", "--cluster", "dev", "--services", "app")
    container["environment"] = [{"name": "VERSION", "value": "v2"}]
    room.aws("register-task-definition", "--family", "app", "--container-definitions", json.dumps([container]))
    updated = room.aws("update-service", *where, "app", "--task-definition", "app:2")["service"]
    assert [item["status"] for item in updated["deployments"]] == ["PRIMARY", "ACTIVE"]
    room.aws("wait", "services-stable", "--cluster", "dev", "--services", "app")
    arns = room.aws("list-tasks", "--cluster", "dev")["taskArns"]
    described = room.aws("describe-tasks", "--cluster", "dev", "--tasks", *arns)["tasks"]
    assert {task["taskDefinitionArn"].rsplit("/", 1)[1] for task in described} == {"app:2"}
    stopped = room.aws("stop-task", "--cluster", "dev", "--task", arns[0], "--reason", "lunch")["task"]
    assert (stopped["desiredStatus"], stopped["stoppedReason"]) == ("STOPPED", "lunch")
    refused = room.aws_raw("delete-service", *where, "app")
    assert "The service cannot be stopped while it is scaled above 0." in refused.err
    room.aws("delete-service", *where, "app", "--force")
    room.aws("wait", "services-inactive", "--cluster", "dev", "--services", "app")
    eventually(lambda: room.aws_raw("delete-cluster", "--cluster", "dev").code == 0, within=20)


def test_boto3s_four_waiters(room: Room) -> None:
    ecs = room.ecs()
    fast = {"Delay": 1, "MaxAttempts": 60}
    ecs.create_service(cluster=CLUSTER, serviceName="w", taskDefinition="web-server", desiredCount=2)
    ecs.get_waiter("services_stable").wait(cluster=CLUSTER, services=["w"], WaiterConfig=fast)
    task = ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_running").wait(cluster=CLUSTER, tasks=[task], WaiterConfig=fast)
    ecs.stop_task(cluster=CLUSTER, task=task)
    ecs.get_waiter("tasks_stopped").wait(cluster=CLUSTER, tasks=[task], WaiterConfig=fast)
    ecs.delete_service(cluster=CLUSTER, service="w", force=True)
    ecs.get_waiter("services_inactive").wait(cluster=CLUSTER, services=["w"], WaiterConfig=fast)


def test_a_controller_killed_with_sigkill_adopts_what_runs_and_records_what_died(room: Room) -> None:
    room.ok("service", "up", "--desired", "3", "--detach")
    before = comes_to_run(room, 3)
    room.kill_controller()
    victim = before[2]
    room.client.kill(victim["containers"][0]["runtimeId"])
    assert len(room.containers()) == 2
    room.ok("controller", "start")
    after = comes_to_run(room, 3, within=30)
    kept = {task["taskArn"] for task in before} - {victim["taskArn"]}
    assert kept < {task["taskArn"] for task in after}
    dead = only([task for task in tasks(room) if task["taskArn"] == victim["taskArn"]])
    assert (dead["lastStatus"], dead["containers"][0]["exitCode"]) == ("STOPPED", 137)
    assert len(room.containers()) == 3
    helpers = 3  # the balancer, who knows names, and the agent
    assert len(room.containers(everything=True)) == 4 + helpers


def test_a_published_port_answers_on_the_loopback_address_only(room: Room) -> None:
    room.ok("service", "up", "--desired", "1", "--detach")
    task = only(eventually(lambda: running(room), within=60))
    binding = only(task["containers"][0]["networkBindings"])
    assert binding["bindIP"] == "127.0.0.1"
    with urllib.request.urlopen(f"http://127.0.0.1:{binding['hostPort']}/", timeout=5) as answer:
        body = answer.read().decode()
    assert task["taskArn"].rsplit("/", 1)[1] in body
    with urllib.request.urlopen(f"http://127.0.0.1:{binding['hostPort']}/health", timeout=5) as answer:
        assert answer.status == 200


def test_clean_leaves_nothing_of_ours_and_everything_of_others(room: Room) -> None:
    client = room.client
    room.ok("service", "up", "--desired", "2", "--detach")
    room.ok("run-task", "batch-job", "--no-wait")
    eventually(lambda: len(running(room)) == 3, within=60)
    other = client.create_container("chaos-ecs/demo:1", ["worker"], labels={"not": "ours"})["Id"]
    client.start(other)
    network = client.create_network("not-ours-of-chaos-ecs-tests")["Id"]
    volume = client.create_volume("not-ours-of-chaos-ecs-tests")["Name"]
    try:
        home_id = (room.home / "home-id").read_text().strip()
        room.ok("clean", "--yes")
        ours = {"label": f"chaos-ecs.home={home_id}"}
        assert client.containers(all=True, filters=ours) == []
        assert client.networks(filters=ours) == []
        assert (client.volumes(filters=ours)["Volumes"] or []) == []
        assert client.inspect_container(other)["State"]["Running"]
        assert client.inspect_network(network)["Id"] == network
        assert client.inspect_volume(volume)["Name"] == volume
    finally:
        client.remove_container(other, force=True)
        client.remove_network(network)
        client.remove_volume(volume)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("service", "scale", "nothing", "2"), 3, "Service not found"),
        (("--cluster", "nowhere", "service", "describe", "web"), 1, "Cluster not found"),
        (("service", "up", "--desired", "-1"), 2, "greater than or equal to 0"),
        (("run-task", "batch-job", "--count", "11"), 125, "10"),
        (("run-task", "no-such-family"), 125, "no-such-family"),
        (("kill", "ffffffff"), 3, "ffffffff"),
        (("kill", "--standalone"), 3, "standalone"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_bad_input_is_refused_in_words(room: Room, arguments: tuple[str, ...], code: int, text: str) -> None:
    ran = room.run(*arguments)
    assert ran.code == code, ran
    assert text in ran.err
    assert "Traceback" not in ran.err + ran.out


def test_an_image_that_does_not_exist_is_told_with_its_reason(room: Room) -> None:
    ran = room.run("run-task", "--image", "no-such-image-of-chaos-ecs:9")
    assert ran.code == 125, ran
    assert "CannotPullContainerError" in ran.err + ran.out
    assert "Traceback" not in ran.err


def test_a_host_port_in_use_is_told_and_the_port_of_the_controller_moves_on(room: Room) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        started = room.ok("controller", "start", CHAOS_ECS_PORT=str(port))
        assert str(port) in started.err
        container: dict[str, Any] = {"name": "app", "image": "chaos-ecs/demo:1", "command": ["web"], "memory": 64}
        container["portMappings"] = [{"containerPort": 8080, "hostPort": port}]
        room.aws("register-task-definition", "--family", "taken", "--container-definitions", json.dumps([container]))
        room.ok("run-task", "taken", "--no-wait")
        stopped = eventually(lambda: [t for t in tasks(room) if t["lastStatus"] == "STOPPED"], within=30)
        assert only(stopped)["stopCode"] == "TaskFailedToStart"
        assert "CannotStartContainerError" in only(stopped)["stoppedReason"]


def test_without_an_engine_every_command_says_what_to_do(room: Room) -> None:
    nowhere = f"unix://{room.home.parent}/no-engine.sock" if sys.platform != "win32" else "npipe:////./pipe/nowhere"
    for arguments in (("service", "up", "--desired", "3"), ("run-task",), ("ps",), ("images", "build")):
        ran = room.run(*arguments, DOCKER_HOST=nowhere)
        assert ran.code == 4, ran
        assert "E-DOCKER-DOWN" in ran.err
        assert "chaos-ecs doctor" in ran.err
        assert "Traceback" not in ran.err


def test_the_simulator_serves_the_same_commands_without_an_engine(room: Room) -> None:
    nowhere = f"unix://{room.home.parent}/no-engine.sock"
    room.ok("controller", "start", "--simulate", "--seed", "7", DOCKER_HOST=nowhere)
    room.ok("service", "up", "--desired", "3", DOCKER_HOST=nowhere)
    killed = room.ok("kill", "web", "--seed", "1", DOCKER_HOST=nowhere)
    assert "RECOVERED" in killed.out + killed.err
    assert room.containers(everything=True) == []


def test_the_demo_shows_recovery_and_what_stays_gone_and_leaves_nothing(room: Room) -> None:
    ran = room.ok("demo")
    said = ran.out + ran.err
    assert "RECOVERED IN" in said
    assert "STILL GONE" in said
    home_id = (room.home / "home-id").read_text().strip()
    assert room.client.networks(filters={"label": f"chaos-ecs.home={home_id}"}) == []
    assert room.containers(everything=True) == []


def test_the_wheel_alone_runs_the_demo(room: Room, tmp_path: Path) -> None:
    """Built from the sources and installed into an empty environment, far from the clone."""
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(root)], check=True
    )
    (wheel,) = tmp_path.glob("chaos_ecs-*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "empty")], check=True)
    installed = tmp_path / "empty" / BIN.name
    subprocess.run([str(installed / "python"), "-m", "pip", "install", "-q", str(wheel)], check=True)
    done = subprocess.run(
        [str(installed / "chaos-ecs"), "demo"],
        env=room.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "STILL GONE" in done.stdout + done.stderr
