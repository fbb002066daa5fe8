"""The register of all faults, in the order in which they are listed, and what can be read off it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chaos_ecs.chaos.fault import Abilities, Fault
from chaos_ecs.chaos.faults.control_plane import (
    AgentDisconnect,
    ApiError,
    ApiThrottle,
    ApiUnavailable,
    CrashLoop,
    FailingHealthCheck,
    ImagePullFailure,
)
from chaos_ecs.chaos.faults.cutting import (
    DnsFailure,
    NetworkBlackholePort,
    NetworkDisconnect,
    NetworkPartition,
    NetworkReject,
)
from chaos_ecs.chaos.faults.instances import AzPowerInterruption, DrainInstance, InstanceStop, SpotInterruption
from chaos_ecs.chaos.faults.network import (
    NetworkCorrupt,
    NetworkDuplicate,
    NetworkLatency,
    NetworkPacketLoss,
    NetworkRate,
    NetworkReorder,
)
from chaos_ecs.chaos.faults.resources import (
    CpuStress,
    CpuThrottle,
    DiskFill,
    Hang,
    IoStress,
    KillProcess,
    MemoryStress,
    Oom,
    Pause,
    PidsExhaust,
)
from chaos_ecs.chaos.faults.tasks import Kill, StopTask, Wait
from chaos_ecs.chaos.lacking import missing
from chaos_ecs.chaos.parameters import parameters_of
from chaos_ecs.core.errors import InvalidParameterException

FAULTS: tuple[type[Fault], ...] = (
    Kill,
    StopTask,
    KillProcess,
    Pause,
    Hang,
    Oom,
    CpuStress,
    CpuThrottle,
    MemoryStress,
    IoStress,
    DiskFill,
    PidsExhaust,
    NetworkLatency,
    NetworkPacketLoss,
    NetworkBlackholePort,
    NetworkReject,
    NetworkRate,
    NetworkCorrupt,
    NetworkDuplicate,
    NetworkReorder,
    NetworkPartition,
    NetworkDisconnect,
    DnsFailure,
    DrainInstance,
    InstanceStop,
    AzPowerInterruption,
    SpotInterruption,
    AgentDisconnect,
    ApiThrottle,
    ApiError,
    ApiUnavailable,
    ImagePullFailure,
    CrashLoop,
    FailingHealthCheck,
    Wait,
)

NOT_OFFERED = {
    "clock-skew": "Linux has no clock of its own for a container: CLOCK_REALTIME is the machine's",
}
"""What people ask for and nobody can give them, and why."""


class Verdict(StrEnum):
    WORKS = "works"
    FALLBACK = "works by fallback"
    IMPOSSIBLE = "impossible here"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a fault can be had on an engine; `reason` says why not, or how else."""

    verdict: Verdict
    reason: str = ""


def named(name: str, faults: tuple[type[Fault], ...] = FAULTS) -> type[Fault]:
    """The fault of this name or FIS id. Raises InvalidParameterException."""
    for fault in faults:
        if name in (fault.name, fault.action_id):
            return fault
    if name in NOT_OFFERED:
        raise InvalidParameterException(f"{name} is not offered: {NOT_OFFERED[name]}.")
    raise InvalidParameterException(f"There is no fault {name}. List them: chaos-ecs chaos faults")


def sentence(fault: type[Fault]) -> str:
    """Its line in the catalogue: the first sentence of its docstring."""
    words = " ".join((fault.__doc__ or "").split())
    return words.split(". ")[0].rstrip(".") + "."


def judged(fault: type[Fault], abilities: Abilities) -> Judgement:
    """Whether it works on an engine with these abilities."""
    wanted = missing(fault.needs, abilities)
    if not wanted:
        return Judgement(Verdict.WORKS)
    if fault.otherwise and not missing(fault.otherwise, abilities):
        return Judgement(Verdict.FALLBACK, fault.fallback)
    return Judgement(Verdict.IMPOSSIBLE, "; ".join(wanted.values()))


def entry(fault: type[Fault], verdict: str = "", reason: str = "") -> dict[str, Any]:
    """All that is told of it, as JSON. Limits are numbers, of a duration in seconds; null where there are none."""
    return {
        "name": fault.name,
        "actionId": fault.action_id,
        "scope": fault.scope,
        "sentence": sentence(fault),
        "verdict": verdict or None,
        "reason": reason or None,
        "parameters": [
            {
                "name": item.name,
                "kind": item.kind,
                "help": item.help,
                "default": item.default,
                "choices": list(item.choices) or None,
                "least": None if item.kind == "text" else int(item.least),
                "most": None if item.kind == "text" else int(item.most),
            }
            for item in parameters_of(fault)
        ],
    }
