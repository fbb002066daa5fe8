"""The task metadata endpoint, version 4: what a task is told about itself, in the agent's form.

Sources: Developer Guide, "Amazon ECS task metadata endpoint version 4"; amazon-ecs-agent, ecs-agent/tmds/handlers/v4.
Pure, but for asking the controller, and whoever counts for statistics. Only a container of the task is answered, known
by its address; one that asks before its address is known waits for that. Never here: how a request comes in
(`live/agent.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import Any

from chaos_ecs.api.agent_requests import AgentRefusal, AgentRequest, Answer, is_asked_by, refused, task_named
from chaos_ecs.api.call import done, then
from chaos_ecs.controller import Controller
from chaos_ecs.core.arns import family_of, name_of, region_of
from chaos_ecs.core.model import Container, ContainerDefinition, Task, TaskDefinition
from chaos_ecs.core.state import State
from chaos_ecs.core.task_definitions import overridden

PREFIX = "/v4/"
_PATH = re.compile(r"/v4/(?P<task>[^/]+)-(?P<index>[0-9]{1,2})(?P<rest>|/task|/taskWithTags|/stats|/task/stats)/?")
_LABEL = "com.amazonaws.ecs."

MOST_REMEMBERED = 200
LOOK_AGAIN_SECONDS = 0.1
LOOKS = 50
"""A program may ask before the engine has said that its container runs."""
MOST_WAITING = 20
"""For one task."""

Statistics = Callable[[str], Mapping[str, Any] | None]
"""Docker's statistics of a container, by its runtime id; may block for the engine."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Statistics of these containers; of `all`, by their ids."""

    runtime_ids: tuple[str, ...]
    all: bool


_Found = dict[str, Any] | _Wanted


class _TooEarly(Exception):  # noqa: N818 - not an error
    """Whose address it is may be known in a moment."""

    def __init__(self, task_arn: str) -> None:
        super().__init__(task_arn)
        self.task_arn = task_arn


@dataclass(eq=False, slots=True)
class _Waiting:
    """For the addresses of a task that begins."""

    task_arn: str
    request: AgentRequest
    left: int = LOOKS
    found: Future[_Found] = field(default_factory=Future)


class TaskMetadata:
    """`background` is for what may block. Who waits is kept by the loop's thread, and looked after by one timer."""

    def __init__(
        self,
        controller: Controller,
        statistics: Statistics,
        background: Executor,
        after: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._controller = controller
        self._counted = CountedTwice(statistics)
        self._background = background
        self._after = after
        self._waiting: list[_Waiting] = []

    def answer(self, request: AgentRequest) -> Future[Answer]:
        """From any thread; the future never has an exception."""
        told: Future[Answer] = Future()

        def tell(finished: Future[Answer]) -> None:
            error = finished.exception()
            told.set_result(finished.result() if error is None else refused(request, error))

        asked = self._controller.ask(partial(self._ask, request))
        found = then(asked, lambda known: known)
        then(found, self._carry_out).add_done_callback(tell)
        return told

    def _carry_out(self, found: _Found) -> Future[Answer]:
        if isinstance(found, _Wanted):
            return self._background.submit(self._count, found)
        return done((200, found))

    def _count(self, wanted: _Wanted) -> Answer:
        counted = {runtime_id: self._counted(runtime_id) for runtime_id in wanted.runtime_ids}
        return 200, counted if wanted.all else counted[wanted.runtime_ids[0]] or {}

    # --- who asks too early ---

    def _ask(self, request: AgentRequest, state: State, now: float) -> Future[_Found]:
        try:
            return done(_found(request, state))
        except _TooEarly as early:
            waiting = _Waiting(early.task_arn, request)
        others = sum(one.task_arn == waiting.task_arn for one in self._waiting)
        if others >= MOST_WAITING:
            raise _unknown(request)
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            self._after(LOOK_AGAIN_SECONDS, self._look)
        return waiting.found

    def _look(self) -> None:
        self._controller.ask(self._look_at_all).add_done_callback(self._end_where_there_is_no_loop)

    def _look_at_all(self, state: State, now: float) -> None:
        self._waiting = [waiting for waiting in self._waiting if not _is_answered(waiting, state)]
        if self._waiting:
            self._after(LOOK_AGAIN_SECONDS, self._look)

    def _end_where_there_is_no_loop(self, looked: Future[None]) -> None:
        if error := looked.exception():
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                one.found.set_exception(error)


class CountedTwice:
    """Statistics with those of the last time in them, as the agent's are: what a share of CPU is reckoned from."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._lock = Lock()
        self._before: dict[str, Mapping[str, Any]] = {}

    def __call__(self, runtime_id: str) -> Mapping[str, Any] | None:
        told = self._statistics(runtime_id)
        if told is None:
            return None
        with self._lock:
            before = self._before.pop(runtime_id, None)
            self._before[runtime_id] = told
            if len(self._before) > MOST_REMEMBERED:
                del self._before[next(iter(self._before))]
        if before is None:
            return told
        return {**told, "preread": before.get("read"), "precpu_stats": before.get("cpu_stats", {})}


def _is_answered(waiting: _Waiting, state: State) -> bool:
    waiting.left -= 1
    try:
        found = _found(waiting.request, state)
    except _TooEarly:
        if waiting.left:
            return False
        waiting.found.set_exception(_unknown(waiting.request))
    except Exception as error:  # noqa: BLE001 - handed to whoever asked
        waiting.found.set_exception(error)
    else:
        waiting.found.set_result(found)
    return True


def _found(request: AgentRequest, state: State) -> _Found:
    """Raises AgentRefusal, or _TooEarly."""
    found = _PATH.fullmatch(request.path.partition("?")[0])
    if found is None:
        raise AgentRefusal(404, "404 page not found")
    if request.method != "GET":
        raise AgentRefusal(405, "405 method not allowed")
    task, index = task_named(state, found["task"]), int(found["index"])
    if task is None:
        raise _unknown(request)
    if not is_asked_by(task, request):
        raise _TooEarly(task.arn) if any(_is_beginning(one) for one in task.containers) else _unknown(request)
    if index >= len(task.containers):
        raise _unknown(request)
    if found["rest"].endswith("stats"):
        whole = found["rest"] == "/task/stats"
        members = task.containers if whole else (task.containers[index],)
        return _Wanted(tuple(one.runtime_id or "" for one in members if one.runtime_id or not whole), whole)
    definition = state.task_definitions[task.task_definition_arn]
    if not found["rest"]:
        return container_metadata(task, task.containers[index], definition)
    tags = {"TaskTags": dict(task.tags)} if found["rest"] == "/taskWithTags" and task.tags else {}
    return task_metadata(state, task, definition) | tags


def _unknown(request: AgentRequest) -> AgentRefusal:
    endpoint = request.path.removeprefix(PREFIX).partition("?")[0].partition("/")[0]
    return AgentRefusal(404, f"V4 metadata handler: unable to get task arn from request: no endpoint {endpoint}")


def _is_beginning(container: Container) -> bool:
    return container.start_requested_at is not None and not container.is_over and not container.address


def task_metadata(state: State, task: Task, definition: TaskDefinition) -> dict[str, Any]:
    """What `.../task` answers: the task with all its containers; cpu in vCPUs, memory in MiB."""
    size = task.task_override
    cpu, memory = size.cpu or definition.cpu, size.memory or definition.memory
    service = state.services.get(task.service_arn or "")
    return _without_nothing(
        {
            "Cluster": task.cluster_arn,
            "TaskARN": task.arn,
            "Family": definition.family,
            "Revision": str(definition.revision),
            "ServiceName": service.name if service else None,
            "DesiredStatus": task.desired_status,
            "KnownStatus": task.last_status,
            "Limits": _without_nothing({"CPU": cpu / 1024 if cpu else None, "Memory": memory}) or None,
            "PullStartedAt": _time(task.pull_started_at),
            "PullStoppedAt": _time(task.pull_stopped_at),
            "ExecutionStoppedAt": _time(task.execution_stopped_at),
            "AvailabilityZone": f"{region_of(task.arn)}a",
            "LaunchType": task.launch_type,
            "FaultInjectionEnabled": task.fault_injection,
            "Containers": [container_metadata(task, member, definition) for member in task.containers],
        }
    )


def container_metadata(task: Task, container: Container, definition: TaskDefinition) -> dict[str, Any]:
    """What the endpoint itself answers: the container that asks."""
    said = overridden(definition.container(container.name), task.overrides)
    return _without_nothing(
        {
            "DockerId": container.runtime_id,
            "Name": container.name,
            "DockerName": container.name,
            "Image": container.image,
            "ImageID": container.image_digest or None,
            "Ports": [
                {
                    "ContainerPort": one.container_port,
                    "Protocol": one.protocol,
                    "HostPort": one.host_port,
                    "HostIp": one.bind_ip,
                }
                for one in container.bindings
            ]
            or None,
            "Labels": {**dict(said.settings.docker_labels), **_labels(task, container)},
            "DesiredStatus": task.desired_status,
            "KnownStatus": container.last_status,
            "ExitCode": container.exit_code if container.is_over else None,
            "Limits": _without_nothing({"CPU": max(said.cpu, 2), "Memory": said.memory}),
            "CreatedAt": _time(container.start_requested_at),
            "StartedAt": _time(container.started_at),
            "FinishedAt": _time(container.finished_at) if container.is_over else None,
            "Type": "NORMAL",
            "Health": {"status": container.health_status} if said.health_check else None,
            "RestartCount": container.restarts if said.restart_policy else None,
            "Volumes": _volumes(said) or None,
            "LogDriver": said.settings.log.driver if said.settings.log else "json-file",
            "LogOptions": dict(said.settings.log.options) if said.settings.log else None,
            "ContainerARN": container.arn,
            "Networks": [_network(definition, container)],
        }
    )


def _labels(task: Task, container: Container) -> dict[str, str]:
    named = {
        "cluster": task.cluster_arn,
        "container-name": container.name,
        "task-arn": task.arn,
        "task-definition-family": family_of(task.task_definition_arn),
        "task-definition-version": name_of(task.task_definition_arn).rpartition(":")[2],
    }
    return {_LABEL + name: value for name, value in named.items()}


def _network(definition: TaskDefinition, container: Container) -> dict[str, Any]:
    addresses = [container.address] if container.address else []
    return {"NetworkMode": definition.network_mode, "IPv4Addresses": addresses}


def _volumes(said: ContainerDefinition) -> list[dict[str, str]]:
    return [
        _without_nothing(
            {"DockerName": mount.volume or mount.task_volume, "Source": mount.host_path, "Destination": mount.path}
        )
        for mount in said.mounts
    ]


def _without_nothing(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, "")}


def _time(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
