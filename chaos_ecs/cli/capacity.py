"""`--capacity-provider`: on whose capacity tasks run, as one option for each provider of a strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from chaos_ecs.cli.client import Controller
from chaos_ecs.cli.snapshot import Service

CAPACITY = "--capacity-provider"
_FORM = "is NAME, NAME:WEIGHT or NAME:WEIGHT:BASE, as in FARGATE:1:2"

CapacityOption = Annotated[
    list[str] | None,
    typer.Option(
        CAPACITY,
        metavar="NAME[:WEIGHT[:BASE]]",
        help="Whose capacity to run on, as FARGATE_SPOT; may be repeated.",
    ),
]


def strategy_of(said: Sequence[str] | None) -> list[dict[str, Any]]:
    """A capacityProviderStrategy of what was said, which is () or None where nothing was. Raises a usage error; what
    the numbers may be is for ECS to say. Without a weight it is 1."""
    return [_item(text) for text in said or ()]


def _item(text: str) -> dict[str, Any]:
    name, *numbers = text.split(":")
    if not name or len(numbers) > 2 or not all(number.isdecimal() for number in numbers):
        raise typer.BadParameter(f"{text!r} {_FORM}", param_hint=CAPACITY)
    weight, base = (*map(int, numbers), *(1, 0)[len(numbers) :])
    return {"capacityProvider": name, "weight": weight, "base": base}


def change_of(controller: Controller, known: Service, strategy: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What UpdateService is to be told, where the service has another strategy: ECS has that deployed by force."""
    if not strategy:
        return {}
    found = controller.ecs("DescribeServices", cluster=known.cluster, services=[known.arn])["services"][0]
    if told(found.get("capacityProviderStrategy") or ()) == told(strategy):
        return {}
    return {"capacityProviderStrategy": [*strategy], "forceNewDeployment": True}


def told(strategy: Sequence[dict[str, Any]]) -> str:
    """FARGATE weight 1 base 2, FARGATE_SPOT weight 3; "" for none."""
    return ", ".join(
        f"{item['capacityProvider']} weight {item.get('weight', 0)}"
        + (f" base {item['base']}" if item.get("base") else "")
        for item in strategy
    )
