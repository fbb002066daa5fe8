"""A server over a real loopback socket, on a simulated controller that runs in real time, and who calls it there."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import boto3

from chaos_ecs.api.connections import Limits
from chaos_ecs.api.server import LIMITS, Server
from chaos_ecs.controller import Controller
from chaos_ecs.live.clock import WallClock
from chaos_ecs.sigv4 import Credentials, sign
from chaos_ecs.sim.engine import SimEngine
from chaos_ecs.sim.runtime import SimRuntime
from chaos_ecs.sim.store import MemoryStore
from tests.builders import no_balancer

KEYS = Credentials("CHAOSECSTEST", "a secret of no importance")
CLUSTER = "my-cluster"
SOON = {"Delay": 1, "MaxAttempts": 20}


class Endpoint:
    """How a server on `port` is called."""

    @property
    def port(self) -> int:
        raise NotImplementedError

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ecs(self) -> Any:
        return boto3.client(
            "ecs",
            region_name="us-east-1",
            endpoint_url=f"http://{self.host}",
            aws_access_key_id=KEYS.access_key_id,
            aws_secret_access_key=KEYS.secret_access_key,
        )

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def signed(
        self, method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> dict[str, str]:
        return sign(
            method,
            path,
            query,
            {"Host": self.host, **(headers or {})},
            body,
            credentials=KEYS,
            region="us-east-1",
            service="chaos-ecs",
            now=time.time(),
        )

    def get(self, path: str, query: str = "", headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
        connection = self.connect()
        target = f"{path}?{query}" if query else path
        connection.request("GET", target, headers=self.signed("GET", path, query, headers))
        return connection.getresponse()

    def chaos(self, operation: str, **params: Any) -> dict[str, Any]:
        body = json.dumps(params).encode()
        headers = self.signed("POST", "/", headers={"X-Amz-Target": f"ChaosEcsV1.{operation}"}, body=body)
        connection = self.connect()
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        told: dict[str, Any] = json.loads(response.read())
        assert response.status == 200, told
        connection.close()
        return told

    def aws(self, *arguments: str, refused: bool = False, path: str = "") -> Any:
        """The installed aws CLI's `ecs` command: its answer, or its refusal. `path` is searched first."""
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL_ECS": f"http://{self.host}",
            "AWS_ACCESS_KEY_ID": KEYS.access_key_id,
            "AWS_SECRET_ACCESS_KEY": KEYS.secret_access_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
            "PATH": os.pathsep.join([*([path] if path else []), os.environ["PATH"]]),
        }
        command = [sys.executable, "-m", "awscli", "ecs", *arguments, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode != 0) is refused, done.stderr
        if refused:
            return done.stderr
        return json.loads(done.stdout) if done.stdout else {}

    def ecs_raw(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """A request to ECS with any body at all."""
        headers = sign(
            "POST",
            "/",
            "",
            {"Host": self.host, "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}"},
            body,
            credentials=KEYS,
            region="us-east-1",
            service="ecs",
            now=time.time(),
        )
        connection = self.connect()
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        answered = response.status, response.read()
        connection.close()
        return answered


@dataclass
class Running(Endpoint):
    controller: Controller
    server: Server
    loop: threading.Thread
    serving: threading.Thread

    @property
    def port(self) -> int:
        return self.server.port

    def end(self) -> None:
        self.server.stop()
        self.serving.join(10)
        self.controller.stop()
        self.loop.join(10)
        assert not self.serving.is_alive()


@contextlib.contextmanager
def served(limits: Limits = LIMITS, listen: str = "") -> Iterator[Running]:
    clock = WallClock()
    runtime = SimRuntime(SimEngine(clock, Random(1)))
    controller = Controller(clock=clock, runtime=runtime, balancer=no_balancer(), store=MemoryStore(), salt="test")
    loop = threading.Thread(target=controller.run, name="controller")
    loop.start()
    info = {"home": "here", "simulated": True, "seed": 1}
    server = Server(controller, KEYS, port=0, info=info, limits=limits, listen=listen)
    serving = threading.Thread(target=server.run, name="server")
    serving.start()
    started = Running(controller, server, loop, serving)
    try:
        yield started
    finally:
        started.end()
