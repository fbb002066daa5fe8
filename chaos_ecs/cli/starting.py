"""The options of `controller start` and of what it starts."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated

import typer

from chaos_ecs.config import speed as speed_of

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


Listen = Annotated[
    str | None,
    typer.Option("--listen", parser=_ipv4, metavar="ADDRESS", help="Serve others too, at this address, if they sign."),
]
