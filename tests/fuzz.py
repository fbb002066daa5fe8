"""Requests made up from botocore's model of ECS: valid ones, and ones broken in one place or several.

Seeded: the same seed makes the same requests, so one that meets a bug is found again by its number.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from botocore.model import Shape

from chaos_ecs.api import protocol
from chaos_ecs.api.operations import ECS_OPERATIONS

_ACCOUNT = "arn:aws:ecs:us-east-1:123456789012:"
_NAMES = (
    "my-cluster",
    "web",
    "worker",
    "worker:1",
    "web-server",
    "default",
    "nobody",
    "FARGATE",
    "FARGATE_SPOT",
    f"{_ACCOUNT}cluster/my-cluster",
    f"{_ACCOUNT}service/my-cluster/web",
    f"{_ACCOUNT}task-definition/worker:1",
    f"{_ACCOUNT}task/my-cluster/0123456789abcdef0123456789abcdef",
)
_BY_MEMBER = {
    "cluster": ("my-cluster", f"{_ACCOUNT}cluster/my-cluster", "spare"),
    "taskDefinition": ("worker", "worker:1", f"{_ACCOUNT}task-definition/web-server:1", "web-server"),
    "service": ("web", f"{_ACCOUNT}service/my-cluster/web", "s1"),
    "serviceName": ("web", "s1", "s2"),
    "clusterName": ("my-cluster", "spare", "c1", "c2"),
    "family": ("worker", "f1", "f2"),
    "capacityProvider": ("FARGATE", "FARGATE_SPOT"),
    "capacityProviders": ("FARGATE", "FARGATE_SPOT"),
    "image": ("chaos-ecs/demo:1",),
    "name": ("main", "worker", "web-server", "containerInsights"),
    "containerName": ("main", "worker", "web-server"),
    "cpu": ("256", "512", "1 vCPU", "0"),
    "memory": ("512", "0.5 GB", "1024"),
}
_ODD = (
    "",
    " ",
    "\u00e9\u4e2d\U0001f4a5",
    "x" * 300,
    "arn:",
    "arn:aws:ecs",
    "arn:aws:ecs:::",
    f"{_ACCOUNT}cluster/",
    f"{_ACCOUNT}service//",
    f"{_ACCOUNT}task-definition/worker:99999999999999999999",
    "worker:\u0661",
    "worker:-1",
    "a:b:c",
    "../../etc",
    "\x00",
    "{}",
    "W10=",
    "bnVsbA==",
    "eyJhIjoxfQ==",
    "WzEsWzJdXQ==",
)
_WRONG: Sequence[Any] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**31,
    2**63,
    1e308,
    "",
    "x",
    [],
    [None],
    [[]],
    {},
    {"a": 1},
    [{}],
)
_DEEPEST = 6
_STRINGS = 40


class Fuzzer:
    """One stream of requests: (operation, body). `examples` are requests that are answered: what is made up
    goes on from them, or from nothing."""

    def __init__(self, seed: int, examples: Mapping[str, Mapping[str, Any]]) -> None:
        self._random = Random(seed)
        self._examples = examples
        self._model = protocol.ecs()._model
        self._operations = list(ECS_OPERATIONS)
        self._tasks: deque[str] = deque(maxlen=100)

    def request(self) -> tuple[str, bytes]:
        """One in ten is no JSON object at all; of the others half are broken somewhere."""
        random = self._random
        name = random.choice(self._operations)
        shape = self._model.operation_model(name).input_shape
        value = self._varied(shape, self._examples[name]) if random.random() < 0.6 else self._made(shape)
        body = json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
        if random.random() < 0.1:
            return name, self._cut(body)
        return name, body

    def change(self) -> tuple[str, bytes]:
        """One that is valid, and makes, changes or deletes something, if it is there to be changed."""
        random = self._random
        cluster, service = random.choice(("my-cluster", "c1", "c2")), f"s{random.randrange(8)}"
        family, count = random.choice(("worker", "f1", "f2")), random.randrange(1, 6)
        role = random.choice(("web", "worker", "batch", "flaky"))
        container = {"name": "main", "image": "chaos-ecs/demo:1", "command": [role], "memory": 64}
        changes: dict[str, dict[str, Any]] = {
            "CreateCluster": {"clusterName": cluster},
            "DeleteCluster": {"cluster": cluster},
            "RegisterTaskDefinition": {"family": family, "containerDefinitions": [container]},
            "CreateService": {
                "cluster": cluster,
                "serviceName": service,
                "taskDefinition": family,
                "desiredCount": count,
            },
            "UpdateService": {"cluster": cluster, "service": service, "desiredCount": count, "taskDefinition": family},
            "DeleteService": {"cluster": cluster, "service": service, "force": True},
            "RunTask": {"cluster": cluster, "taskDefinition": family, "count": count},
        }
        if self._tasks:
            task = random.choice(self._tasks)
            changes["StopTask"] = {"cluster": task.split("/")[1], "task": task}
        name = random.choice(list(changes))
        return name, json.dumps(changes[name]).encode()

    def hear(self, answer: Mapping[str, Any]) -> None:
        """Of the tasks that are there, so that some are stopped."""
        self._tasks.extend(task["taskArn"] for task in answer.get("tasks", ()))

    def _made(self, shape: Shape) -> Any:
        return self._structure(shape, 0, 0.15 if self._random.random() < 0.5 else 0.0)

    def _varied(self, shape: Shape, example: Mapping[str, Any]) -> Any:
        """The example with up to two members more or other, and now and then one of them broken."""
        random = self._random
        value = dict(example)
        for name in random.sample(list(shape.members), min(len(shape.members), random.randrange(3))):
            value[name] = self._value(name, shape.members[name], 1, 0.2 if random.random() < 0.2 else 0.0)
        return value

    def _cut(self, body: bytes) -> bytes:
        random = self._random
        place = random.randrange(len(body) + 1)
        junk = bytes(random.randrange(256) for _ in range(random.randrange(4)))
        return body[:place] + junk + (b"" if random.random() < 0.5 else body[place:])

    def _structure(self, shape: Shape, depth: int, broken: float) -> Any:
        random = self._random
        made = {}
        for name, member in shape.members.items():
            wanted = name in shape.required_members or random.random() < (0.5 if depth == 0 else 0.3)
            if random.random() < broken:
                wanted = not wanted
            if wanted and depth < _DEEPEST:
                made[name] = self._value(name, member, depth + 1, broken)
        if random.random() < broken:
            made[random.choice(_ODD)] = random.choice(_WRONG)
        return made

    def _value(self, name: str, shape: Shape, depth: int, broken: float) -> Any:
        random = self._random
        if random.random() < broken:
            return random.choice(_WRONG)
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, depth, broken)
        if kind == "list":
            most = 12 if random.random() < 0.05 else 3
            return [self._value(name, shape.member, depth + 1, broken) for _ in range(random.randrange(most))]
        if kind == "map":
            return {
                self._string(name, shape.key, broken): self._value(name, shape.value, depth + 1, broken)
                for _ in range(random.randrange(3))
            }
        if kind == "string":
            return self._string(name, shape, broken)
        return self._plain(kind, shape, broken)

    def _plain(self, kind: str, shape: Shape, broken: float) -> Any:
        random = self._random
        if kind == "boolean":
            return random.random() < 0.5
        if kind in ("integer", "long"):
            low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 200)
            odd = (-1, 0, 2**31 - 1, -(2**31), 65536)
            return random.choice(odd) if random.random() < max(broken, 0.1) else random.randint(low, max(low, high))
        if kind == "timestamp":
            return random.choice((0, 1.5, 1_790_000_000, -1, 4e11))
        return random.choice((0.0, 0.1, 5.0, 50, 100.0, 101.5, -3))

    def _string(self, name: str, shape: Shape, broken: float) -> str:
        random = self._random
        if random.random() < broken:
            return random.choice(_ODD)
        if allowed := shape.metadata.get("enum"):
            return str(random.choice(allowed))
        if name in _BY_MEMBER and random.random() < 0.85:
            return random.choice(_BY_MEMBER[name])
        if random.random() < 0.1:
            return "".join(chr(random.randrange(32, 127)) for _ in range(random.randrange(_STRINGS)))
        return random.choice(_NAMES)
