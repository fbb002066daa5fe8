"""Events as English sentences, for a screen reader: appended only, no glyphs, no columns. Pure.

Never here: the live log's lines (see `lines.py`). A type that is not known here is told in the controller's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from chaos_ecs.cli import faultlines, instancelines, schedulelines
from chaos_ecs.cli.deploylines import in_stage
from chaos_ecs.cli.line import Line
from chaos_ecs.cli.lines import without_doubles
from chaos_ecs.cli.snapshot import Event, name_of, short
from chaos_ecs.cli.text import counted


def of(events: Sequence[Event], began_at: float) -> list[str]:
    """A sentence or two an event; what another one says already is left out."""
    return _told(events, lambda at: _when(at - began_at))


def of_day(events: Sequence[Event]) -> list[str]:
    """The same with the time of day in front."""
    return _told(events, lambda at: datetime.fromtimestamp(at, UTC).astimezone().strftime("At %H:%M:%S"))


def _told(events: Sequence[Event], when: Callable[[float], str]) -> list[str]:
    recovered = {(event.service, event.at) for event in events if event.type == "SERVICE_RECOVERED"}
    told = []
    for event in without_doubles(events):
        if event.type == "SERVICE_STEADY" and (event.service, event.at) in recovered:
            continue
        told.append(f"{when(event.at)} {_sentence(event)}")
    return told


def _sentence(event: Event) -> str:
    for told in (faultlines.SENTENCES, instancelines.SENTENCES):
        if event.type in told:
            return _ended(told[event.type](event))
    return _SENTENCES.get(event.type, _other)(event)


def of_line(line: Line, began_at: float) -> str:
    """A view's own line as a sentence."""
    about = " ".join(part for part in (line.who, *line.ids) if part)
    parts = [line.word.lower(), about, line.detail, line.measured]
    return f"{_when(line.at - began_at)} {', '.join(part for part in parts if part)}."


def span(value: float | None) -> str:
    """A time as it is spoken: 3.1 seconds, 1 minute 5 seconds."""
    if value is None:
        return "an unknown time"
    if value < 60:
        digits = f"{value:.2f}" if value < 1 else f"{value:.1f}"
        return f"{digits} second{'' if float(digits) == 1 else 's'}"
    return _whole(value)


def _whole(value: float) -> str:
    minutes, left = divmod(int(max(0.0, value)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "hour"), (minutes, "minute"), (left, "second"))
    said = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in parts if count]
    return " ".join(said) or "0 seconds"


def _when(seconds: float) -> str:
    return f"At {_whole(seconds)}"


def _other(event: Event) -> str:
    return _ended(event.message or event.type)


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _task(event: Event) -> str:
    owner = f" of service {name_of(event.service)}" if event.service else ""
    return f"task {short(event.task)}{owner}"


def _count(event: Event) -> str:
    left, desired = event.get("left"), event.get("desiredCount")
    if left is None or desired is None:
        return ""
    return f" Service {name_of(event.service)} has {left} of {desired} tasks."


def _tasks_desired(event: Event) -> str:
    return counted(event.get("desiredCount"), "task")


def _service_created(event: Event) -> str:
    return f"service {name_of(event.service)} is created. It shall have {_tasks_desired(event)}."


def _service_updated(event: Event) -> str:
    return f"service {name_of(event.service)} is changed. It shall have {_tasks_desired(event)}."


def _tasks_stopping(event: Event) -> str:
    tasks = event.get("tasks") or ()
    return _ended(
        f"service {name_of(event.service)} stops {counted(len(tasks), 'task')}: {event.get('cause') or 'as it should'}"
    )


def _flapping(event: Event) -> str:
    times = f"{event.get('exits')} times in {span(float(event.get('seconds') or 0))}"
    return f"service {name_of(event.service)} is flapping: its tasks ended {times}. This is not throttled."


def _steady(event: Event) -> str:
    count = event.get("runningCount")
    tasks = "" if count is None else f" with {counted(count, 'task')}"
    return f"service {name_of(event.service)} has reached a steady state{tasks}."


def _recovered(event: Event) -> str:
    return f"service {name_of(event.service)} is whole again. Recovery took {span(event.get('seconds'))}."


def _task_created(event: Event) -> str:
    if fills := event.get("fills"):
        return f"new {_task(event)} takes the place of {short(fills)}, which is never restarted."
    owner = "" if event.service else " It is standalone: no service owns it."
    return f"{_task(event)} is started.{owner}"


def _task_pending(event: Event) -> str:
    return f"{_task(event)} is pending."


def _task_pulling(event: Event) -> str:
    return f"image {event.get('image')} is not here yet for {_task(event)}. It is fetched or built."


def _task_running(event: Event) -> str:
    if (after := event.get("runningAfter")) is not None:
        return f"{_task(event)} is running, {span(after)} after the death it makes good."
    return f"{_task(event)} is running."


def _task_stopping(event: Event) -> str:
    return f"{_task(event)} is stopping."


def _task_killed(event: Event) -> str:
    fate = _count(event) or ("" if event.service else " Nobody will replace it.")
    return f"you killed task {short(event.task)} with {event.get('signal') or 'a signal'}.{fate}"


def _task_stopped(event: Event) -> str:
    if not event.get("reachedRunning"):
        return _ended(f"{_task(event)} stopped before it ran: {event.get('stoppedReason') or event.get('stopCode')}")
    code, reason = event.get("exitCode"), event.get("reason")
    end = "" if code is None else f" with exit code {code}"
    why = f" Reason: {_ended(str(reason))}" if reason else ""
    return f"{_task(event)} stopped{end}.{why}"


def _health(event: Event) -> str:
    return f"{_task(event)} is {str(event.get('healthStatus') or 'unknown').lower()}."


def _standby_ready(event: Event) -> str:
    return f"standby {short(event.task)} of service {name_of(event.service)} is ready: started and paused."


def _standby_lost(event: Event) -> str:
    return _ended(f"standby {short(event.task)} of service {name_of(event.service)} is lost: {event.get('reason')}")


def _those(event: Event) -> str:
    ids = [short(task) for task in event.get("tasks") or ()]
    return f"{'task' if len(ids) == 1 else 'tasks'} {' '.join(ids)} of service {name_of(event.service)}"


def _are(event: Event) -> str:
    return "is" if len(event.get("tasks") or ()) == 1 else "are"


def _task_healthy(event: Event) -> str:
    after = event.get("after")
    return f"{_task(event)} is healthy" + ("." if after is None else f", after {span(after)}.")


def _task_unhealthy(event: Event) -> str:
    why = str(event.get("reason") or event.get("cause") or "its checks fail")
    return _ended(f"{_those(event)} {_are(event)} unhealthy: {why}")


def _registered(event: Event) -> str:
    return f"{_those(event)} {_are(event)} registered with the load balancer. Health checks begin."


def _deregistered(event: Event) -> str:
    return f"{_those(event)} {_are(event)} taken out of rotation."


def _draining(event: Event) -> str:
    delay = event.get("delay")
    least = "" if delay is None else f", for at most {span(float(delay))}"
    return f"{_those(event)} {_are(event)} out of rotation. Requests under way may finish{least}."


def _target_health(event: Event) -> str:
    if event.get("state") == "healthy":
        return f"{_task(event)} passes its health checks: the load balancer sends it requests."
    why = event.get("description") or event.get("reason") or "its health checks fail"
    return _ended(f"to the load balancer {_task(event)} is {event.get('state')}: {why}")


def _deployment_failed(event: Event) -> str:
    told = f"the deployment of service {name_of(event.service)} failed."
    if (limit := event.get("threshold")) is not None:
        told += f" {counted(event.get('failedTasks'), 'task')} failed, the circuit breaker's limit is {limit}."
    return told if event.get("rollsBack") is not False else f"{told} It is not rolled back."


def _rolled_back(event: Event) -> str:
    definition = event.get("name") or name_of(event.get("taskDefinition") or "")
    return f"service {name_of(event.service)} is rolled back to {definition}."


def _stage(event: Event) -> str:
    stage = str(event.get("stage") or "")
    words = in_stage(stage, float(event.get("productionPercent") or 0)).replace("%", " percent")
    told = f"the deployment of service {name_of(event.service)} is in stage {stage}: {words}."
    minutes, until = event.get("bakeMinutes"), event.get("until")
    if not minutes or until is None:
        return told
    here, there = span(until - event.at), span(minutes * 60.0)
    return f"{told} It bakes for {here}" + ("." if here == there else f", on AWS for {there}.")


def _paused(event: Event) -> str:
    name = name_of(event.service)
    told = f"the deployment of service {name} is paused at {event.get('stage')}."
    return f"{told} The command chaos-ecs service continue {name} continues it."


def _continued(event: Event) -> str:
    does = "rolls back" if event.get("action") == "ROLLBACK" else "goes on"
    late = " Nobody continued it in time." if event.get("status") == "TIMED_OUT" else ""
    return f"the deployment of service {name_of(event.service)} {does} after {event.get('stage')}.{late}"


def _protection(event: Event) -> str:
    until = event.get("until")
    if until is None:
        return f"{_task(event)} is not protected any more."
    return f"{_task(event)} is protected from scale-in and deployments for {span(until - event.at)}."


_SENTENCES: dict[str, Callable[[Event], str]] = {
    "SERVICE_CREATED": _service_created,
    "SERVICE_UPDATED": _service_updated,
    "SERVICE_TASKS_STOPPED": _tasks_stopping,
    "SERVICE_FLAPPING": _flapping,
    "SERVICE_STEADY": _steady,
    "SERVICE_RECOVERED": _recovered,
    "STANDBY_READY": _standby_ready,
    "STANDBY_LOST": _standby_lost,
    "TASK_CREATED": _task_created,
    "TASK_PENDING": _task_pending,
    "TASK_PULLING": _task_pulling,
    "TASK_RUNNING": _task_running,
    "TASK_STOPPING": _task_stopping,
    "TASK_KILLED": _task_killed,
    "TASK_STOPPED": _task_stopped,
    "TASK_HEALTH_CHANGED": _health,
    "TASK_HEALTHY": _task_healthy,
    "TASK_UNHEALTHY": _task_unhealthy,
    "TARGETS_REGISTERED": _registered,
    "TARGETS_DEREGISTERED": _deregistered,
    "TARGETS_DRAINING": _draining,
    "TARGET_HEALTH_CHANGED": _target_health,
    "DEPLOYMENT_FAILED": _deployment_failed,
    "DEPLOYMENT_ROLLED_BACK": _rolled_back,
    "DEPLOYMENT_STAGE": _stage,
    "DEPLOYMENT_PAUSED": _paused,
    "DEPLOYMENT_CONTINUED": _continued,
    "TASK_PROTECTION_CHANGED": _protection,
    **schedulelines.SENTENCES,
}
