"""Whether an engine has what a fault needs, and how that is refused where it has not. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from chaos_ecs.chaos.fault import Abilities, Ability, Fault, Victim
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.recipe import Recipe

_WORDS = {
    Ability.HELPER: "a helper container in the task's network",
    Ability.STATISTIC: "iptables' match 'statistic'",
    Ability.REJECT: "iptables' target REJECT",
    Ability.REDIRECT: "iptables' target REDIRECT",
    Ability.NETEM: "the kernel's queue netem",
    Ability.TBF: "the kernel's queue tbf",
    Ability.CGROUP: "a helper container inside the task's cgroup",
    Ability.FILES: "a helper container that sees the task's files",
    Ability.FREEZER: "docker pause",
    Ability.PIDS: "docker update --pids-limit",
    Ability.QUOTA: "docker update --cpu-quota",
}


def recipe_for(fault: Fault, victim: Victim) -> Recipe:
    """How the victim is hurt, on an engine that has what the fault needs, or else what its fallback needs.

    Raises InvalidParameterException when it has neither, or the fault cannot be had so.
    """
    wanted = _missing(victim, fault.needs)
    instead = _missing(victim, fault.otherwise)
    if wanted and (instead or not fault.otherwise):
        raise cannot(fault, " and ".join(wanted), " and ".join(instead))
    return fault.recipe(victim)


def must_have(fault: Fault, victim: Victim, *abilities: Ability) -> None:
    """For what these parameters need beside. Raises InvalidParameterException."""
    if missing := _missing(victim, abilities):
        raise cannot(fault, " and ".join(missing))


def cannot(fault: Fault, needs: str, instead: str = "") -> InvalidParameterException:
    """Worked example: network-corrupt cannot be injected on this engine. It needs the kernel's queue netem: the kernel
    has no such queue (Specified qdisc kind is unknown)."""
    rest = f", or else {instead}" if instead else ""
    return InvalidParameterException(f"{fault.name} cannot be injected on this engine. It needs {needs}{rest}.")


def missing(needed: Sequence[Ability], abilities: Abilities) -> dict[Ability, str]:
    """Those that are not there, with the reason of each."""
    return {ability: abilities[ability] for ability in needed if abilities.get(ability)}


def _missing(victim: Victim, needed: Sequence[Ability]) -> list[str]:
    return [f"{_WORDS[ability]}: {reason}" for ability, reason in missing(needed, victim.abilities).items()]
