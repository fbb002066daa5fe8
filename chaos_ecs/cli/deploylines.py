"""What the live log says of deployments: their beginning, their stages, their end. Pure, and a part of `lines.py`."""

from __future__ import annotations

from collections.abc import Callable

from chaos_ecs.cli.line import Line, seconds
from chaos_ecs.cli.snapshot import Event, name_of

_MINUTE_SECONDS = 60  # of a bake time, on AWS

_STAGES = {
    "RECONCILE_SERVICE": "tasks of an unfinished deployment stop first",
    "PRE_SCALE_UP": "before any new task starts",
    "SCALE_UP": "new tasks start; no requests reach them",
    "POST_SCALE_UP": "the new tasks run; no requests reach them",
    "TEST_TRAFFIC_SHIFT": "test requests go to the new tasks",
    "POST_TEST_TRAFFIC_SHIFT": "test requests go to the new tasks: try them",
    "PRE_PRODUCTION_TRAFFIC_SHIFT": "before anybody's requests move",
    "POST_PRODUCTION_TRAFFIC_SHIFT": "all requests go to the new tasks",
    "BAKE_TIME": "the old tasks run on, just in case",
    "CLEAN_UP": "the old tasks stop",
}


def in_stage(stage: str, production: float) -> str:
    """A stage of a deployment in plain words; `production` is percent of the requests that the new tasks get."""
    if stage == "PRODUCTION_TRAFFIC_SHIFT":
        return f"{production:g}% to the new tasks"
    return _STAGES.get(stage, "the deployment goes on")


def _minutes(value: float) -> str:
    """1 min, 24 h: as it is on AWS."""
    return f"{value / 60:g} h" if value >= 60 and value % 60 == 0 else f"{value:g} min"


def _deployment_stage(event: Event) -> Line:
    """The stage is never folded away, so that the service's name is a part of the sentence."""
    stage, percent = str(event.get("stage") or ""), float(event.get("productionPercent") or 0)
    minutes, until = event.get("bakeMinutes"), event.get("until")
    detail = f"{name_of(event.service)}  {stage}: {in_stage(stage, percent)}"
    brief = f"{stage} {percent:g}%" if stage == "PRODUCTION_TRAFFIC_SHIFT" else stage
    if not minutes or until is None:
        return Line(event.at, "begun", "STAGE", detail=detail, brief=brief)
    here = until - event.at
    aws = f"AWS: {_minutes(minutes)}" if here < minutes * _MINUTE_SECONDS else ""
    return Line(event.at, "begun", "STAGE", detail=detail, brief=brief, measured=f"bakes {seconds(here)}",
                measured_brief=seconds(here), aws=aws)  # fmt: skip


def _paused(event: Event) -> Line:
    name = name_of(event.service)
    told = f"at {event.get('stage')}: chaos-ecs service continue {name}"
    expires_at = event.get("expiresAt")
    if expires_at is None:
        return Line(event.at, "attention", "PAUSED", name, detail=told, reason=True)
    does = "goes on" if event.get("timeoutAction") == "CONTINUE" else "rolls back"
    return Line(event.at, "attention", "PAUSED", name, detail=told, reason=True,
                measured=f"{does} in {seconds(expires_at - event.at)}")  # fmt: skip


def _continued(event: Event) -> Line:
    does = "rolls back" if event.get("action") == "ROLLBACK" else "goes on"
    how = "nobody continued it in time" if event.get("status") == "TIMED_OUT" else "it was told so"
    detail = f"{does} after {event.get('stage')}: {how}"
    return Line(event.at, "begun", "CONTINUED", name_of(event.service), detail=detail, brief=does)


def _deploying(event: Event) -> Line:
    return Line(event.at, "begun", "DEPLOY", detail=event.message)


def _deployment_failed(event: Event) -> Line:
    failed, limit = event.get("failedTasks"), event.get("threshold")
    detail = f"{failed} failed tasks, limit {limit}: TRIGGERED" if limit is not None else "the deployment failed"
    if event.get("rollsBack") is False:
        detail += ", no rollback: what serves goes on serving"
    return Line(event.at, "attention", "BREAKER", name_of(event.service), detail=detail, reason=True)


def _rolled_back(event: Event) -> Line:
    definition = event.get("name") or name_of(event.get("taskDefinition") or "")
    return Line(event.at, "begun", "ROLLBACK", name_of(event.service), detail=f"back to {definition}")


def _stuck(event: Event) -> Line:
    return Line(event.at, "attention", "STUCK", detail=event.message, reason=True)


def _out_of_balance(event: Event) -> Line:
    return Line(event.at, "begun", "ZONES", detail=event.message, reason=True)


def _balanced(event: Event) -> Line:
    return Line(event.at, "steady", "ZONES", detail=event.message, reason=True)


def _misplaced(event: Event) -> Line:
    return Line(event.at, "attention", "MISPLACED", detail=event.message, reason=True)


WORDING: dict[str, Callable[[Event], Line]] = {
    "DEPLOYMENT_STARTED": _deploying,
    "DEPLOYMENT_FAILED": _deployment_failed,
    "DEPLOYMENT_ROLLED_BACK": _rolled_back,
    "DEPLOYMENT_STUCK": _stuck,
    "SERVICE_ZONES_UNBALANCED": _out_of_balance,
    "SERVICE_ZONES_BALANCED": _balanced,
    "SERVICE_DAEMON_MISPLACED": _misplaced,
    "DEPLOYMENT_STAGE": _deployment_stage,
    "DEPLOYMENT_PAUSED": _paused,
    "DEPLOYMENT_CONTINUED": _continued,
}
