"""What a fault is: a frozen dataclass whose fields are its parameters, and one method that says how to hurt and heal.

Everything else about it (the CLI's options, the checks of its parameters, the catalogue, `doctor --faults`) is read off
the class. The families are in `faults/`, the register is `catalogue.py`, and how to add one is in ARCHITECTURE.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from chaos_ecs.core.recipe import Recipe

DEFAULT_SECONDS = 30.0
LONGEST_SECONDS = 12 * 3600.0
"""The FIS user guide's actions reference: durations from one minute to 12 hours; here from a second on."""


class Scope(StrEnum):
    """What a fault is aimed at."""

    TASKS = "tasks"
    SERVICE = "service"
    INSTANCES = "container instances"
    CONTROL_PLANE = "control plane"
    NOTHING = "nothing"  # it only takes its time


class Ability(StrEnum):
    """What an engine and its kernel may have or lack: found out in containers of our own, never on a victim."""

    HELPER = "helper"  # our toolbox image, joined to another container's network, with CAP_NET_ADMIN
    STATISTIC = "statistic"  # iptables -m statistic
    REJECT = "reject"  # iptables -j REJECT
    REDIRECT = "redirect"  # iptables -t nat -j REDIRECT
    NETEM = "netem"  # tc's netem
    TBF = "tbf"  # tc's token bucket
    CGROUP = "cgroup"  # a helper inside another container's cgroup
    FILES = "files"  # a helper that sees another container's files
    FREEZER = "freezer"  # docker pause
    PIDS = "pids"  # docker update --pids-limit
    QUOTA = "quota"  # docker update --cpu-quota


Abilities = Mapping[Ability, str]
"""Why each ability is missing; an empty string where it is there."""

EVERYTHING: Abilities = dict.fromkeys(Ability, "")


@dataclass(frozen=True, slots=True)
class Victim:
    """What a fault may know of a container it is to hit."""

    task: str  # six digits, as people see it
    container: str
    address: str = ""
    ports: tuple[int, ...] = ()  # TCP, inside the container
    memory: int | None = None  # its limit in MiB
    cpu: int = 0  # its limit in ECS's units, 0: none
    peers: tuple[str, ...] = ()  # the addresses of what `to` names
    abilities: Abilities = field(default_factory=lambda: EVERYTHING)

    def has(self, *abilities: Ability) -> bool:
        """Whether its engine has all of these; without the `needs` of a fault its fallback has to do."""
        return not any(self.abilities.get(ability) for ability in abilities)


class Fault:
    """`name` is what people type, `action_id` what FIS calls it (chaos-ecs:* where FIS has none).

    The first sentence of the docstring is its line in the catalogue. `needs` must all be there, or else all of
    `otherwise`, which is then told in the words of `fallback`.
    """

    name: ClassVar[str]
    action_id: ClassVar[str]
    scope: ClassVar[Scope] = Scope.TASKS
    needs: ClassVar[tuple[Ability, ...]] = ()
    otherwise: ClassVar[tuple[Ability, ...]] = ()
    fallback: ClassVar[str] = ""
    capacity_provider: ClassVar[str] = ""  # only tasks of this one can be hit
    fis_targets: ClassVar[tuple[tuple[str, str], ...]] = ()  # key and type, where they do not follow from its scope
    picks: ClassVar[tuple[str, ...]] = ()  # by what container instances are chosen: instances, zone, count

    def describe(self) -> str:
        """What it does to whom, as a sentence's predicate: `drops every packet to port 8080 for 30 s`."""
        raise NotImplementedError

    def recipe(self, victim: Victim) -> Recipe:
        """How this container is hurt, how that is measured, how it is healed. That its engine has what the fault needs
        was seen to. Raises InvalidParameterException for what these parameters cannot do to it."""
        raise NotImplementedError

    def instance_recipe(self) -> Recipe:
        """The same for a container instance as a whole, of a fault that `picks` some."""
        raise NotImplementedError

    @property
    def breaks_network(self) -> bool:
        """Whether a task definition can forbid it (API_RegisterTaskDefinition, enableFaultInjection)."""
        return self.name.startswith("network-")

    @property
    def seconds(self) -> float:
        """How long it lasts from its effect on; 0: it strikes, and that is all."""
        return getattr(self, "duration", 0.0)


# --- parameters ---


def duration(
    default: float = DEFAULT_SECONDS, *, help_: str = "How long it lasts.", most: float = LONGEST_SECONDS
) -> Any:
    """How long, in seconds here and as `30s` or ISO 8601 (`PT30S`) wherever it is written; a second at least."""
    return field(default=default, metadata={"kind": "duration", "help": help_, "least": 1.0, "most": most})


def number(help_: str, *, default: int | None = None, least: int = 0, most: int = 2**31 - 1) -> Any:
    """A whole number; required without a default."""
    return _field(default, {"kind": "number", "help": help_, "least": least, "most": most})


def text(help_: str, *, default: str | None = None, choices: tuple[str, ...] = ()) -> Any:
    """Words, of `choices` where there are any; required without a default."""
    return _field(default, {"kind": "text", "help": help_, "choices": choices})


def also(alias: str, field_: Any) -> Any:
    """The same parameter, which the command line knows by a shorter option too: `--notice`."""
    return field(default=field_.default, metadata={**field_.metadata, "alias": alias})


def _field(default: object, metadata: Mapping[str, Any]) -> Any:
    return field(metadata=metadata) if default is None else field(default=default, metadata=metadata)
