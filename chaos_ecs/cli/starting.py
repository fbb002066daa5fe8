"""The options of `controller start` and of what it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chaos_ecs.cli.shell import Shell
from chaos_ecs.config import event_targets
from chaos_ecs.config import speed as speed_of
from chaos_ecs.errors import ChaosEcsError

if TYPE_CHECKING:
    from chaos_ecs.wiring import ControllerInfo

Simulate = Annotated[bool, typer.Option("--simulate", help="Without Docker, on a simulator.")]
Seed = Annotated[int, typer.Option(help="The simulator's seed.")]


class PaceName(StrEnum):
    DEMO = "demo"
    AWS = "aws"


PaceOption = Annotated[
    PaceName, typer.Option("--pace", envvar="CHAOS_ECS_PACE", help="demo: at once; aws: with the waits of real ECS.")
]


def _speed(text: str) -> int:
    try:
        return speed_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Clock = Annotated[
    int | None,
    typer.Option("--clock", parser=_speed, metavar="xN", help="N times as fast, on the simulator: x60."),
]


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no IPv4 address, such as 192.168.1.5, or 0.0.0.0 for all") from None


EventsTo = Annotated[
    list[str] | None,
    typer.Option(
        "--events-to",
        metavar="TARGET",
        help="A file, or http://ADDRESS, for EventBridge's events. May be repeated.",
    ),
]
Listen = Annotated[
    str | None,
    typer.Option("--listen", parser=_ipv4, metavar="ADDRESS", help="Serve others too, at this address, if they sign."),
]


def send_events(shell: Shell, events_to: Sequence[str] | None) -> None:
    """What is told beats the environment."""
    if events_to:
        shell.settings_ = replace(shell.settings, events_to=event_targets(events_to))


def must_be_as_asked(
    info: ControllerInfo, *, simulate: bool, pace: str, speed: int, listen: str | None, events_to: Sequence[str]
) -> None:
    """Raises E-ALREADY-RUNNING for a controller that was started otherwise: it is stopped first."""
    if info.simulated != simulate:
        other = "the simulator" if info.simulated else "Docker"
        raise ChaosEcsError(
            "E-ALREADY-RUNNING", f"A controller on {other} is running", f"pid {info.pid}", "chaos-ecs controller stop"
        )
    if info.pace != pace:
        why = f"pid {info.pid}; stopping it stops no task"
        hint = "chaos-ecs controller stop"
        raise ChaosEcsError("E-ALREADY-RUNNING", f"A controller at the pace {info.pace} is running", why, hint)
    if info.speed != speed:
        why, hint = f"pid {info.pid}; the simulator forgets everything when it stops", "chaos-ecs controller stop"
        raise ChaosEcsError("E-ALREADY-RUNNING", f"A controller with clock x{info.speed} is running", why, hint)
    if listen and info.listen.partition(":")[0] != listen:
        why = f"pid {info.pid}; stopping it stops no task"
        what = f"A controller that does not listen on {listen} is running"
        raise ChaosEcsError("E-ALREADY-RUNNING", what, why, "chaos-ecs controller stop")
    if events_to and tuple(info.events_to) != event_targets(events_to):
        why = f"pid {info.pid}; stopping it stops no task"
        what = f"A controller whose events go to {', '.join(info.events_to) or 'nobody'} is running"
        raise ChaosEcsError("E-ALREADY-RUNNING", what, why, "chaos-ecs controller stop")


def event_rows(targets: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Of `controller status`: one a target."""
    for one in targets:
        waiting = f", {one['waiting']} waiting" if one["waiting"] else ""
        lost = "".join(f", {one[name]} {name}" for name in ("dropped", "refused") if one[name])
        trouble = f" ({one['trouble']})" if one["trouble"] else ""
        yield "events to", f"{one['target']}: {one['delivered']} delivered{waiting}{lost}{trouble}"
