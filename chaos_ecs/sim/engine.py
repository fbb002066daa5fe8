"""A container engine in memory: containers that start, run, exit and are killed, at times drawn from a seed.

This is the world, not the controller's view of it: it lives on when a controller crashes. `runtime.py` is the view.
The verbs `kill`, `stop`, `remove`, `restart` are what somebody at a terminal beside the controller could do.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from chaos_ecs.core.fault_messages import InjectHit
from chaos_ecs.core.local_files import Read
from chaos_ecs.core.messages import ContainerSeen, RunState
from chaos_ecs.core.model import ContainerDefinition, HealthCheck, HealthStatus, PortBinding
from chaos_ecs.core.opening import DEMO_IMAGE, WORKLOADS_IMAGE
from chaos_ecs.core.recipe import Symptom
from chaos_ecs.ports import Clock

SIGKILL_CODE = 137
STOPPED_CODE = 143  # told to stop before the work was done
FIRST_HOST_PORT = 49153
LOCALHOST = "127.0.0.1"
_WORK_SECONDS = {"migrate": 5.0, "batch": 5.0, "train": 20.0, "feed": 1.0, "count": 1.0}
FLAG_SECONDS = 0.1  # how long the flag of an end out of memory comes after it


@dataclass(frozen=True)
class Behaviour:
    """How a program behaves: how long it runs (None: for ever), how it ends, and how it takes a stop signal."""

    runs_seconds: float | None = None
    exit_code: int = 0
    stops_after_seconds: float | None = 0.02  # None: ignores the stop signal
    stop_code: int = 0
    cannot_pull: str = ""
    cannot_start: str = ""
    pull_seconds: float = 0.0
    health: HealthStatus = HealthStatus.HEALTHY
    serves: str = "200"  # how it answers a load balancer's check: a code, `silence`, or nothing: it does not listen
    port: int | None = None  # where it does; None: on every port
    cpu_percent: float = 0.0  # of what its task has reserved
    shared_cpu_percent: float = 0.0  # the same, of one task: all tasks of its service share this load


def demo_behaviour(definition: ContainerDefinition) -> Behaviour:
    """What our images' roles do; an image nobody knows cannot be pulled, every other one runs for ever."""
    if "no-such" in definition.image:
        return Behaviour(cannot_pull=f"manifest for {definition.image} not found")
    if definition.image not in (DEMO_IMAGE, WORKLOADS_IMAGE):
        return Behaviour(pull_seconds=1.0)
    environment = dict(definition.environment)
    role = definition.command[0] if definition.command else "web"
    if definition.image == WORKLOADS_IMAGE:
        return _workload_behaviour(role, environment)
    return _role_behaviour(definition, role, environment)


def _workload_behaviour(role: str, environment: dict[str, str]) -> Behaviour:
    if role not in _WORK_SECONDS:
        return Behaviour(serves="200" if role == "api" else "")
    said = environment.get("SECONDS", "")
    seconds = float(said) if said.isdecimal() else _WORK_SECONDS[role]
    return Behaviour(runs_seconds=seconds, stop_code=STOPPED_CODE, serves="")


def _role_behaviour(definition: ContainerDefinition, role: str, environment: dict[str, str]) -> Behaviour:
    match role:
        case "batch":
            seconds = _seconds(definition, environment, 10.0)
            return Behaviour(runs_seconds=seconds, stop_code=STOPPED_CODE, serves="")
        case "migrate":
            fails = environment.get("FAIL", "0") not in ("", "0")
            return Behaviour(runs_seconds=2.0, exit_code=1 if fails else 0, stop_code=STOPPED_CODE, serves="")
        case "flaky":
            seconds = _seconds(definition, environment, 5.0)
            return Behaviour(runs_seconds=seconds, exit_code=1, stop_code=STOPPED_CODE, serves="")
        case "web":
            load = environment.get("LOAD", "")  # the simulator's own: CPU in percent of one task, shared by all
            port, health = environment.get("PORT", ""), environment.get("HEALTH", "")
            serves = health if health.isdecimal() else "200"
            shared = float(load) if load.isdecimal() else 0.0
            listens = int(port) if port.isdecimal() else 8080
            return Behaviour(serves=serves, port=listens, shared_cpu_percent=shared)
        case "worker":
            return Behaviour(serves="")
        case _:
            return Behaviour(runs_seconds=0.0, exit_code=2, serves="")


def always_fails(check: HealthCheck) -> bool:
    """Whether its command can do nothing else, whatever the program does; every other check is taken to succeed."""
    return re.fullmatch(r"(CMD-SHELL|CMD) (exit 0*[1-9]\d*|(/usr)?(/bin/)?false)", " ".join(check.command)) is not None


def _seconds_until_known(check: HealthCheck) -> int:
    """The first success counts, and that many failures in a row; those within the start period do not."""
    if not always_fails(check):
        return check.interval
    passed_over = max(0, check.start_period - 1) // check.interval
    return check.interval * (passed_over + check.retries)


def _seconds(definition: ContainerDefinition, environment: dict[str, str], default: float) -> float:
    """How long to work: the command's second word, or SECONDS_TO_WORK, as the demo image takes it."""
    words = definition.command or ()
    told = words[1] if len(words) > 1 else environment.get("SECONDS_TO_WORK", "")
    return float(told) if told.isdecimal() else default


def _address_number(address: str) -> int:
    _, high, middle, low = address.split(".")
    return int(high) << 16 | int(middle) << 8 | int(low)


@dataclass(frozen=True)
class SimContainer:
    seen: ContainerSeen
    definition: ContainerDefinition
    behaviour: Behaviour
    lines: tuple[tuple[float, str], ...] = ()
    publish_on: str = ""  # the host's address that its ports are published at; empty: 127.0.0.1


@dataclass(frozen=True)
class Hurt:
    """What a fault does to a container, as long as it holds. `prior` as in `core/faulting.py`."""

    runtime_id: str
    symptom: Symptom
    prior: str = ""


class SimEngine:
    def __init__(
        self,
        clock: Clock,
        rng: Random,
        behaviour: Callable[[ContainerDefinition], Behaviour] = demo_behaviour,
        *,
        id: str = "own",  # noqa: A002 - as Docker calls it
    ) -> None:
        self.id = id
        self.clock = clock
        self.rng = rng
        self.behaviour = behaviour
        self.up = True
        self.files: dict[str, str] = {}  # of the state folder, by path: secrets and environment files
        self.read: Read = self.files.get
        self.hurts: dict[tuple[str, int], Hurt] = {}  # by fault and hit
        self.busy_until: dict[tuple[str, int], float] = {}  # what is asked about one hit is done in that order
        self.refuses: Callable[[InjectHit], str] = lambda effect: ""  # why a fault has no effect, "" if it has
        self.containers: dict[str, SimContainer] = {}
        self.changed: Callable[[SimContainer], None] = lambda container: None
        self.gone: Callable[[SimContainer], None] = lambda container: None
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0
        self._builds: dict[str, int] = {}  # of an image, where there was more than one
        self._of_member: dict[tuple[str, str], str] = {}  # (task, container) -> runtime id
        self._ports: dict[int, None] = {}  # taken on the host
        self._next_port = FIRST_HOST_PORT
        self._of_address: dict[str, str] = {}  # -> runtime id, of what runs
        self._free_addresses: list[int] = []  # a heap: given back, and given out again at once, the lowest first

    # --- time ---

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        self._made += 1
        heapq.heappush(self._agenda, (self.clock.now() + seconds, self._made, do))

    def next_at(self) -> float | None:
        return self._agenda[0][0] if self._agenda else None

    def run_due(self) -> None:
        """Lets everything happen whose time has come."""
        while self._agenda and self._agenda[0][0] <= self.clock.now():
            heapq.heappop(self._agenda)[2]()

    # --- what the runtime asks for ---

    def find(self, task_arn: str, name: str) -> SimContainer | None:
        return self.containers.get(self._of_member.get((task_arn, name), ""))

    def digest_of(self, image: str) -> str:
        """What a tag means now."""
        built = f"{image} build {self._builds.get(image, 1)}"
        return "sha256:" + hashlib.sha256(built.encode()).hexdigest()

    def build(self, image: str) -> None:
        """Somebody builds another image under the same name: from now on the tag means that."""
        self._builds[image] = self._builds.get(image, 1) + 1

    def create(
        self, task_arn: str, definition: ContainerDefinition, image_digest: str = "", publish_on: str = ""
    ) -> SimContainer:
        self._made += 1
        image_digest = image_digest or self.digest_of(definition.image)
        runtime_id = hashlib.sha256(f"{task_arn}/{definition.name}/{self._made}".encode()).hexdigest()
        seen = ContainerSeen(task_arn, definition.name, runtime_id, RunState.CREATED, image_digest=image_digest)
        self._of_member[task_arn, definition.name] = runtime_id
        return self._keep(SimContainer(seen, definition, self.behaviour(definition), publish_on=publish_on))

    def adopt(self, ran: Sequence[tuple[ContainerSeen, ContainerDefinition]]) -> None:
        """Begins with containers that ran in another process's engine, and run until somebody ends them: what
        containers do when only their controller was killed."""
        for seen, definition in ran:
            self._of_member[seen.task_arn, seen.name] = seen.runtime_id
            self._ports |= dict.fromkeys(binding.host_port for binding in seen.bindings)
            behaviour = replace(self.behaviour(definition), runs_seconds=None)
            self.containers[seen.runtime_id] = SimContainer(seen, definition, behaviour)
        self._of_address = {seen.address: seen.runtime_id for seen, _ in ran if seen.address}
        taken = dict.fromkeys(_address_number(address) for address in self._of_address)
        self._free_addresses = [number for number in range(1, max(taken, default=0)) if number not in taken]

    def start(self, runtime_id: str) -> str:
        """Starts a created container; answers with why it cannot, or an empty string."""
        container = self.containers.get(runtime_id)
        if container is None:
            return "No such container"
        if container.seen.state is not RunState.CREATED:
            return ""
        if container.behaviour.cannot_start:
            return container.behaviour.cannot_start
        return self._begin(container)

    def start_again(self, runtime_id: str) -> str:
        """As `docker start` of one that has ended; answers as `start` does."""
        container = self.containers.get(runtime_id)
        if container is None or container.seen.state is not RunState.EXITED:
            return ""
        seen = replace(container.seen, finished_at=None, exit_code=None, oom_killed=False)
        return self._begin(replace(container, seen=seen))

    def _begin(self, container: SimContainer) -> str:
        bindings = self._bind(container.definition, container.publish_on or LOCALHOST)
        if isinstance(bindings, str):
            return bindings
        now, runtime_id = self.clock.now(), container.seen.runtime_id
        health = HealthStatus.UNKNOWN
        seen = replace(container.seen, state=RunState.RUNNING, started_at=now, bindings=bindings, health_status=health)
        if not container.definition.settings.network_disabled:
            seen = replace(seen, address=self._give_address(runtime_id))
        container = replace(container, seen=seen, lines=(*container.lines, (now, f"{seen.name} started (simulated)")))
        self._change(container)
        if container.behaviour.runs_seconds is not None:
            code = container.behaviour.exit_code
            self.after(container.behaviour.runs_seconds, lambda: self._exit(runtime_id, code, now))
        if check := container.definition.health_check:
            self.after(_seconds_until_known(check), lambda: self._report_health(runtime_id, now))
        return ""

    def _bind(self, definition: ContainerDefinition, address: str) -> tuple[PortBinding, ...] | str:
        wanted = [mapping.host_port for mapping in definition.port_mappings if mapping.host_port]
        if taken := next((port for port in wanted if port in self._ports), None):
            return f"Bind for {address}:{taken} failed: port is already allocated"
        if definition.settings.network_disabled:
            return ()
        bindings = tuple(
            PortBinding(port, mapping.host_port or self._free_port(), mapping.protocol, address)
            for mapping in definition.port_mappings
            for port in mapping.container_ports
        )
        self._ports |= dict.fromkeys(binding.host_port for binding in bindings)
        return bindings

    def _free_port(self) -> int:
        while self._next_port in self._ports:
            self._next_port += 1
        self._next_port += 1
        return self._next_port - 1

    def _unbind(self, container: SimContainer) -> None:
        for binding in container.seen.bindings:
            self._ports.pop(binding.host_port, None)

    def take_port(self, port: int) -> bool:
        """For a program beside the containers, or the balancer; False when somebody has it already."""
        if port in self._ports:
            return False
        self._ports[port] = None
        return True

    def release_port(self, port: int) -> None:
        self._ports.pop(port, None)

    def at(self, address: str) -> SimContainer | None:
        """Who has this address now."""
        return self.containers.get(self._of_address.get(address, ""))

    def published_at(self, address: str, port: int) -> tuple[SimContainer, int] | None:
        """Who has this port of the host, and which of its own ports that is."""
        for container in self.running():
            for binding in container.seen.bindings:
                if (binding.bind_ip, binding.host_port) == (address, port):
                    return container, binding.container_port
        return None

    def _give_address(self, runtime_id: str) -> str:
        number = heapq.heappop(self._free_addresses) if self._free_addresses else len(self._of_address) + 1
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        self._of_address[address] = runtime_id
        return address

    def _take_address(self, container: SimContainer) -> None:
        if self._of_address.pop(container.seen.address, None):
            heapq.heappush(self._free_addresses, _address_number(container.seen.address))

    # --- what anybody can do ---

    def lose_power(self) -> None:
        """As of a machine: it does not answer, and its containers have ended when it does again."""
        self.up = False
        for container in self.running():
            self.end(container.seen.runtime_id, SIGKILL_CODE)

    def signal(self, runtime_id: str, signal: str) -> None:
        """SIGKILL ends it; any other signal is taken as the stop signal, which a program may ignore."""
        container = self.containers.get(runtime_id)
        if container is None or container.seen.state is not RunState.RUNNING:
            return
        since = container.seen.started_at
        if signal != "SIGKILL":  # which no program lives to tell
            line = (self.clock.now(), f"{container.seen.name} received {signal} (simulated)")
            self.containers[runtime_id] = replace(container, lines=(*container.lines, line))
        if signal == "SIGKILL":
            self.after(self.rng.uniform(0.01, 0.05), lambda: self._exit(runtime_id, SIGKILL_CODE, since))
        elif container.behaviour.stops_after_seconds is not None:
            seconds, code = container.behaviour.stops_after_seconds, container.behaviour.stop_code
            self.after(seconds, lambda: self._exit(runtime_id, code, since))

    def freeze(self, runtime_id: str, paused: bool) -> None:
        """As `docker pause` and `docker unpause`."""
        container = self.containers.get(runtime_id)
        if container and container.seen.state is RunState.RUNNING and container.seen.paused is not paused:
            self._change(replace(container, seen=replace(container.seen, paused=paused)))

    def remove(self, runtime_id: str) -> None:
        """As `docker rm -f`."""
        container = self.containers.pop(runtime_id, None)
        if container:
            self._unbind(container)
            self._take_address(container)
            self.hurts = {key: hurt for key, hurt in self.hurts.items() if hurt.runtime_id != runtime_id}
            self._of_member.pop((container.seen.task_arn, container.seen.name), None)
            self.gone(container)

    def discard(self, runtime_id: str) -> None:
        """Takes away what could not be started; nobody is told, the failed start says it."""
        container = self.containers.pop(runtime_id, None)
        if container:
            self._of_member.pop((container.seen.task_arn, container.seen.name), None)

    def restart(self, runtime_id: str) -> None:
        """As `docker restart`: the same container lives again, without the scheduler having asked for it."""
        container = self.containers.get(runtime_id)
        if container is None:
            return
        since = container.seen.started_at
        self._exit(runtime_id, SIGKILL_CODE, since)
        container = self.containers[runtime_id]
        seen = replace(
            container.seen, state=RunState.RUNNING, started_at=self.clock.now(), finished_at=None, exit_code=None
        )
        self._change(replace(container, seen=replace(seen, address=self._give_address(runtime_id))))

    def run_out_of_memory(self, runtime_id: str) -> None:
        """The end comes first and the flag after it: the order that is harder to get right."""
        container = self.containers.get(runtime_id)
        if container and container.seen.state is RunState.RUNNING:
            self.end(runtime_id, SIGKILL_CODE)
            self.after(FLAG_SECONDS, lambda: self._flag_out_of_memory(runtime_id))

    def end(self, runtime_id: str, code: int) -> None:
        """Its main process ends, with this exit code."""
        if container := self.containers.get(runtime_id):
            self._exit(runtime_id, code, container.seen.started_at)

    def disconnect(self, runtime_id: str) -> None:
        """As `docker network disconnect`: it runs on, and has no address."""
        if container := self.containers.get(runtime_id):
            self._change(replace(container, seen=replace(container.seen, address="")))

    def hurt(self, key: tuple[str, int], hurt: Hurt) -> None:
        """From now on the container shows this symptom."""
        self.hurts[key] = hurt
        if hurt.symptom is Symptom.CUT_OFF:
            self.disconnect(hurt.runtime_id)
        elif hurt.symptom is Symptom.FROZEN:
            self.freeze(hurt.runtime_id, True)

    def heal(self, key: tuple[str, int]) -> None:
        """Harmless when nothing holds any more."""
        hurt = self.hurts.pop(key, None)
        container = self.containers.get(hurt.runtime_id) if hurt else None
        if hurt is None or container is None or container.seen.state is not RunState.RUNNING:
            return
        if hurt.symptom is Symptom.CUT_OFF:
            address = json.loads(hurt.prior)["address"]
            self._change(replace(container, seen=replace(container.seen, address=address)))
        elif hurt.symptom is Symptom.FROZEN:
            self.freeze(hurt.runtime_id, False)

    def symptoms_of(self, runtime_id: str) -> tuple[Symptom, ...]:
        """What holds of it now."""
        return tuple(hurt.symptom for hurt in self.hurts.values() if hurt.runtime_id == runtime_id)

    def set_serves(self, runtime_id: str, answer: str) -> None:
        """From now on it answers a load balancer's checks so."""
        if container := self.containers.get(runtime_id):
            self._keep(replace(container, behaviour=replace(container.behaviour, serves=answer)))

    def set_health(self, runtime_id: str, health: HealthStatus) -> None:
        """From now on its health check says so."""
        if container := self.containers.get(runtime_id):
            self._change(replace(container, seen=replace(container.seen, health_status=health)))

    def running(self) -> Sequence[SimContainer]:
        return [c for c in self.containers.values() if c.seen.state is RunState.RUNNING]

    # --- inside ---

    def _exit(self, runtime_id: str, code: int, since: float | None) -> None:
        container = self.containers.get(runtime_id)
        if container is None or container.seen.state is not RunState.RUNNING or container.seen.started_at != since:
            return
        now = self.clock.now()
        self._unbind(container)
        self._take_address(container)
        seen = replace(container.seen, state=RunState.EXITED, finished_at=now, exit_code=code, paused=False)
        seen = replace(seen, bindings=(), address="")
        self.hurts = {key: hurt for key, hurt in self.hurts.items() if hurt.runtime_id != runtime_id}
        lines = (*container.lines, (now, f"{container.seen.name} exited with code {code} (simulated)"))
        self._change(replace(container, seen=seen, lines=lines))

    def _flag_out_of_memory(self, runtime_id: str) -> None:
        if ended := self.containers.get(runtime_id):
            self._change(replace(ended, seen=replace(ended.seen, oom_killed=True)))

    def _report_health(self, runtime_id: str, since: float) -> None:
        container = self.containers.get(runtime_id)
        if container and container.seen.state is RunState.RUNNING and container.seen.started_at == since:
            check, health = container.definition.health_check, container.behaviour.health
            health = HealthStatus.UNHEALTHY if check and always_fails(check) else health
            self._change(replace(container, seen=replace(container.seen, health_status=health)))

    def _keep(self, container: SimContainer) -> SimContainer:
        self.containers[container.seen.runtime_id] = container
        return container

    def _change(self, container: SimContainer) -> None:
        self.changed(self._keep(container))
