"""A service behind the real balancer, and the client that goes on asking it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.builders import eventually
from tests.e2e.conftest import BIN, Room

CLUSTER = "my-cluster"
RATE = "200"
LISTENS_TO_CTRL_C = (  # where these tests run in the background, nobody does
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass
class Balanced:
    """A service `web` behind a listener."""

    room: Room
    group: str
    port: int
    asked: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """While 200 requests a second are sent; `asked` has the client's summary afterwards."""
        words = [str(BIN / "chaos-ecs"), "probe", self.url, "--rate", RATE, "--json"]
        client = subprocess.Popen(
            [sys.executable, "-c", LISTENS_TO_CTRL_C, *words],
            env=self.room.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            time.sleep(1)
            yield
            time.sleep(1)
        finally:
            client.send_signal(signal.SIGINT)
            out, _ = client.communicate(timeout=20)
        self.asked = json.loads(out.splitlines()[-1])
        assert self.asked["requests"] >= 300, self.asked

    @property
    def failed(self) -> dict[str, int]:
        """How many requests by cause."""
        causes: dict[str, int] = self.asked["causes"]
        assert sum(causes.values()) == self.asked["failed"], self.asked
        return causes

    def service(self) -> dict[str, Any]:
        described: dict[str, Any] = self.room.ecs().describe_services(cluster=CLUSTER, services=["web"])
        found: dict[str, Any] = described["services"][0]
        return found

    def healthy(self) -> list[str]:
        told = self.room.elbv2("describe-target-health", "--target-group-arn", self.group)
        targets = told["TargetHealthDescriptions"]
        return [one["Target"]["Id"] for one in targets if one["TargetHealth"]["State"] == "healthy"]

    def messages(self) -> list[str]:
        """The service's events, oldest first."""
        return [event["message"] for event in reversed(self.service()["events"])]

    def await_completed(self, within: float = 60) -> None:
        def check() -> bool:
            deployments = self.service()["deployments"]
            return len(deployments) == 1 and deployments[0]["rolloutState"] == "COMPLETED"

        eventually(check, within=within, every=0.2)

    def balancer(self) -> str:
        home_id = (self.room.home / "home-id").read_text().strip()
        filters = {"label": [f"chaos-ecs.home={home_id}", "chaos-ecs.balancer"]}
        found = self.room.client.containers(filters=filters)
        return str(found[0]["Id"]) if found else ""


def ask(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def a_balanced_service(room: Room) -> Balanced:
    """`web`, made with what anybody would type: the seed's `create-service ... --load-balancers ...` in full."""
    group = room.elbv2(
        *("create-target-group", "--name", "web", "--protocol", "HTTP", "--port", "8080", "--vpc-id", "vpc-1"),
        *("--target-type", "ip", "--health-check-interval-seconds", "5"),
    )["TargetGroups"][0]["TargetGroupArn"]
    balancer = room.elbv2("create-load-balancer", "--name", "web", "--subnets", "subnet-1", "subnet-2")
    told = balancer["LoadBalancers"][0]
    action = f"Type=forward,TargetGroupArn={group}"
    room.elbv2(
        *("create-listener", "--load-balancer-arn", told["LoadBalancerArn"], "--protocol", "HTTP", "--port", "80"),
        *("--default-actions", action),
    )
    room.aws(
        *("create-service", "--cluster", CLUSTER, "--service-name", "web", "--task-definition", "web-server:1"),
        *("--desired-count", "3"),
        *("--load-balancers", f"targetGroupArn={group},containerName=web-server,containerPort=8080"),
    )
    subject = Balanced(room, group, 0)
    subject.await_completed()
    described = room.elbv2("describe-load-balancers", "--names", "web")["LoadBalancers"][0]
    subject.port = int(described["DNSName"].rpartition(":")[2])
    return subject
