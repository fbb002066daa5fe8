"""Helper containers run by hand beside a real victim, for the tests of `task_images/toolbox/` and of the recipes."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import docker

from chaos_ecs.chaos.fault import Fault, Victim
from chaos_ecs.chaos.lacking import recipe_for
from chaos_ecs.core.recipe import Joins, Recipe
from chaos_ecs.live.labels import Home
from tests.builders import eventually

TOOLBOX = "chaos-ecs/toolbox:1"
MEBIBYTE = 1024 * 1024
PATIENCE_SECONDS = 20.0

# What a fault might leave: rules, chains, queues, files, processes. The built-in chains may be there and empty.
_TRACES = r"""
iptables-save 2>/dev/null | grep -E '^-A |^:[^ ]+ - ' | sed 's/ \[.*//'
tc qdisc show | grep -v ' noqueue '
ls -d /proc/1/root/chaos-ecs* /proc/1/root/tmp/chaos-ecs* /proc/1/root/dev/shm/* 2>/dev/null
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' >/tmp/running
grep -oE 'stress-n[g]|proxy.p[y]|hold.p[y]|chaos-ecs-(oo[m]|cp[u]|memor[y]) ' /tmp/running
true
"""


@dataclass
class Beside:
    """A victim, and what is run beside it."""

    client: docker.APIClient
    home: Home
    id: str
    address: str
    memory: int
    gateway: str
    peers: tuple[str, ...] = ()
    peer: Beside | None = None
    made: list[str] = field(default_factory=list)
    watcher: str = ""

    def recipe(self, fault: Fault, **known: Any) -> Recipe:
        facts: dict[str, Any] = {"ports": (8080,), "memory": self.memory, "address": self.address, "peers": self.peers}
        return recipe_for(fault, Victim(task="0f3a9c", container="app", **(facts | known)))

    def hold(self, recipe: Recipe, *, seconds: float = 60.0, mode: str = "hold", tag: str = "") -> Helper:
        order: dict[str, Any] = {
            "do": recipe.do,
            "undo": recipe.undo,
            "probe": recipe.probe,
            "probeSeconds": recipe.probe_seconds,
            "background": recipe.background,
            "seconds": seconds,
            "mode": mode,
            "tag": tag or f"flt-{secrets.token_hex(5)}-0",
        }
        made = self._started(recipe.joins, recipe.capabilities, {"Env": [f"CHAOS_ECS_ORDER={json.dumps(order)}"]})
        self.made.append(made)
        return Helper(self, made, recipe, order["tag"])

    def traces(self) -> list[str]:
        """As a second helper sees them, which stays beside the victim."""
        if not self.watcher:
            waits = {"Entrypoint": ["sleep", "600"]}
            self.watcher = self._started((Joins.NETWORK, Joins.PROCESSES), ("NET_ADMIN", "SYS_PTRACE"), waits)
        code, output = self._run_in(self.watcher, "/bin/sh", "-c", _TRACES)
        assert code == 0, output
        return output.splitlines()

    def run(self, *command: str, user: str = "") -> tuple[int, str]:
        """In the victim itself."""
        return self._run_in(self.id, *command, user=user)

    def _run_in(self, container: str, *command: str, user: str = "") -> tuple[int, str]:
        made = self.client.exec_create(container, list(command), user=user, environment={"TAG": "test-0"})["Id"]
        output = self.client.exec_start(made).decode()
        return self.client.exec_inspect(made)["ExitCode"] or 0, output

    def begin(self, *command: str) -> None:
        """In the victim itself, and is not waited for."""
        made = self.client.exec_create(self.id, list(command))["Id"]
        self.client.exec_start(made, detach=True)
        eventually(lambda: command[0] in self.run("ps")[1], within=5)

    def sh(self, *lines: str) -> tuple[int, str]:
        """As the executor runs a recipe's lines for EXEC and LIMIT."""
        code, output = self.run("/bin/sh", "-c", "\n".join(lines))
        return code, (output.strip().splitlines() or [""])[-1]

    def get(self, path: str = "/", timeout: float = 5.0) -> tuple[int, float]:
        """An HTTP request from outside: its status, and how many seconds it took."""
        began = time.monotonic()
        connection = HTTPConnection(self.address, 8080, timeout=timeout)
        try:
            connection.request("GET", path)
            status = connection.getresponse()
            status.read()
        finally:
            connection.close()
        return status.status, time.monotonic() - began

    def connection(self) -> socket.socket:
        """To be closed by the caller."""
        return socket.create_connection((self.address, 8080), 5)

    def update(self, settings: dict[str, int]) -> None:
        """As the executor does; the SDK's own call does not know all of them."""
        url = self.client._url("/containers/{0}/update", self.id)
        self.client._raise_for_status(self.client.post(url, json=settings))

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.client.inspect_container(self.id)["State"])

    @property
    def statistics(self) -> dict[str, Any]:
        """As `docker stats` sees it at this moment."""
        return dict(self.client.stats(self.id, stream=False, one_shot=True))

    def alone(self, *command: str, joins: Sequence[Joins] = (), capabilities: Sequence[str] = ()) -> str:
        """What a command prints in a toolbox container that has no order."""
        made = self._started(joins, capabilities, {"Entrypoint": list(command), "WorkingDir": "/chaos"})
        self.made.append(made)
        self.client.wait(made)
        return str(self.client.logs(made, stderr=False).decode())

    def _started(self, joins: Sequence[Joins], capabilities: Sequence[str], config: dict[str, Any]) -> str:
        host: dict[str, Any] = {
            "NetworkMode": f"container:{self.id}" if Joins.NETWORK in joins else "none",
            "CapDrop": ["ALL"],
            "CapAdd": list(capabilities),
            "SecurityOpt": ["no-new-privileges"],
        }
        if Joins.PROCESSES in joins:
            host["PidMode"] = f"container:{self.id}"
        if Joins.CGROUP in joins:
            host["CgroupParent"] = f"/docker/{self.id}"
        body = {"Image": TOOLBOX, "Labels": self.home.labels, "HostConfig": host, **config}
        made = str(self.client.create_container_from_config(body)["Id"])
        self.client.start(made)
        return made

    def tidy(self) -> None:
        """Removes what was run beside it."""
        while self.made:
            self.client.remove_container(self.made.pop(), force=True, v=True)

    def close(self) -> None:
        self.tidy()
        for container in filter(None, (self.watcher, self.id)):
            self.client.remove_container(container, force=True, v=True)


@dataclass
class Helper:
    beside: Beside
    id: str
    recipe: Recipe
    tag: str

    def told(self, what: str) -> str:
        """Waits for the word, and answers what it says."""

        def check() -> str:
            found = [word["says"] for word in self.words if word["told"] == what]
            assert found, self.everything
            return str(found[0])

        return eventually(check, within=PATIENCE_SECONDS)

    def signalled(self, signal: str) -> int:
        """Its exit code."""
        self.beside.client.kill(self.id, signal)
        return self.exit_code

    @property
    def words(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.output.splitlines()]

    @property
    def exit_code(self) -> int:
        return int(self.beside.client.wait(self.id, timeout=PATIENCE_SECONDS)["StatusCode"])

    @property
    def output(self) -> str:
        return str(self.beside.client.logs(self.id, stderr=False).decode())

    @property
    def everything(self) -> str:
        return str(self.beside.client.logs(self.id).decode())


def a_victim(client: docker.APIClient, home: Home, network: str, command: str = "web", memory: int = 64) -> Beside:
    body = {
        "Image": "chaos-ecs/demo:1",
        "Cmd": [command],
        "Labels": home.labels,
        "HostConfig": {
            "NetworkMode": network,
            "Memory": memory * MEBIBYTE,
            "MemorySwap": memory * MEBIBYTE,
        },
    }
    made = str(client.create_container_from_config(body)["Id"])
    client.start(made)
    endpoint = client.inspect_container(made)["NetworkSettings"]["Networks"][network]
    return Beside(client, home, made, endpoint["IPAddress"], memory, endpoint["Gateway"])
