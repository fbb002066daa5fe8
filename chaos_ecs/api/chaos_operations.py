"""What ECS has no operation for: faults, logs, and the controller itself. The model is `chaos-ecs.json`."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from random import Random
from typing import Any

from chaos_ecs import __version__
from chaos_ecs.api import balanced_services, identifiers
from chaos_ecs.api.adding_instances import add_container_instance
from chaos_ecs.api.call import Call, all_settled, done, then
from chaos_ecs.api.fault_operations import FAULT_OPERATIONS
from chaos_ecs.api.page.sessions import INVITED_FOR_SECONDS
from chaos_ecs.api.schedule_operations import describe_schedule, preview_schedule
from chaos_ecs.chaos.victims import SEEDS, Selection, choose, signal_name
from chaos_ecs.core import messages as m
from chaos_ecs.core.arns import short
from chaos_ecs.core.errors import EcsError, InvalidParameterException, ResourceNotFoundException
from chaos_ecs.core.model import Container, Task
from chaos_ecs.core.state import State
from chaos_ecs.errors import ChaosEcsError

ReadLogs = Callable[[str, float, int | None], Sequence[tuple[float, str]]]

DEFAULT_SIGNAL = "SIGKILL"

_Answer = Future[dict[str, Any]]
log = logging.getLogger(__name__)


def get_controller(call: Call) -> _Answer:
    info = call.surroundings.info

    def answer(state: State, now: float) -> dict[str, Any]:
        return {
            "version": __version__,
            "pid": os.getpid(),
            **{name: value() if callable(value) else value for name, value in info.items()},
            "engine": state.engine,
            "engineConnected": state.engine_connected,
            "engineReason": "" if state.engine_connected else state.engine_reason,
        }

    return call.ask(answer)


def stop_controller(call: Call) -> _Answer:
    call.surroundings.stop()
    return done({})


def open_page(call: Call) -> _Answer:
    """Whoever may sign may act on the page too, and may let others look at it."""
    sessions = call.surroundings.sessions
    addresses = call.surroundings.share() if call.params.get("share") else ()
    return done(
        {
            "token": sessions.invite(),
            "expiresInSeconds": INVITED_FOR_SECONDS,
            "guestUrls": [f"{address}/?token={sessions.guest_key()}" for address in addresses],
        }
    )


# --- faults ---


def kill_tasks(call: Call) -> _Answer:
    """Picks between two steps, then hits all victims in the next one."""
    seed = call.params.get("seed", secrets.randbelow(SEEDS))
    dry_run = call.params.get("dryRun", False)
    signal = signal_name(call.params.get("signal", DEFAULT_SIGNAL))

    def pick(state: State, now: float) -> Sequence[Task]:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        return choose(state.tasks_in(cluster), _selection(state, cluster, call.params), Random(seed))

    def hit(victims: Sequence[Task]) -> Future[list[Future[str]]]:
        return all_settled([] if dry_run else [_kill(call, victim.arn, signal) for victim in victims])

    def tell(victims: Sequence[Task], kills: list[Future[str]]) -> dict[str, Any]:
        refusals = [kill.exception() for kill in kills if kill.exception()]
        unexpected = [error for error in refusals if not isinstance(error, EcsError)]
        if unexpected or (refusals and len(refusals) == len(kills)):
            raise (unexpected or refusals)[0]  # type: ignore[misc]
        for refusal in refusals:
            log.debug("a victim had ended before it could be killed: %s", refusal)
        hit_ones = [victim.arn for victim in victims] if dry_run else [k.result() for k in kills if not k.exception()]
        return {"victims": hit_ones, "seed": seed, "dryRun": dry_run}

    return then(call.ask(pick), lambda victims: then(hit(victims), lambda kills: done(tell(victims, kills))))


def _kill(call: Call, task_arn: str, signal: str) -> Future[str]:
    return call.request(lambda state: m.KillTask(task_arn, signal), lambda state, now, events: task_arn)


def _selection(state: State, cluster: str, params: Mapping[str, Any]) -> Selection:
    """Raises InvalidParameterException for what contradicts itself, ServiceNotFoundException for a wrong name."""
    service = params.get("service")
    standalone = params.get("standalone", False)
    if service and standalone:
        raise InvalidParameterException("Specify either service or standalone, but not both.")
    if params.get("tasks") and (service or standalone):
        raise InvalidParameterException("Specify either tasks or a filter (service, standalone), but not both.")
    return Selection(
        tasks=tuple(params.get("tasks", ())),
        service_arn=identifiers.known_service(state, cluster, service).arn if service else None,
        standalone=standalone,
        count=None if params.get("all") else params.get("count", 1),
    )


# --- standbys ---


def set_standby(call: Call) -> _Answer:
    count = call.params["count"]

    def build(state: State) -> m.SetStandby:
        cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
        return m.SetStandby(identifiers.known_service(state, cluster, call.params["service"]).arn, count)

    return call.request(build, lambda state, now, events: {"service": call.params["service"], "count": count})


# --- logs ---


def get_task_logs(call: Call) -> _Answer:
    """Read off the controller's thread, because the engine may take its time."""
    params = call.params
    read = call.surroundings.controller.runtime.logs

    def find(state: State, now: float) -> list[Container]:
        cluster = identifiers.known_cluster(state, call.region, params.get("cluster"))
        task = identifiers.known_task(state, cluster, params["task"])
        wanted = params.get("container")
        if wanted is not None and all(container.name != wanted for container in task.containers):
            raise InvalidParameterException(f"Task {short(task.arn)} has no container '{wanted}'.")
        return [container for container in task.containers if wanted in (None, container.name)]

    return then(
        call.ask(find),
        lambda containers: call.surroundings.background.submit(
            _read_logs, read, containers, params.get("since", 0.0), params.get("tail")
        ),
    )


def _read_logs(read: ReadLogs, containers: Sequence[Container], since: float, tail: int | None) -> dict[str, Any]:
    """Lines of the containers that were made so far; none yet is no error, none any more is. Where none is wanted the
    newest is read all the same: whoever asks on begins after it."""
    lines: list[dict[str, Any]] = []
    gone: list[ChaosEcsError] = []
    made = [(container.name, container.runtime_id) for container in containers if container.runtime_id]
    for name, runtime_id in made:
        try:
            told = read(runtime_id, since, None if tail is None else max(1, tail))
        except ChaosEcsError as error:
            gone.append(error)
            continue
        lines.extend({"at": float(at), "container": name, "message": line} for at, line in told)
    if gone and len(gone) == len(made):
        raise ResourceNotFoundException(f"The logs are not there any more: {gone[0]}")
    lines.sort(key=lambda line: float(line["at"]))
    next_since = lines[-1]["at"] if lines else float(since)
    if tail is not None:
        lines = lines[-tail:] if tail else []
    return {"lines": lines, "nextSince": next_since}


CHAOS_OPERATIONS: Mapping[str, Callable[[Call], _Answer]] = {
    **FAULT_OPERATIONS,
    "AddContainerInstance": add_container_instance,
    "DescribeSchedule": describe_schedule,
    "EnsureServiceLoadBalancer": balanced_services.ensure_service_load_balancer,
    "GetController": get_controller,
    "GetTaskLogs": get_task_logs,
    "KillTasks": kill_tasks,
    "OpenPage": open_page,
    "PreviewSchedule": preview_schedule,
    "RemoveServiceLoadBalancer": balanced_services.remove_service_load_balancer,
    "SetStandby": set_standby,
    "StopController": stop_controller,
}
