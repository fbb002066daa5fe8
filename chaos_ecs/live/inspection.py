"""What Docker says about a container, in our words: inspections and listings become facts, log output lines.

Only translation lives here. What is new about a fact is for `sightings.py` to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from chaos_ecs.core.messages import ContainerSeen, RunState
from chaos_ecs.core.model import HealthStatus, PortBinding
from chaos_ecs.live import labels

# Docker's words and Podman's. A paused container counts as running, as for the ECS agent. "restarting" means that
# the main process is not there. What is in neither list (exited, dead, removing, restarting, stopped) has ended.
_CREATED = ("created", "configured", "initialized")
_RUNNING = ("running", "paused", "stopping")

_HEALTH = {"healthy": HealthStatus.HEALTHY, "unhealthy": HealthStatus.UNHEALTHY}  # "starting" is UNKNOWN
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$")


def container_seen(inspection: Mapping[str, Any]) -> ContainerSeen:
    """What GET /containers/ID/json says of one of ours."""
    state = inspection["State"]
    marks = labels.of(inspection)
    started_at = seconds(state.get("StartedAt", ""))
    run_state = _run_state(state["Status"])
    if run_state is RunState.EXITED and started_at is None:
        run_state = RunState.CREATED  # being removed after a start that failed: it has not ended, it never ran
    exited = run_state is RunState.EXITED
    return ContainerSeen(
        task_arn=marks[labels.TASK],
        name=marks[labels.CONTAINER],
        runtime_id=inspection["Id"],
        state=run_state,
        started_at=started_at,
        finished_at=seconds(state.get("FinishedAt", "")) if exited else None,
        exit_code=state.get("ExitCode") if exited else None,
        oom_killed=bool(state.get("OOMKilled")) and exited,
        paused=state["Status"] == "paused",
        health_status=_health((state.get("Health") or {}).get("Status", "")),
        bindings=() if exited else tuple(_bindings(inspection)),
        image_digest=inspection.get("Image", ""),
        address=_address(inspection) if run_state is RunState.RUNNING else "",
    )


def finished_before(inspection: Mapping[str, Any]) -> float | None:
    """When the container last ended, also if it has been started again since."""
    return seconds(inspection["State"].get("FinishedAt", ""))


def differs(listed: Mapping[str, Any], known: ContainerSeen) -> bool:
    """Whether a line of the listing says another thing than what is known; only then an inspection is worth it."""
    run_state = _run_state(listed["State"])
    if run_state is not known.state or (listed["State"] == "paused") is not known.paused:
        return True
    return run_state is RunState.RUNNING and _listed_health(listed.get("Status") or "") is not known.health_status


def seconds(text: str) -> float | None:
    """Docker's RFC 3339 time, in up to nanoseconds, as seconds since the epoch; None for "never" (year 1)."""
    matched = _TIME.match(text)
    if matched is None or text.startswith("0001-"):
        return None
    whole, fraction, zone = matched.groups()
    return datetime.fromisoformat(whole + zone).timestamp() + float(fraction or 0)


def log_lines(output: bytes) -> list[tuple[float, str]]:
    """(time, line) of a log asked for with timestamps, oldest first: the two streams may overtake each other."""
    lines = []
    for line in output.decode("utf-8", errors="replace").split("\n"):
        stamp, _, text = line.partition(" ")
        at = seconds(stamp)
        if at is not None:
            lines.append((at, text.rstrip("\r")))
    return sorted(lines, key=lambda line: line[0])


def _run_state(status: str) -> RunState:
    if status in _CREATED:
        return RunState.CREATED
    return RunState.RUNNING if status in _RUNNING else RunState.EXITED


def _health(status: str) -> HealthStatus:
    return _HEALTH.get(status, HealthStatus.UNKNOWN)


def _listed_health(status: str) -> HealthStatus:
    """A listing has it only in its text for people, such as "Up 3 minutes (healthy)"."""
    for word, health in _HEALTH.items():
        if f"({word})" in status:
            return health
    return HealthStatus.UNKNOWN


def _address(inspection: Mapping[str, Any]) -> str:
    """In the network it was created in, its cluster's; empty once somebody has disconnected it."""
    network = (inspection.get("HostConfig") or {}).get("NetworkMode", "")
    networks = (inspection.get("NetworkSettings") or {}).get("Networks") or {}
    return str((networks.get(network) or {}).get("IPAddress") or "")


def _bindings(inspection: Mapping[str, Any]) -> Iterator[PortBinding]:
    ports = (inspection.get("NetworkSettings") or {}).get("Ports") or {}
    for port, published in sorted(ports.items()):
        number, _, protocol = port.partition("/")
        for one in published or ():
            if one.get("HostPort"):
                yield PortBinding(int(number), int(one["HostPort"]), protocol or "tcp", one.get("HostIp", ""))
