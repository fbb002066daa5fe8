"""The server over a real loopback socket, on a simulated controller that runs in real time. Needs no Docker.

Clients are boto3 with its own waiters, the installed `aws`, and plain HTTP where a client would not do what is tested.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from typing import Any

import pytest

from chaos_ecs.api.listening import PORTS_TRIED, bind
from chaos_ecs.errors import ChaosEcsError
from tests.builders import eventually
from tests.e2e.simulated import CLUSTER, SOON, Running


def test_a_day_of_a_learner_through_boto3_and_its_waiters(running: Running) -> None:
    ecs = running.ecs()
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="web-server:1", desiredCount=3)
    ecs.get_waiter("services_stable").wait(cluster=CLUSTER, services=["web"], WaiterConfig=SOON)
    (task,) = ecs.run_task(cluster=CLUSTER, taskDefinition="worker", launchType="FARGATE")["tasks"]
    ecs.get_waiter("tasks_running").wait(cluster=CLUSTER, tasks=[task["taskArn"]], WaiterConfig=SOON)
    ecs.stop_task(cluster=CLUSTER, task=task["taskArn"])
    ecs.get_waiter("tasks_stopped").wait(cluster=CLUSTER, tasks=[task["taskArn"]], WaiterConfig=SOON)
    ecs.delete_service(cluster=CLUSTER, service="web", force=True)
    ecs.get_waiter("services_inactive").wait(cluster=CLUSTER, services=["web"], WaiterConfig=SOON)


def test_the_two_commands_of_the_lesson_through_the_installed_aws(running: Running) -> None:
    def aws(command: str) -> Any:
        return running.aws(*command.split())

    service = aws(
        "create-service --cluster my-cluster --service-name my-web-app --task-definition web-server:1 --desired-count 3"
    )
    assert (service["service"]["desiredCount"], service["service"]["runningCount"]) == (3, 0)
    told = aws("run-task --cluster my-cluster --task-definition batch-job:1 --count 1 --launch-type FARGATE")
    assert (len(told["tasks"]), told["failures"]) == (1, [])
    aws("wait services-stable --cluster my-cluster --services my-web-app")


def test_events_are_streamed_as_they_happen_and_resumed(running: Running) -> None:
    running.ecs().list_clusters()
    response = running.get("/events", "after=0&follow=1")
    assert response.headers["content-type"] == "text/event-stream"
    first = _read_event(response)
    assert (first["number"], first["type"]) == (1, "CONTROLLER_STARTED")
    running.ecs().run_task(cluster=CLUSTER, taskDefinition="worker")
    seen = [first]
    while seen[-1]["type"] != "TASK_RUNNING":
        seen.append(_read_event(response))
    response.close()
    assert [event["number"] for event in seen] == list(range(1, len(seen) + 1))
    middle = seen[len(seen) // 2]["number"]
    resumed = running.get("/events", "follow=0", {"Last-Event-ID": str(middle)}).read().decode()
    numbers = [int(line.removeprefix("id: ")) for line in resumed.splitlines() if line.startswith("id: ")]
    assert numbers[: len(seen) - middle] == [event["number"] for event in seen[middle:]]


def _read_event(response: http.client.HTTPResponse) -> dict[str, Any]:
    while not (line := response.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    told: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return told


@pytest.mark.parametrize(("query", "status"), [("after=x", 400), ("follow=2", 400), ("after=-1", 400)])
def test_a_stream_that_asks_for_nonsense_is_refused(running: Running, query: str, status: int) -> None:
    response = running.get("/events", query)
    assert (response.status, json.loads(response.read())["__type"]) == (status, "InvalidParameterException")


def test_an_unsigned_stream_is_refused(running: Running) -> None:
    connection = running.connect()
    connection.request("GET", "/events")
    assert connection.getresponse().status == 400


def test_a_watcher_that_leaves_is_forgotten(running: Running) -> None:
    connection = running.connect()
    connection.request("GET", "/events", headers=running.signed("GET", "/events"))
    response = connection.getresponse()
    _read_event(response)
    assert len(running.controller._listeners) == 1
    response.close()
    connection.close()
    eventually(lambda: not running.controller._listeners, within=5)


def test_stop_controller_answers_ends_the_streams_and_ends_the_server(running: Running) -> None:
    response = running.get("/events", "after=0")
    _read_event(response)
    assert running.chaos("StopController") == {}
    response.read()  # to its end
    running.serving.join(5)
    assert not running.serving.is_alive()


def test_a_loop_that_dies_ends_the_server(running: Running) -> None:
    running.controller.failed = RuntimeError("a bug")
    running.serving.join(5)
    assert not running.serving.is_alive()


def test_a_foreign_host_is_refused_over_the_wire(running: Running) -> None:
    connection = running.connect()
    connection.request("GET", "/health", headers={"Host": "evil.example"})
    assert connection.getresponse().status == 403


def test_a_large_body_is_refused_and_the_next_request_served(running: Running) -> None:
    connection = running.connect()
    connection.request("POST", "/", b" " * (3 * 1024 * 1024))
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["__type"]) == (413, "RequestEntityTooLargeException")
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200


def test_requests_that_are_no_http_and_clients_that_leave_do_no_harm(running: Running) -> None:
    for broken in (b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc", b"GET", b""):
        with socket.create_connection(("127.0.0.1", running.server.port), timeout=5) as connection:
            connection.sendall(broken)
    assert running.ecs().list_clusters()["clusterArns"]


def test_an_answer_is_not_held_back_by_the_network_stack(running: Running) -> None:
    """A small answer in two packets waits 40 ms for the other side's acknowledgement unless Nagle's delay is off."""
    connection = running.connect()
    began = time.monotonic()
    for _ in range(50):
        connection.request("GET", "/health")
        connection.getresponse().read()
    assert time.monotonic() - began < 1.0


def test_many_clients_at_once_are_all_answered(running: Running) -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            ecs = running.ecs()
            ecs.create_service(cluster=CLUSTER, serviceName=name, taskDefinition="worker", desiredCount=1)
            for _ in range(20):
                ecs.describe_services(cluster=CLUSTER, services=[name])
            ecs.delete_service(cluster=CLUSTER, service=name, force=True)
        except Exception as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(f"s{number}",)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert running.ecs().list_services(cluster=CLUSTER)["serviceArns"] == []


def test_a_killed_controllers_port_comes_before_a_lower_one_that_is_free() -> None:
    """Open pages and shells know it."""
    with bind(0) as chosen:
        first = int(chosen.getsockname()[1])
    with bind(first, before=first + 3) as again, bind(first, before=first + 3) as taken:
        assert [one.getsockname()[1] for one in (again, taken)] == [first + 3, first]
    with bind(first, before=first + 999) as other:
        assert other.getsockname()[1] == first, "a port out of reach is another setting's"


def test_a_port_in_use_is_passed_over() -> None:
    first = bind(0)
    taken = first.getsockname()[1]
    second = bind(taken)
    assert taken < second.getsockname()[1] <= taken + PORTS_TRIED
    for listener in (first, second):
        assert listener.getsockname()[0] == "127.0.0.1"
        listener.close()


def test_no_free_port_is_told_with_what_to_do() -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with contextlib.suppress(OSError):  # somebody else has it: just as well
        listener.bind(("127.0.0.1", 65535))
    with pytest.raises(ChaosEcsError, match="the ports 65535 to 65535 are all taken") as caught:
        bind(65535)
    listener.close()
    assert caught.value.code == "E-PORT-TAKEN"
    assert "CHAOS_ECS_PORT" in caught.value.hint
