"""Made-up requests to a controller that runs as a process: none is a bug of ours, nothing that was there before is
touched, not by a SIGKILL either, and memory stays. FUZZ=20000 asks for more (`make fuzz`)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import h11
import pytest
from botocore.exceptions import ClientError

from chaos_ecs.sigv4 import sign
from tests.broken_http import TARGET, Breaker
from tests.builders import eventually
from tests.e2e.simulated import CLUSTER, KEYS
from tests.e2e.simulated_process import SimulatedProcess, started
from tests.fuzz import Fuzzer
from tests.unit.ecs_examples import SMALLEST, named

REQUESTS = int(os.environ.get("FUZZ", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
ROUNDS = 4
CLIENTS = 4
CHANGE, NO_HTTP = 0.3, 0.1
"""The part of the requests that are valid and change what is there; and of those that are broken as HTTP."""
PATIENCE_SECONDS = 0.5
"""How long an answer to half a request is awaited: mostly there is none."""
ANSWER_WITHIN_SECONDS = 60.0
UNREAD_BYTES = 16 * 1024
"""A request that is larger may be refused before all of it has arrived; what arrives afterwards resets the connection,
and may take the answer with it."""
FLAT_FROM = 20_000
"""With fewer requests the record is not full by the third round, and fills on in the fourth."""
GROWS_AT_MOST = 1.05
GROWS_KB, GROWS_KB_A_REQUEST = 4096, 4
"""While the record fills: about 1 KB a request goes into it, and the process takes its memory in larger pieces."""
WITNESS = "witness"
TAGS = [{"key": "seen", "value": "before"}]


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at the process in /proc, and kills it")
def test_a_running_controller_stands_whatever_is_sent_and_loses_nothing(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        before = put_witnesses(process)
        memory = []
        for number in range(ROUNDS):
            bombard(process, number)
            sweep(process.ecs())
            memory.append(process.memory())
        sys.stdout.write(f"{REQUESTS} requests, resident after each round: {memory} KB\n")
        assert witnesses(process.ecs()) == before
        process.end(signal.SIGKILL)
        process.start()
        assert witnesses(process.ecs()) == before
        assert "Traceback" not in process.log(), process.log()[-4000:]
        grown = memory[-1] - memory[0]
        assert grown < GROWS_KB + GROWS_KB_A_REQUEST * REQUESTS * (ROUNDS - 1) / ROUNDS, memory
        if REQUESTS >= FLAT_FROM:
            assert memory[-1] < memory[-2] * GROWS_AT_MOST, memory


# --- what was there before ---


def put_witnesses(process: SimulatedProcess) -> Any:
    """A cluster with a service, a task and two task definitions, under names that no request has."""
    ecs = process.ecs()
    ecs.create_cluster(clusterName=WITNESS, tags=TAGS)
    container = {"name": WITNESS, "image": "chaos-ecs/demo:1", "command": ["web"], "memory": 64}
    for memory in (64, 128):
        ecs.register_task_definition(family=WITNESS, containerDefinitions=[container | {"memory": memory}], tags=TAGS)
    ecs.create_service(cluster=WITNESS, serviceName=WITNESS, taskDefinition=WITNESS, desiredCount=2, tags=TAGS)
    told = ecs.run_task(cluster=WITNESS, taskDefinition=f"{WITNESS}:1", startedBy=WITNESS, tags=TAGS)
    ecs.get_waiter("services_stable").wait(
        cluster=WITNESS, services=[WITNESS], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    ecs.get_waiter("tasks_running").wait(
        cluster=WITNESS, tasks=[told["tasks"][0]["taskArn"]], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    return witnesses(ecs)


def witnesses(ecs: Any) -> Any:
    """All that is told of them."""
    tasks = sorted(ecs.list_tasks(cluster=WITNESS)["taskArns"])
    told = [
        ecs.describe_clusters(clusters=[WITNESS], include=["TAGS", "SETTINGS", "STATISTICS"])["clusters"],
        ecs.describe_services(cluster=WITNESS, services=[WITNESS], include=["TAGS"])["services"],
        ecs.describe_tasks(cluster=WITNESS, tasks=tasks, include=["TAGS"])["tasks"],
        ecs.list_tasks(cluster=WITNESS, desiredStatus="STOPPED")["taskArns"],
        *(
            {**ecs.describe_task_definition(taskDefinition=f"{WITNESS}:{revision}", include=["TAGS"]), **_NO_METADATA}
            for revision in (1, 2)
        ),
    ]
    assert [len(part) for part in told[:4]] == [1, 1, 3, 0], told[:4]
    return told


_NO_METADATA = {"ResponseMetadata": None}

# --- what is sent ---


def bombard(process: SimulatedProcess, number: int) -> None:
    """One round, by several clients at once; fails with the first answer that is none of ECS's."""
    seeds = [SEED * 100_000 + number * CLIENTS + client for client in range(CLIENTS)]
    clients = [Client(process, seed) for seed in seeds]  # all, before the first of them deletes what others ask about
    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(lambda client: client.send(REQUESTS // ROUNDS // CLIENTS), clients))


class Client:
    """One kept connection, and one stream of requests, made up from what there is at its beginning."""

    def __init__(self, process: SimulatedProcess, seed: int) -> None:
        self._process = process
        self._seed = seed
        self._fuzzer = Fuzzer(seed, named(SMALLEST, names_there(process.ecs())))
        self._random = Random(seed)
        self._breaker = Breaker(self._random, process.host, self._signed)
        self._connection = process.connect()

    def send(self, count: int) -> None:
        for number in range(count):
            way = self._random.random()
            operation, body = self._fuzzer.change() if way < CHANGE else self._fuzzer.request()
            case = f"seed {self._seed} request {number}: {operation} {body!r}"
            if way > 1 - NO_HTTP:
                self._send_broken(body, case)
            else:
                self._send(operation, body, case)
        self._connection.close()

    def _send(self, operation: str, body: bytes, case: str) -> None:
        headers = self._signed("POST", "/", {"X-Amz-Target": f"{TARGET}.{operation}"}, body)
        self._connection.request("POST", "/", body, headers)
        response = self._connection.getresponse()
        said = response.read()
        assert response.status in (200, 400), f"{case}: {response.status} {said!r}"
        told = json.loads(said)
        assert response.status == 200 or (told["__type"] and told["message"]), f"{case}: {told}"
        self._fuzzer.hear(told)

    def _send_broken(self, body: bytes, case: str) -> None:
        """Whoever hangs up or sends half may get no answer; all else gets one."""
        sent, hangs_up = self._breaker.request(body)
        must_be_answered = not hangs_up and is_over(sent)
        patience = ANSWER_WITHIN_SECONDS if must_be_answered else PATIENCE_SECONDS
        with socket.create_connection(("127.0.0.1", self._process.port), timeout=patience) as connection:
            status = _status(connection, sent, hangs_up=hangs_up)
        told = f"{case} as {sent!r}: {status}"
        assert status is not None or not must_be_answered or len(sent) > UNREAD_BYTES, told
        assert status is None or status < 500 or status == http.client.NOT_IMPLEMENTED, told

    def _signed(self, method: str, path: str, headers: Any, body: bytes) -> dict[str, str]:
        path, _, query = path.partition("?")
        said = {"Host": self._process.host, **headers}
        return sign(
            method, path, query, said, body, credentials=KEYS, region="us-east-1", service="ecs", now=time.time()
        )


def is_over(sent: bytes) -> bool:
    """Whether nothing is missing of the first request: it is whole, or no HTTP."""
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
    reader.receive_data(sent)
    try:
        while (event := reader.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage):
                return True
    except h11.RemoteProtocolError:
        return True
    return False


def _status(connection: socket.socket, sent: bytes, *, hangs_up: bool) -> int | None:
    try:
        connection.sendall(sent)
        if hangs_up:
            return None
        first = connection.makefile("rb").readline()
    except (ConnectionError, TimeoutError):  # see UNREAD_BYTES; or half of it is missing
        return None
    return int(first.split()[1]) if first else None


def _is_there(make: Callable[..., Any], what: dict[str, Any]) -> bool:
    try:
        make(**what)
    except ClientError as refusal:
        return "was not idempotent" in str(refusal)
    return True


def names_there(ecs: Any) -> dict[str, str]:
    """What requests may be about, made again where requests have taken it away."""
    for make, what in (
        (ecs.create_cluster, {"clusterName": CLUSTER}),
        (ecs.create_cluster, {"clusterName": "spare"}),
        (ecs.register_task_definition, {"family": "worker", "containerDefinitions": [WORKER]}),
        (ecs.create_service, {"cluster": CLUSTER, "serviceName": "web", "taskDefinition": "worker", "desiredCount": 2}),
    ):
        eventually(partial(_is_there, make, what), within=120)  # one that is draining is in the way
    arns = eventually(lambda: ecs.list_tasks(cluster=CLUSTER)["taskArns"], within=120)
    deployments = ecs.list_service_deployments(cluster=CLUSTER, service="web")["serviceDeployments"]
    return {
        "{task}": arns[0],
        "{service_deployment}": deployments[0]["serviceDeploymentArn"],
        "{service_revision}": deployments[0]["targetServiceRevisionArn"],
    }


WORKER = {"name": "worker", "image": "chaos-ecs/demo:1", "command": ["worker"], "memory": 64}


def sweep(ecs: Any) -> None:
    """Deletes what the requests made and can be deleted: what remains is the witnesses and the record."""
    clusters = [arn for arn in ecs.list_clusters()["clusterArns"] if not arn.endswith(f"/{WITNESS}")]
    for cluster in clusters:
        for page in ecs.get_paginator("list_services").paginate(cluster=cluster):
            for service in page["serviceArns"]:
                ecs.delete_service(cluster=cluster, service=service, force=True)
        for task in running(ecs, cluster):
            ecs.stop_task(cluster=cluster, task=task)
    eventually(lambda: not any(running(ecs, cluster) for cluster in clusters), within=120)


def running(ecs: Any, cluster: str) -> list[str]:
    return [arn for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster) for arn in page["taskArns"]]
