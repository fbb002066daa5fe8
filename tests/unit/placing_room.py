"""Container instances, tasks and requests of placement, written so short that a row of a table can be read aloud.

`a1 a2(cpu=512 DRAINING) b1(offline stack=prod)`: the letter is the zone. `a1=web,db/512 b1=web!80`: tasks by where they
are; `/512` is how much they take (256 is usual), `!80` a port, `~` one that is about to stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from chaos_ecs.core import arns
from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus, Needs, built_in_attributes
from chaos_ecs.core.placement import Refusal
from chaos_ecs.core.placement_rules import constraints_of, strategies_of
from chaos_ecs.core.rooms import PlacedTask, PlacementRequest
from tests.builders import CLUSTER

USUAL = 256
_FIELDS = {"az": "attribute:ecs.availability-zone", "": ""}
_STATUSES = tuple(status.value for status in ContainerInstanceStatus)


def arn_of(name: str) -> str:
    """A container instance's ARN; it ends with its name."""
    return arns.container_instance_arn(CLUSTER, name)


def names_of(found: Iterable[str]) -> str:
    return " ".join(arns.name_of(arn) for arn in found)


def told(refusals: Iterable[Refusal]) -> str:
    """Who refuses, and what is lacking: `a1 CPU, b1 MEMBER_OF`."""
    return ", ".join(f"{arns.name_of(refused.instance_arn)} {refused.reason.name}" for refused in refusals)


def instances(text: str) -> list[ContainerInstance]:
    found = re.findall(r"(\w+)(?:\(([^)]*)\))?", text)
    return [_instance(number, name, options.split()) for number, (name, options) in enumerate(found, 1)]


def _instance(number: int, name: str, options: Sequence[str]) -> ContainerInstance:
    pairs = dict(option.split("=") for option in options if "=" in option)
    words = [option for option in options if "=" not in option]
    built_in = built_in_attributes(
        availability_zone=f"us-east-1{name[0]}",
        instance_type=pairs.pop("type", "t3.micro"),
        cpu_architecture=pairs.pop("arch", "x86_64"),
    )
    instance = ContainerInstance(
        arn=arn_of(name),
        cluster_arn=CLUSTER,
        name=name,
        ec2_instance_id=f"i-{name}",
        cpu=int(pairs.pop("cpu", 1024)),
        memory=int(pairs.pop("mem", 1024)),
        number=number,
        registered_at=1000.0 + number,
        capacity_provider=pairs.pop("cp", ""),
        agent_version=pairs.pop("agent", "1.80.0"),
        agent_connected="offline" not in words,
        status=next(
            (ContainerInstanceStatus(word) for word in words if word in _STATUSES), ContainerInstanceStatus.ACTIVE
        ),
    )
    return replace(instance, attributes=(*built_in, *pairs.items()))


def tasks(text: str) -> list[PlacedTask]:
    """Numbered from 1 in the order they are written; their ARNs end with group and number, such as web-3."""
    placed: list[PlacedTask] = []
    for part in text.split():
        name, _, said = part.partition("=")
        for one in said.split(","):
            found = re.fullmatch(r"([\w:]+)(?:/(\d+))?(?:!(\d+))?(~?)", one)
            assert found, one
            size, number = int(found[2] or USUAL), len(placed) + 1
            ports = ((int(found[3]), "tcp"),) if found[3] else ()
            task = PlacedTask(
                arns.task_arn(CLUSTER, f"{found[1]}-{number}"),
                arn_of(name),
                found[1],
                Needs(size, size, ports),
                number,
                is_wanted=not found[4],
            )
            placed.append(task)
    return placed


def ask(
    count: int = 1,
    *,
    by: str = "",
    only: str = "",
    cpu: int = USUAL,
    mem: int = USUAL,
    ports: str = "",
    group: str = "web",
    standalone: bool = False,
    cp: str = "",
    seed: int = 1,
    attributes: tuple[tuple[str, str | None], ...] = (),
) -> PlacementRequest:
    """`by` are strategies, such as "spread az, binpack memory"; `only` constraints, "distinctInstance; EXPRESSION"."""
    pairs = [one.strip().partition(" ")[::2] for one in by.split(",") if one]
    said = [one.strip() for one in only.split(";") if one]
    return PlacementRequest(
        Needs(cpu, mem, tuple((int(port), "tcp") for port in ports.split()), attributes),
        group,
        count,
        is_service=not standalone,
        strategies=strategies_of([(kind, _FIELDS.get(field, field)) for kind, field in pairs]),
        constraints=constraints_of([(one, "") if one == "distinctInstance" else ("memberOf", one) for one in said]),
        capacity_provider=cp,
        seed=seed,
    )
