"""A controller for the CLI's tests: a state that can be set, events that can be told, calls that are written down."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chaos_ecs.cli.app import run
from chaos_ecs.cli.client import lost
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event
from chaos_ecs.errors import ChaosEcsError

BASE = "arn:aws:ecs:us-east-1:123456789012"
CLUSTER = f"{BASE}:cluster/my-cluster"
AT = 1_790_000_000.0

Answer = dict[str, Any]


def task_arn(digits: str) -> str:
    return f"{BASE}:task/my-cluster/{digits.ljust(32, '0')}"


def service_arn(name: str) -> str:
    return f"{BASE}:service/my-cluster/{name}"


def event(type_: str, *, at: float = 0.0, number: int = 1, service: str = "", task: str = "", **data: Any) -> Event:
    """An event `at` seconds after AT; a task by its first digits, a service by its name."""
    return Event(
        number=number,
        at=AT + at,
        type=type_,
        message=data.pop("message", ""),
        cluster=CLUSTER,
        service=service_arn(service) if service else "",
        task=task_arn(task) if task else "",
        data=data,
    )


def a_service(name: str = "web", **changes: Any) -> Answer:
    return {
        "arn": service_arn(name),
        "name": name,
        "clusterArn": CLUSTER,
        "status": "ACTIVE",
        "desiredCount": 3,
        "runningCount": 3,
        "pendingCount": 0,
        "taskDefinition": "web-server:1",
        "steady": True,
        "throttle": None,
        "kills": 0,
        "lastRecoverySeconds": None,
        "standby": {"desired": 0, "ready": 0, "memory": None},
        "flapping": None,
        "createdAt": AT,
        **changes,
    }


def a_task(digits: str, service: str = "", **changes: Any) -> Answer:
    """A running task; `exit_code` and `host_port` go to its one container."""
    exit_code, host_port = changes.pop("exit_code", None), changes.pop("host_port", None)
    address = changes.pop("address", "127.0.0.1")
    container = {
        "name": "app",
        "image": "chaos-ecs/demo:1",
        "runtimeId": "c0ffee" * 8,
        "lastStatus": "RUNNING",
        "exitCode": exit_code,
        "reason": changes.pop("reason", None),
        "bindings": [{"containerPort": 8080, "hostPort": host_port, "bindIP": address}] if host_port else [],
    }
    return {
        "arn": task_arn(digits),
        "id": digits.ljust(32, "0"),
        "clusterArn": CLUSTER,
        "serviceArn": service_arn(service) if service else None,
        "taskDefinition": "web-server:1" if service else "batch-job:1",
        "group": "",
        "startedBy": "",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "healthStatus": "UNKNOWN",
        "createdAt": AT,
        "startedAt": AT + 1,
        "stoppedAt": None,
        "stopCode": None,
        "stoppedReason": None,
        "exitCode": exit_code,
        "fills": None,
        "number": int(digits[:4], 16),
        "containers": [container],
        **changes,
    }


def stopped(task: Answer, exit_code: int | None = 0, **changes: Any) -> Answer:
    """The task after its end."""
    container = {**task["containers"][0], "exitCode": exit_code, "lastStatus": "STOPPED"}
    ended = {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stoppedAt": AT + 9, "containers": [container]}
    return {**task, **ended, "exitCode": exit_code, "stopCode": "EssentialContainerExited", **changes}


def a_victim(digits: str = "", service: str = "", **changes: Any) -> Answer:
    """A container that a fault holds, its effect measured; a task by its first digits."""
    return {
        "task": task_arn(digits) if digits else None,
        "service": service_arn(service) if service else None,
        "container": "app" if digits else None,
        "status": "ACTIVE",
        "proof": "no answer within 1 s (before: 2 ms)",
        "reason": None,
        "trouble": None,
        **changes,
    }


def a_fault(*victims: Answer, **changes: Any) -> Answer:
    """A pause of 30 s that began at AT and is in force."""
    return {
        "fault": "flt-12ab34cd56",
        "name": "pause",
        "actionId": "chaos-ecs:task-pause",
        "description": "freezes all processes for 30 s",
        "cluster": CLUSTER,
        "status": "ACTIVE",
        "durationSeconds": 30.0,
        "parameters": {"duration": "PT30S"},
        "seed": None,
        "createdAt": AT,
        "endsAt": AT + 90,
        "endedAt": None,
        "victims": list(victims),
        **changes,
    }


def over(fault: Answer, **changes: Any) -> Answer:
    """The fault after its end."""
    victims = [{**victim, "status": "ENDED"} for victim in fault["victims"]]
    return {**fault, "status": "COMPLETED", "endsAt": None, "endedAt": AT + 40, "victims": victims, **changes}


def a_state(*, services: list[Answer] | None = None, tasks: list[Answer] | None = None, **changes: Any) -> Answer:
    return {
        "v": 1,
        "number": 0,
        "at": AT + 60,
        "engine": {"connected": True, "name": "Docker Engine 29.1", "reason": ""},
        "clusters": [{"arn": CLUSTER, "name": "my-cluster", "region": "us-east-1", "status": "ACTIVE"}],
        "services": services or [],
        "tasks": tasks or [],
        **changes,
    }


class FakeController:
    """Answers from `answers` (a value, or a function of the members, which may raise), and writes `calls` down."""

    url = "http://127.0.0.1:8481"

    def __init__(self, state: Answer) -> None:
        self.state = state
        self.told: list[Event] = []
        self.bridge: list[list[Answer | BaseException]] = []  # what each look at EventBridge's events tells
        self.answers: dict[str, Answer | Callable[[Answer], Answer]] = {}
        self.calls: list[tuple[str, Answer]] = []
        self.is_dead = False

    def ecs(self, operation: str, **members: Any) -> Answer:
        return self._answer(operation, members)

    def scaling(self, operation: str, **members: Any) -> Answer:
        return self._answer(operation, members)

    def fis(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = "") -> Answer:
        return self._answer(f"{method} {path}", dict(body or {}))

    def scheduler(
        self, operation: str, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = ""
    ) -> Answer:
        return self._answer(operation, dict(body or {}))

    def own(self, operation: str, **members: Any) -> Answer:
        return self._answer(operation, members)

    def raw_state(self) -> Answer:
        if self.is_dead:
            raise lost("connection refused")
        return self.state

    def events(self, after: int, *, follow: bool) -> Iterator[Event]:
        yield from (item for item in list(self.told) if item.number > after)

    def bridged(self, *, follow: bool) -> Iterator[Answer]:
        """What `bridge` has; a connection that is lost is an error in it."""
        for item in self.bridge.pop(0) if self.bridge else ():
            if isinstance(item, BaseException):
                raise item
            yield item

    def tell(self, *events: Event) -> None:
        """More of the stream; the state has seen them all."""
        self.told += events
        self.state = {**self.state, "number": max(item.number for item in self.told)}

    def _answer(self, operation: str, members: Answer) -> Answer:
        self.calls.append((operation, {name: value for name, value in members.items() if value is not None}))
        answer = self.answers[operation]
        return answer(members) if callable(answer) else answer


def refusing(code: str, message: str, exit_code: int = 1) -> Callable[[Answer], Answer]:
    """An answer that is a refusal."""

    def refuse(members: Answer) -> Answer:
        raise ChaosEcsError(code, "it was refused", message, "chaos-ecs ps", exit_code)

    return refuse


class Keys:
    """A keyboard on which these keys are pressed as soon as somebody listens; knows whether it was given back."""

    def __init__(self, keys: str) -> None:
        self.keys = keys
        self.in_use = False

    @contextmanager
    def reading(self, put: Callable[[str], None]) -> Iterator[None]:
        self.in_use = True
        try:
            for key in self.keys:
                put(key)
            yield
        finally:
            self.in_use = False


class Terminal:
    """Runs command lines against a controller, None: none is running; keeps what they print."""

    def __init__(self, controller: FakeController | None, **shell: Any) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()

        def open_(shell: Shell, *, start: bool) -> FakeController | None:
            return controller

        self.shell = Shell(environment={}, out=self.out, err=self.err, opener=open_, **shell)

    @property
    def both(self) -> str:
        return self.out.getvalue() + self.err.getvalue()

    def run(self, *arguments: str) -> int:
        return run(arguments, self.shell)
