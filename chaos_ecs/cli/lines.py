"""What the live log says of each event: a word, whom it is about, a sentence, what was measured. Pure.

Here lives the wording. Never here: columns (see `layout.py`), colours and the screen (see `livelog.py`), and the
`key=value` form for pipes (see `plain.py`). A type that is not known here is told in the controller's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from chaos_ecs.cli import deploylines, experimentlines, faultlines, instancelines, schedulelines
from chaos_ecs.cli.line import Line, recovered_in, seconds
from chaos_ecs.cli.snapshot import Event, name_of, short

_AWS_CHECK_SECONDS = 30  # HealthCheckIntervalSeconds of an Application Load Balancer's target group
_AWS_LONGEST_SECONDS = 27 * 60  # Developer Guide, "Service throttle logic"
_AWS_DRAINING_SECONDS = 300  # deregistration_delay.timeout_seconds


def lines_of(events: Sequence[Event]) -> list[Line]:
    """The lines for events that came together, oldest first. What a better line says already is left out, and
    tasks of which the same is to be said at the same moment share a line."""
    recovered = {(event.service, event.at): event for event in events if event.type == "SERVICE_RECOVERED"}
    steady = {(event.service, event.at) for event in events if event.type == "SERVICE_STEADY"}
    told_by_service = {
        task for event in events if event.type == "SERVICE_TASKS_STOPPED" for task in event.get("tasks") or ()
    }
    lines: list[Line] = []
    for event in without_doubles(events):
        where = (event.service, event.at)
        if event.type == "SERVICE_RECOVERED" and where in steady:
            continue
        if event.type == "TASK_STOPPING" and event.task in told_by_service:
            continue
        line = _WORDING.get(event.type, _other)(event)
        if event.type == "SERVICE_STEADY" and where in recovered:
            line = _with_recovery(line, recovered[where])
        if lines and line.ids and replace(lines[-1], ids=()) == replace(line, ids=()):
            lines[-1] = replace(line, ids=lines[-1].ids + line.ids)
        else:
            lines.append(line)
    return lines


def without_doubles(events: Sequence[Event]) -> list[Event]:
    """Without those that another event says better at the same moment, for lines and sentences alike."""
    draining = {(event.service, event.at) for event in events if event.type == "TARGETS_DRAINING"}
    healthy = {(event.task, event.at) for event in events if event.type == "TASK_HEALTHY"}
    doubles = {"TARGETS_DEREGISTERED": draining, "TARGET_HEALTH_CHANGED": healthy}
    return [
        event
        for event in events
        if event.type not in SILENT
        and not faultlines.is_told_elsewhere(event)
        and not {(event.service, event.at), (event.task, event.at)} & doubles.get(event.type, set())
    ]


# SERVICE_TASKS_STARTED: its tasks' own lines say more. ACTIVATING: RUNNING follows in a moment.
# DEPLOYMENT_COMPLETED: STEADY says so at the same moment.
SILENT = ("SERVICE_TASKS_STARTED", "TASK_ACTIVATING", "DEPLOYMENT_COMPLETED")


def _with_recovery(line: Line, event: Event) -> Line:
    return replace(line, measured=recovered_in(event.get("seconds") or 0.0), measured_brief=None)


def _other(event: Event) -> Line:
    return Line(event.at, "begun", "EVENT", name_of(event.service), detail=event.message or event.type)


def _service_event(event: Event) -> Line:
    """A sentence of ECS's own that we have no line for: with --endpoint it may say anything."""
    return Line(event.at, "begun", "EVENT", detail=event.message, reason=True)


def _about(event: Event) -> tuple[str, tuple[str, ...]]:
    return name_of(event.service), (short(event.task),) if event.task else ()


def _ready(event: Event) -> Line:
    return Line(event.at, "begun", "READY", detail=event.message)


def _engine_lost(event: Event) -> Line:
    return Line(event.at, "attention", "ENGINE", detail=event.message, reason=True)


def _engine_connected(event: Event) -> Line:
    return Line(event.at, "steady", "ENGINE", detail=event.message)


def _created(event: Event) -> Line:
    return Line(event.at, "begun", "CREATED", detail=event.message)


def _ended(event: Event) -> Line:
    return Line(event.at, "stopped", "ENDED", detail=event.message)


def _service_created(event: Event) -> Line:
    definition = name_of(event.get("taskDefinition") or "")
    detail = f"service {name_of(event.service)}, desired {event.get('desiredCount')}, {definition}"
    refusal = _not_on_aws(event)
    return Line(event.at, "begun", "CREATED", detail=detail + refusal, reason=bool(refusal))


def _not_on_aws(event: Event) -> str:
    """The end of a line about what runs here though AWS would have refused it."""
    refusal = event.get("awsRefuses")
    return f"; AWS would answer: {refusal}" if refusal else ""


def _service_updated(event: Event) -> Line:
    before, now = event.get("previousDesiredCount"), event.get("desiredCount")
    counts = f"desired {now}" if before in (now, None) else f"desired {before} -> {now}"
    definition = name_of(event.get("taskDefinition") or "")
    return Line(event.at, "begun", "UPDATED", detail=f"service {name_of(event.service)}, {counts}, {definition}")


def _service_deleted(event: Event) -> Line:
    brief = f"service {name_of(event.service)}"
    return Line(event.at, "stopped", "DRAINING", detail=event.message.replace(" is DRAINING", "", 1), brief=brief)


def _service_inactive(event: Event) -> Line:
    brief = f"service {name_of(event.service)}"
    return Line(event.at, "stopped", "INACTIVE", detail=event.message.replace(" is INACTIVE", "", 1), brief=brief)


def _tasks_stopping(event: Event) -> Line:
    ids = tuple(short(task) for task in event.get("tasks") or ())
    return Line(event.at, "stopped", "STOPPING", name_of(event.service), ids, event.get("cause") or "", "")


def _throttled(event: Event) -> Line:
    delay = event.get("delay")
    retry = "" if delay is None else f", next try in {delay:.0f}s"
    brief = f"{name_of(event.service)}: starts fail{retry}"
    aws = "" if delay is None or delay >= _AWS_LONGEST_SECONDS else "AWS: grows to 27 min"
    return Line(event.at, "attention", "THROTTLE", detail=event.message, brief=brief, aws=aws)


def _flapping(event: Event) -> Line:
    sentence = f"{event.get('exits')} exits in {event.get('seconds') or 0:g}s, not throttled"
    return Line(event.at, "attention", "FLAPPING", name_of(event.service), detail=sentence, reason=True)


def _standby_ready(event: Event) -> Line:
    who, ids = _about(event)
    after = event.get("after")
    measured = "" if after is None else f"ready after {seconds(after)}"
    return Line(event.at, "pending", "STANDBY", who, ids, "started and paused: waits for a task to die", "paused",
                measured=measured, measured_brief="" if after is None else seconds(after))  # fmt: skip


def _standby_lost(event: Event) -> Line:
    who, ids = _about(event)
    code = event.get("exitCode")
    exited = "" if code is None else f"exit {code}  "
    detail = f"{exited}{event.get('reason') or event.message}"
    return Line(event.at, "attention", "LOST", who, ids, f"the standby: {detail}", reason=True)


def _steady(event: Event) -> Line:
    after = event.get("after")
    measured = f"after {seconds(after)}" if after is not None else ""
    count = event.get("runningCount")
    brief = name_of(event.service) + ("" if count is None else f" {count}/{count}")
    return Line(event.at, "steady", "STEADY", detail=event.message, brief=brief, measured=measured)


def _recovered(event: Event) -> Line:
    who = name_of(event.service)
    return Line(event.at, "steady", "RECOVERED", who, measured=recovered_in(event.get("seconds") or 0.0))


def _task_created(event: Event) -> Line:
    who, ids = _about(event)
    if fills := event.get("fills"):
        return Line(
            event.at,
            "begun",
            "STARTED",
            who,
            ids,
            f"a NEW task; {short(fills)} is never restarted",
            "a NEW task",
            measured=f"decided after {seconds(event.get('decidedAfter'))}",
            measured_brief=f"+{seconds(event.get('decidedAfter'))}",
        )
    if not event.service:
        cause = str(event.get("cause") or "")
        whose = cause if cause.startswith("schedule ") else "standalone: no service owns it"
        refusal = _not_on_aws(event)
        brief = None if refusal else "standalone"
        return Line(event.at, "begun", "STARTED", who, ids, whose + refusal, brief, reason=bool(refusal))
    return Line(event.at, "begun", "STARTED", who, ids, event.get("cause") or "", "")


def _task_pending(event: Event) -> Line:
    who, ids = _about(event)
    return Line(event.at, "pending", "PENDING", who, ids, "image " + " ".join(event.get("images") or ()), "")


def _task_pulling(event: Event) -> Line:
    who, ids = _about(event)
    image = event.get("image") or "?"
    detail = f"image {image} is not here yet: it is fetched or built"
    return Line(event.at, "pending", "PULLING", who, ids, detail, f"image {image}")


def _task_running(event: Event) -> Line:
    who, ids = _about(event)
    after = event.get("runningAfter")
    if after is not None:
        return Line(event.at, "running", "RUNNING", who, ids, "", None, False, f"running after {seconds(after)}",
                    f"+{seconds(after)}")  # fmt: skip
    if event.get("after") is None:
        return Line(event.at, "running", "RUNNING", who, ids)
    return Line(event.at, "running", "RUNNING", who, ids, measured=f"started in {seconds(event.get('after'))}",
                measured_brief=seconds(event.get("after")))  # fmt: skip


def _task_stopping(event: Event) -> Line:
    who, ids = _about(event)
    return Line(event.at, "stopped", "STOPPING", who, ids)


def _task_killed(event: Event) -> Line:
    who, ids = _about(event)
    left, desired = event.get("left"), event.get("desiredCount")
    measured = f"{left} of {desired} left" if left is not None else "nobody will replace it"
    signal = event.get("signal") or "a signal"
    detail = f"{signal}, by a fault: {fault}" if (fault := event.get("fault")) else f"{signal}, by you: chaos-ecs kill"
    return Line(event.at, "killed", "KILLED", who, ids, detail, signal, measured=measured)


def _task_stopped(event: Event) -> Line:
    who, ids = _about(event)
    code = event.get("exitCode")
    exited = f"exit {code}  " if code is not None else ""
    if not event.get("reachedRunning"):
        detail = f"{exited}{event.get('stoppedReason') or event.get('stopCode') or ''}"
        return Line(event.at, "stopped", "STOPPED", who, ids, detail, reason=True, measured="never reached RUNNING")
    stop_code = event.get("stopCode") or ""
    why = event.get("reason") or ""
    detail = f"{exited}{stop_code}" + (f"  {why}" if why else "")
    line = Line(event.at, "stopped", "STOPPED", who, ids, detail, exited.strip(), reason=bool(why))
    if not event.service:
        return replace(line, measured=_standalone_end(event))
    noticed = event.get("noticedAfter")
    if noticed is None:
        return line
    return replace(line, measured=f"noticed after {seconds(noticed)}", measured_brief=f"+{seconds(noticed)}")


def _standalone_end(event: Event) -> str:
    """What the end of a standalone task means: ECS has no word for it, a learner needs one."""
    if event.get("ranFor") is None:
        return "nobody replaces it"
    took = seconds(event.get("ranFor"))
    if event.get("stopCode") == "UserInitiated":
        return f"STOPPED after {took}"
    if event.get("exitCode") == 0:
        return f"FINISHED in {took}"
    return f"{'KILLED' if event.get('exitCode') == 137 else 'FAILED'} after {took}"


def _health(event: Event) -> Line:
    who, ids = _about(event)
    word = str(event.get("healthStatus") or "UNKNOWN")
    return Line(event.at, "attention" if word == "UNHEALTHY" else "running", word, who, ids)


def _stray(event: Event) -> Line:
    return Line(event.at, "attention", "STRAY", detail=event.message, reason=True)


def _without_effect(event: Event) -> Line:
    return Line(event.at, "attention", "NO EFFECT", detail=event.message, reason=True)


def _container_restarted(event: Event) -> Line:
    who, ids = _about(event)
    detail = f"container {event.get('container')} exited {event.get('exitCode')}: its restart policy starts it again"
    return Line(event.at, "attention", "RESTARTED", who, ids, detail=detail, reason=True)


def _client_failing(event: Event) -> Line:
    brief = f"requests fail: {event.get('cause')}"
    return Line(event.at, "attention", "CLIENT", name_of(event.service), detail=event.message, brief=brief)


def _client_recovered(event: Event) -> Line:
    figures = f"{event.get('failed')} of {event.get('requests')} requests failed"
    measured = f"served again after {seconds(event.get('seconds'))}"
    return Line(event.at, "steady", "CLIENT", name_of(event.service), detail=figures, measured=measured,
                measured_brief=f"+{seconds(event.get('seconds'))}")  # fmt: skip


def _those(event: Event) -> tuple[str, tuple[str, ...]]:
    """Of an event about several tasks."""
    return name_of(event.service), tuple(short(task) for task in event.get("tasks") or ())


def _task_healthy(event: Event) -> Line:
    who, ids = _about(event)
    after = event.get("after")
    if after is None:
        return Line(event.at, "running", "HEALTHY", who, ids)
    aws = "AWS: up to 30s" if after < _AWS_CHECK_SECONDS else ""  # an ALB's first check of a target, by default
    return Line(event.at, "running", "HEALTHY", who, ids, measured=f"healthy after {seconds(after)}",
                measured_brief=f"+{seconds(after)}", aws=aws)  # fmt: skip


def _task_unhealthy(event: Event) -> Line:
    who, ids = _those(event)
    why = str(event.get("reason") or event.get("cause") or event.message)
    return Line(event.at, "attention", "UNHEALTHY", who, ids, why, reason=True)


def _targets_registered(event: Event) -> Line:
    who, ids = _those(event)
    return Line(event.at, "pending", "LB", who, ids, "registered: its health checks begin", "registered")


def _targets_deregistered(event: Event) -> Line:
    who, ids = _those(event)
    return Line(event.at, "stopped", "LB", who, ids, "taken out of rotation")


def _targets_draining(event: Event) -> Line:
    who, ids = _those(event)
    delay = event.get("delay")
    detail = "out of rotation; requests under way may finish"
    measured = "" if delay is None else f"at most {delay:g}s"
    aws = f"AWS: {_AWS_DRAINING_SECONDS}s" if delay is not None and delay < _AWS_DRAINING_SECONDS else ""
    return Line(event.at, "stopped", "LB", who, ids, detail, "out of rotation", measured=measured, aws=aws)


def _target_health(event: Event) -> Line:
    who, ids = _about(event)
    if event.get("state") == "healthy":
        after = event.get("after")
        measured = "" if after is None else f"checked after {seconds(after)}"
        return Line(event.at, "running", "LB", who, ids, "its health checks pass", "in rotation", measured=measured,
                    measured_brief="" if after is None else f"+{seconds(after)}")  # fmt: skip
    why = event.get("description") or event.get("reason") or "its health checks fail"
    return Line(event.at, "attention", "LB", who, ids, f"{event.get('state')}: {why}", reason=True)


def _balancer_up(event: Event) -> Line:
    return Line(event.at, "steady", "BALANCER", detail=event.message)


def _balancer_lost(event: Event) -> Line:
    return Line(event.at, "attention", "BALANCER", detail=event.message, reason=True)


def _discovery_up(event: Event) -> Line:
    return Line(event.at, "steady", "NAMES", detail=event.message)


def _discovery_lost(event: Event) -> Line:
    return Line(event.at, "attention", "NAMES", detail=event.message, reason=True)


def _scaled(event: Event) -> Line:
    brief = f"desired {event.get('previousDesiredCount')} -> {event.get('desiredCount')}"
    cause = event.get("cause")
    return Line(event.at, "begun", "SCALED", name_of(event.service), detail=f"{brief}, {cause}" if cause else brief,
                brief=brief)  # fmt: skip


def _scaling(event: Event) -> Line:
    return Line(event.at, "begun", "SCALING", detail=event.message, reason=True)


def _protection(event: Event) -> Line:
    who, ids = _about(event)
    if event.get("until") is None:
        return Line(event.at, "running", "UNPROTECTED", who, ids, "scale-in and deployments may stop it again", "")
    left = f"for {seconds(event.get('until') - event.at)}"
    detail = "scale-in and deployments leave it alone"
    return Line(event.at, "steady", "PROTECTED", who, ids, detail, "", measured=left)


def _balancer_created(event: Event) -> Line:
    arn = str(event.get("loadBalancer") or "")  # .../app/NAME/ID
    return Line(
        event.at, "begun", "CREATED", detail=event.message, brief=f"load balancer {name_of(arn.rpartition('/')[0])}"
    )


def _listener_created(event: Event) -> Line:
    port = event.get("hostPort")
    brief = event.message if port is None else f"a listener: http://127.0.0.1:{port}/"
    return Line(event.at, "begun", "CREATED", detail=event.message, brief=brief)


def _moved(event: Event) -> Line:
    return Line(event.at, "attention", "MOVED", detail=event.message, reason=True)


_WORDING: dict[str, Callable[[Event], Line]] = {
    **deploylines.WORDING,
    **faultlines.WORDING,
    **experimentlines.WORDING,
    **schedulelines.WORDING,
    **instancelines.WORDING,
    "CONTROLLER_STARTED": _ready,
    "ENGINE_CONNECTED": _engine_connected,
    "ENGINE_LOST": _engine_lost,
    "CLUSTER_CREATED": _created,
    "CLUSTER_DELETED": _ended,
    "TASK_DEFINITION_REGISTERED": _created,
    "TASK_DEFINITION_DEREGISTERED": _ended,
    "SERVICE_CREATED": _service_created,
    "SERVICE_EVENT": _service_event,
    "SERVICE_UPDATED": _service_updated,
    "SERVICE_DELETED": _service_deleted,
    "SERVICE_INACTIVE": _service_inactive,
    "SERVICE_TASKS_STOPPED": _tasks_stopping,
    "SERVICE_THROTTLED": _throttled,
    "SERVICE_FLAPPING": _flapping,
    "STANDBY_READY": _standby_ready,
    "STANDBY_LOST": _standby_lost,
    "SERVICE_STEADY": _steady,
    "SERVICE_RECOVERED": _recovered,
    "TASK_CREATED": _task_created,
    "TASK_PENDING": _task_pending,
    "TASK_PULLING": _task_pulling,
    "TASK_RUNNING": _task_running,
    "TASK_STOPPING": _task_stopping,
    "TASK_STOPPED": _task_stopped,
    "TASK_KILLED": _task_killed,
    "TASK_HEALTH_CHANGED": _health,
    "STRAY_FOUND": _stray,
    "WITHOUT_EFFECT": _without_effect,
    "CONTAINER_RESTARTED": _container_restarted,
    "TARGET_GROUP_CREATED": _created,
    "TARGET_GROUP_DELETED": _ended,
    "LOAD_BALANCER_CREATED": _balancer_created,
    "LOAD_BALANCER_DELETED": _ended,
    "LISTENER_CREATED": _listener_created,
    "LISTENER_DELETED": _ended,
    "LISTENER_MOVED": _moved,
    "TASK_HEALTHY": _task_healthy,
    "TASK_UNHEALTHY": _task_unhealthy,
    "TARGETS_REGISTERED": _targets_registered,
    "TARGETS_DEREGISTERED": _targets_deregistered,
    "TARGETS_DRAINING": _targets_draining,
    "TARGET_HEALTH_CHANGED": _target_health,
    "BALANCER_UP": _balancer_up,
    "BALANCER_LOST": _balancer_lost,
    "DISCOVERY_UP": _discovery_up,
    "DISCOVERY_LOST": _discovery_lost,
    "TASK_PROTECTION_CHANGED": _protection,
    "SERVICE_SCALED": _scaled,
    "SCALING_CHANGED": _scaling,
    "CLIENT_FAILING": _client_failing,
    "CLIENT_RECOVERED": _client_recovered,
}
