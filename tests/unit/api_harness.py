"""The border on a simulated controller, reached without a socket: raw signed requests, and real boto3 clients."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from chaos_ecs.api.auth import Request
from chaos_ecs.api.border import Border
from chaos_ecs.api.exchange import Response
from chaos_ecs.api.operations import Perform
from chaos_ecs.api.operations.fis import FIS_OPERATIONS
from chaos_ecs.core.arns import cluster_arn
from chaos_ecs.core.container_instances import built_in_attributes
from chaos_ecs.core.instance_messages import RegisterContainerInstance
from chaos_ecs.sigv4 import Credentials, sign
from chaos_ecs.sim.simulation import Simulation
from tests.builders import WEB

PORT = 8481
HOST = f"127.0.0.1:{PORT}"
KEYS = Credentials("CHAOSECSTEST", "a secret of no importance")
REGION = "us-east-1"
CLUSTER = "my-cluster"
TARGETS = {"ecs": "AmazonEC2ContainerServiceV20141113", "chaos-ecs": "ChaosEcsV1"}


class Harness:
    """`now` is the clock that signatures are held against; the simulation has its own. `fis` are the operations of
    that API."""

    def __init__(self, seed: int = 1, *, fis: Mapping[str, Perform] = FIS_OPERATIONS) -> None:
        self.simulation = Simulation(seed)
        assert self.simulation.controller is not None
        self.stopped = False
        self.border = Border(
            self.simulation.controller,
            KEYS,
            port=PORT,
            info={"home": "/home/ada/chaos-ecs", "simulated": True, "seed": seed},
            now=time.time,
            stop=self._stop,
            fis=fis,
            page={"region": REGION, "cluster": CLUSTER, "clusterArn": cluster_arn(REGION, CLUSTER)},
        )

    def _stop(self) -> None:
        self.stopped = True

    def handle(self, request: Request) -> Response:
        """The answer, once the controller has stepped and the log readers are done."""
        exchange = self.border.begin(request)
        until = time.monotonic() + 5
        self.simulation.advance(0)
        while not exchange.future.done() and time.monotonic() < until:
            with suppress(TimeoutError):
                exchange.future.exception(timeout=0.01)
            self.simulation.advance(0)
        return exchange.answer()

    def send(
        self,
        body: bytes = b"",
        *,
        method: str = "POST",
        path: str = "/",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        service: str = "ecs",
        region: str = REGION,
        keys: Credentials = KEYS,
        now: float | None = None,
    ) -> Response:
        """A signed request; `headers` are signed too."""
        signed = sign(
            method,
            path,
            query,
            {"Host": HOST, **(headers or {})},
            body,
            credentials=keys,
            region=region,
            service=service,
            now=time.time() if now is None else now,
        )
        lowered = {name.lower(): value for name, value in signed.items()}
        return self.handle(Request(method, path, query, lowered, body))

    def call(
        self, operation: str, params: Mapping[str, Any] | bytes, *, service: str = "ecs", region: str = REGION
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of an operation; `params` may be bytes that are no JSON."""
        body = params if isinstance(params, bytes) else json.dumps(params).encode()
        headers = {"X-Amz-Target": f"{TARGETS[service]}.{operation}"}
        response = self.send(body, headers=headers, service=service, region=region)
        return response.status, json.loads(response.body)

    def chaos(self, operation: str, **params: Any) -> dict[str, Any]:
        """The answer of one of our own operations, which must succeed."""
        status, body = self.call(operation, params, service="chaos-ecs")
        assert status == 200, body
        return body

    def get(self, path: str, query: str = "") -> Response:
        return self.send(method="GET", path=path, query=query, service="chaos-ecs")

    def query(self, body: str, *, region: str = REGION) -> tuple[int, str]:
        """Status and body of a request to Elastic Load Balancing, as the form is given."""
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        response = self.send(body.encode(), headers=headers, service="elasticloadbalancing", region=region)
        assert response.headers["content-type"] == "text/xml"
        return response.status, response.body.decode()

    def client(self, region: str = REGION, keys: Credentials = KEYS, service: str = "ecs") -> Any:
        """A real boto3 client, of ECS if nothing is said, whose requests come here in place of a socket."""
        client = boto3.client(
            service,
            region_name=region,
            endpoint_url=f"http://{HOST}",
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send", self._answer_boto)
        return client

    def _answer_boto(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        url = urlsplit(request.url)
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        body = request.body or b""
        response = self.handle(
            Request(
                request.method,
                url.path,
                url.query,
                {"host": url.netloc, **headers},
                body.encode() if isinstance(body, str) else body,
            )
        )
        return AWSResponse(request.url, response.status, dict(response.headers), _Raw(response.body))


def with_tasks(**members: Any) -> Harness:
    """A service web of three and one standalone task, made with these members; all running."""
    api = Harness()
    ecs = api.client()
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=3)
    ecs.run_task(cluster=CLUSTER, taskDefinition="worker", **members)
    api.simulation.advance(5)
    return api


def add_instance(
    api: Harness,
    name: str,
    *,
    cluster: str = CLUSTER,
    cpu: int = 2048,
    memory: int = 4096,
    engine: str = "",
    attributes: Mapping[str, str] | None = None,
) -> str:
    """The ARN of a new container instance; its name begins with the letter of its zone."""
    api.call("DescribeClusters", {})  # a region has its cluster from the first request on
    built_in = built_in_attributes(availability_zone=f"{REGION}{name[0]}", instance_type="t3.medium")
    command = RegisterContainerInstance(
        cluster_arn=cluster_arn(REGION, cluster),
        name=name,
        cpu=cpu,
        memory=memory,
        attributes=(*built_in, *(attributes or {}).items()),
        engine=engine,
        address="192.0.2.1" if engine else "",
        agent_version="1.0.0",
    )
    api.simulation.submit(command).result(timeout=0)
    return next(reversed(api.simulation.state.container_instances))


def running(api: Harness, service: str | None = WEB) -> list[str]:
    """The tasks of a service, or the standalone ones."""
    return [task.arn for task in api.simulation.state.tasks.values() if task.is_running and task.service_arn == service]


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
