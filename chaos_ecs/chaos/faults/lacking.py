"""What the families share: whether an engine has what a fault needs, and how the fault says that it has not."""

from __future__ import annotations

from collections.abc import Sequence

from chaos_ecs.chaos.fault import Ability, Fault, Victim
from chaos_ecs.core.errors import InvalidParameterException

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


def has_all(fault: Fault, victim: Victim) -> bool:
    """Whether the engine has all that the fault needs; False when the fallback has to do.

    Raises InvalidParameterException when there is neither.
    """
    wanted = _missing(victim, fault.needs)
    if not wanted:
        return True
    instead = _missing(victim, fault.otherwise)
    if fault.otherwise and not instead:
        return False
    raise cannot(fault, " and ".join(wanted), " and ".join(instead))


def must_have(fault: Fault, victim: Victim, *abilities: Ability) -> None:
    """For what these parameters need beside. Raises InvalidParameterException."""
    if missing := _missing(victim, abilities):
        raise cannot(fault, " and ".join(missing))


def cannot(fault: Fault, needs: str, instead: str = "") -> InvalidParameterException:
    """Worked example: network-corrupt cannot be injected on this engine. It needs the kernel's queue netem: the kernel
    has no such queue (Specified qdisc kind is unknown)."""
    rest = f", or else {instead}" if instead else ""
    return InvalidParameterException(f"{fault.name} cannot be injected on this engine. It needs {needs}{rest}.")


def _missing(victim: Victim, abilities: Sequence[Ability]) -> list[str]:
    """Each that is not there, with the reason."""
    found = ((ability, victim.abilities.get(ability, "")) for ability in abilities)
    return [f"{_WORDS[ability]}: {reason}" for ability, reason in found if reason]
