"""The two worlds the contract suite holds to one contract: the simulator's and Docker's.

A World has the runtime under test and what somebody beside it can do to the engine's containers.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Protocol, TypeVar

import docker

from chaos_ecs.core.instance_messages import UseEngine
from chaos_ecs.core.messages import ContainerSeen, Effect, EngineConnected, Fact, RunState, StartContainer
from chaos_ecs.core.model import ContainerDefinition
from chaos_ecs.fleet import Fleet
from chaos_ecs.live import further
from chaos_ecs.live.clock import WallClock
from chaos_ecs.live.engine import Connector, address_of
from chaos_ecs.live.images import Images
from chaos_ecs.live.labels import Home
from chaos_ecs.live.runtime import DockerRuntime
from chaos_ecs.ports import Clock, Runtime
from chaos_ecs.sim.clock import VirtualClock
from chaos_ecs.sim.engine import Behaviour, SimEngine, demo_behaviour
from chaos_ecs.sim.runtime import SimRuntime
from tests.builders import CLUSTER, eventually

T = TypeVar("T")
_Fact = TypeVar("_Fact", bound=Fact)
WITHIN_SECONDS = 20.0

# Told by a signal to take all the memory there is, as itself or in a child.
GREEDY = (
    "/bin/sh",
    "-c",
    "trap 'exec tail /dev/zero' USR1; trap 'tail /dev/zero; exit 3' USR2; while :; do sleep 0.05; done",
)


class World(Protocol):
    runtime: Runtime
    facts: list[Fact]  # all that `poll` has answered since the runtime was opened
    pump: Callable[[], float | None]  # lets what is due happen; when more will be, if that is known

    @property
    def clock(self) -> Clock: ...

    @property
    def host(self) -> str:
        """The engine that containers are started on, as a fleet calls it; empty: the own one, or there is no other."""
        ...

    def advance_until(self, check: Callable[[], T]) -> T:
        """Lets time pass, and polls, until `check` answers something true; that answer."""
        ...

    def advance(self, seconds: float) -> None:
        """Lets this much time pass, unobserved."""
        ...

    def reopen(self) -> None:
        """The controller crashes and another one starts: a new runtime on the same engine."""
        ...

    def kill(self, runtime_id: str) -> None:
        """As `docker kill`, and so on below: behind the runtime's back."""
        ...

    def stop(self, runtime_id: str) -> None: ...
    def remove(self, runtime_id: str) -> None: ...
    def restart(self, runtime_id: str) -> None: ...
    def pause(self, runtime_id: str) -> None: ...
    def exhaust_memory(self, runtime_id: str, *, of_child: bool) -> None:
        """Of a container that is GREEDY: its memory runs out, and the kernel kills its main process, or a child of
        that; then the main one ends by itself with code 3."""
        ...

    def ran_out_of_memory(self, runtime_id: str) -> bool:
        """The engine's own flag."""
        ...

    def engine_runs(self) -> dict[str, None]:
        """The ids of our containers that run, as the engine itself says."""
        ...

    def engine_has(self) -> dict[str, None]:
        """The same, running or not."""
        ...

    def resolve(self, runtime_id: str, name: str) -> frozenset[str]:
        """The addresses of a name, as a program in this container finds them; none for an unknown one."""
        ...

    def keep_file(self, path: str, text: str) -> None:
        """In the state folder, where secrets and environment files are."""
        ...

    def engine_goes(self) -> None: ...
    def engine_returns(self) -> None: ...
    def close(self) -> None: ...


def execute(world: World, *effects: Effect) -> None:
    """As the controller does: not before the engine is connected."""
    await_fact(world, EngineConnected, host=world.host)
    there = (replace(one, engine=world.host) if isinstance(one, StartContainer) else one for one in effects)
    world.runtime.execute(list(there))


def told(world: World, kind: type[_Fact]) -> list[_Fact]:
    """All facts of one kind so far."""
    return [fact for fact in world.facts if isinstance(fact, kind)]


def await_fact(world: World, kind: type[_Fact], **members: object) -> _Fact:
    """The first fact of this kind with these members, waited for."""

    def look() -> _Fact:
        found = [f for f in told(world, kind) if all(getattr(f, m) == v for m, v in members.items())]
        assert found, world.facts
        return found[0]

    return world.advance_until(look)


def await_running(world: World, task_arn: str, name: str = "app") -> ContainerSeen:
    return await_fact(world, ContainerSeen, task_arn=task_arn, name=name, state=RunState.RUNNING)


def containers_now(world: World) -> Sequence[ContainerSeen]:
    """What the engine has, by a fresh runtime's own first look."""
    world.reopen()
    return await_fact(world, EngineConnected, host=world.host).containers


class SimWorld:
    host: str = ""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.engine = SimEngine(self.clock, Random(1), _behaviour)
        self._open()

    def _open(self) -> None:
        self.facts: list[Fact] = []
        self.runtime: Runtime = self._made()
        self.pump: Callable[[], float | None] = self._poll
        self.runtime.open(lambda: None)

    def _made(self) -> Runtime:
        return SimRuntime(self.engine)

    def _poll(self) -> float | None:
        self.facts += self.runtime.poll()
        return self.runtime.next_fact_at()

    def advance_until(self, check: Callable[[], T]) -> T:
        until = self.clock.now() + WITHIN_SECONDS
        while True:
            at = self.pump()
            refusal = ""
            try:
                if answer := check():
                    return answer
            except AssertionError as error:
                refusal = str(error)
            if at is None or at > until:
                raise AssertionError(f"never, and nothing else will happen; the facts were {self.facts}; {refusal}")
            self.clock.advance_to(at)

    def advance(self, seconds: float) -> None:
        self.clock.jump(seconds)

    def reopen(self) -> None:
        self.runtime.close()
        self._open()

    def kill(self, runtime_id: str) -> None:
        self.engine.signal(runtime_id, "SIGKILL")

    def stop(self, runtime_id: str) -> None:
        self.engine.signal(runtime_id, "SIGTERM")

    def remove(self, runtime_id: str) -> None:
        self.engine.remove(runtime_id)

    def restart(self, runtime_id: str) -> None:
        self.clock.jump(0.5)
        self.engine.restart(runtime_id)

    def pause(self, runtime_id: str) -> None:
        self.engine.freeze(runtime_id, True)

    def exhaust_memory(self, runtime_id: str, *, of_child: bool) -> None:
        if not of_child:
            self.engine.run_out_of_memory(runtime_id)
            return
        container = self.engine.containers[runtime_id]
        flagged = replace(container, seen=replace(container.seen, oom_killed=True))
        self.engine.containers[runtime_id] = replace(flagged, behaviour=Behaviour(stop_code=3))
        self.engine.signal(runtime_id, "SIGTERM")

    def ran_out_of_memory(self, runtime_id: str) -> bool:
        return self.engine.containers[runtime_id].seen.oom_killed

    def engine_runs(self) -> dict[str, None]:
        return dict.fromkeys(container.seen.runtime_id for container in self.engine.running())

    def engine_has(self) -> dict[str, None]:
        return dict.fromkeys(self.engine.containers)

    def resolve(self, runtime_id: str, name: str) -> frozenset[str]:
        assert isinstance(self.runtime, SimRuntime)
        return self.runtime.resolve(CLUSTER, name)

    def keep_file(self, path: str, text: str) -> None:
        self.engine.files[path] = text

    def engine_goes(self) -> None:
        self.engine.up = False

    def engine_returns(self) -> None:
        self.engine.up = True

    def close(self) -> None:
        self.runtime.close()


def _behaviour(definition: ContainerDefinition) -> Behaviour:
    """In the simulator every other entry point than the image's own is one that does not exist, but GREEDY."""
    if definition.entry_point == GREEDY:
        return Behaviour()
    if definition.entry_point:
        return Behaviour(cannot_start=f"exec: {definition.entry_point[0]}: executable file not found in $PATH")
    return demo_behaviour(definition)


class DockerWorld:
    """Through a relay where the engine is to go away: the real one has other users."""

    host: str = ""

    def __init__(self, client: docker.APIClient, home: Home, relay: Relay | None = None) -> None:
        self.client = client
        self.home = home
        self.relay = relay
        self.clock = WallClock()
        self._open()

    def _open(self) -> None:
        self.facts: list[Fact] = []
        self.woken = threading.Event()
        self.runtime: Runtime = self._made()
        self.pump: Callable[[], float | None] = self._poll
        self.runtime.open(self.woken.set)

    def _made(self) -> Runtime:
        environment = {"DOCKER_HOST": self.relay.address} if self.relay else None
        return DockerRuntime(Connector(30, environment).connect, self.home, Images)

    def _poll(self) -> float | None:
        self.facts += self.runtime.poll()
        return None

    def advance_until(self, check: Callable[[], T]) -> T:
        def pump_and_check() -> T:
            self.pump()
            return check()

        return eventually(pump_and_check, within=WITHIN_SECONDS, every=0.01)

    def advance(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        eventually(lambda: time.monotonic() >= until, within=seconds + 5)

    def reopen(self) -> None:
        self.runtime.close()
        self._open()

    def kill(self, runtime_id: str) -> None:
        self.client.kill(runtime_id)

    def stop(self, runtime_id: str) -> None:
        self.client.stop(runtime_id, timeout=5)

    def remove(self, runtime_id: str) -> None:
        self.client.remove_container(runtime_id, force=True)

    def restart(self, runtime_id: str) -> None:
        self.client.restart(runtime_id, timeout=0)

    def pause(self, runtime_id: str) -> None:
        self.client.pause(runtime_id)

    def exhaust_memory(self, runtime_id: str, *, of_child: bool) -> None:
        self.client.kill(runtime_id, "SIGUSR2" if of_child else "SIGUSR1")

    def inside(self, runtime_id: str, script: str) -> None:
        """Runs a script in a container, as `docker exec --user 0`, and waits for its end."""
        made = self.client.exec_create(runtime_id, ["/bin/sh", "-c", script], user="0")
        self.client.exec_start(made["Id"])

    def ran_out_of_memory(self, runtime_id: str) -> bool:
        return bool(self.client.inspect_container(runtime_id)["State"]["OOMKilled"])

    def engine_runs(self) -> dict[str, None]:
        return dict.fromkeys(one["Id"] for one in self.client.containers(filters=self.home.filters))

    def engine_has(self) -> dict[str, None]:
        return dict.fromkeys(one["Id"] for one in self.client.containers(all=True, filters=self.home.filters))

    def resolve(self, runtime_id: str, name: str) -> frozenset[str]:
        made = self.client.exec_create(runtime_id, ["nslookup", "-type=a", name])
        told = self.client.exec_start(made["Id"]).decode()
        answer = told.partition("Address:")[2].partition("\n")[2]  # what comes before it is the server's own
        return frozenset(re.findall(r"Address: +([0-9.]+)", answer))

    def keep_file(self, path: str, text: str) -> None:
        file = Path(self.home.path) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def remove_network(self, name: str) -> None:
        """From under whoever is in it. Tried again while somebody is just coming, or has not quite gone: an engine lets
        go of a container's place in a network a moment after it has removed the container."""

        def remove() -> bool:
            for container in self.client.inspect_network(name)["Containers"]:
                self.client.disconnect_container_from_network(container, name, force=True)
            try:
                self.client.remove_network(name)
            except docker.errors.APIError:
                return False
            return True

        eventually(remove, within=10)

    def engine_goes(self) -> None:
        assert self.relay is not None
        self.relay.close()

    def engine_returns(self) -> None:
        assert self.relay is not None
        self.relay.open()

    def close(self) -> None:
        self.runtime.close()
        for one in self.client.containers(all=True, filters=self.home.filters):
            with contextlib.suppress(docker.errors.NotFound):  # a removal that was under way is done
                self.client.remove_container(one["Id"], force=True)
        if self.relay:
            self.relay.close()


class FleetSimWorld(SimWorld):
    """A fleet whose further engine is the one under test."""

    host = "far"

    def _made(self) -> Runtime:
        own = SimRuntime(SimEngine(self.clock, Random(2), _behaviour))
        return Fleet(own, lambda name: SimRuntime(self.engine))

    def _open(self) -> None:
        super()._open()
        self.runtime.execute([UseEngine(self.host, "because the test wants it")])


class FleetDockerWorld(DockerWorld):
    """The same engine twice: as the own one it belongs to another state folder, and so has nothing of ours."""

    def _made(self) -> Runtime:
        own_home = Home(f"{self.home.id}-own", self.home.path)
        own = DockerRuntime(Connector(30).connect, own_home, Images)
        return Fleet(own, lambda name: further.runtime_of(name, Connector(30).connect, self.home, Images))

    def _open(self) -> None:
        self.host = self.relay.address if self.relay else address_of(self.client)
        super()._open()
        self.runtime.execute([UseEngine(self.host, "because the test wants it")])


class Relay:
    """A TCP port in front of the engine's socket, which a test can take away without stopping the engine."""

    def __init__(self, client: docker.APIClient) -> None:
        self._socket_path = address_of(client).removeprefix("unix://")
        self._open_sockets: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listener.getsockname()[1]
        self._serve()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._port}"

    def hold(self) -> None:
        """Nothing passes, and nothing is closed: as where a cable is cut."""
        self._flows.clear()

    def go_on(self) -> None:
        self._flows.set()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._serve()

    def close(self) -> None:
        for one in [self._listener, *self._open_sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open_sockets = []

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                here, _ = listener.accept()
                there = socket.socket(socket.AF_UNIX)
                there.connect(self._socket_path)
                self._open_sockets += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self._flows.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


def can_relay(client: docker.APIClient) -> bool:
    return os.name == "posix" and address_of(client).startswith("unix://")


def a_free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
