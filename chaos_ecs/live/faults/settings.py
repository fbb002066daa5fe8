"""LIMIT: settings of the container itself, as `docker update` changes them, and their values before put back."""

from __future__ import annotations

import json
from collections.abc import Mapping

from docker import APIClient

from chaos_ecs.live.faults import inside
from chaos_ecs.live.faults import victim as victims
from chaos_ecs.live.faults.outcomes import NOTHING_DONE, Hit, RefusedError, harmed_before
from chaos_ecs.live.faults.victim import Victim

NO_LIMIT = -1
"""The engine's word for it in an update; 0 there means to leave a setting as it is, as null does. So what was 0 or null
cannot be so again: `docker inspect` then tells CpuQuota -1 and PidsLimit 0, which mean the same."""

_LIFTED = {"CpuPeriod": 100_000, "CpuShares": 1024}
"""The kernel's own values, for settings that know no "no limit"."""


class Limit:
    """Each line of `do` is NAME=VALUE, with a whole number and the name that the engine's API has for it."""

    def prior(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        wanted = _wanted(hit)
        if _are(victim, wanted):
            raise harmed_before(", ".join(f"{name} is {_said(value)}" for name, value in wanted.items()))
        return json.dumps({name: victim.settings.get(name) for name in wanted})

    def inject(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        wanted = _wanted(hit)
        if _are(victim, wanted):
            return inside.effect(client, hit, "")
        before = inside.baseline(client, hit)
        update(client, victim, wanted)
        return inside.effect(client, hit, before)

    def undo(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        if not hit.prior:
            return NOTHING_DONE
        prior = {name: value or _LIFTED.get(name, NO_LIMIT) for name, value in json.loads(hit.prior).items()}
        update(client, victim, prior)
        said = ", ".join(f"{name} is {_said(value)} again" for name, value in prior.items())
        return f"{said}{inside.recovery(client, hit)}"


def _wanted(hit: Hit) -> dict[str, int]:
    pairs = (line.partition("=") for line in hit.recipe.do)
    return {name.strip(): int(value) for name, _, value in pairs}


def _are(victim: Victim, values: Mapping[str, int]) -> bool:
    """What was set to no limit at all, the engine tells as 0, null or -1."""
    return all((victim.settings.get(name) or NO_LIMIT) == value for name, value in values.items())


def _said(value: int) -> str:
    return "unlimited" if value == NO_LIMIT else str(value)


def update(client: APIClient, victim: Victim, values: Mapping[str, int]) -> None:
    """Not by the SDK's `update_container`, which does not know all of them. What its kernel cannot do the engine leaves
    out, and says so in a warning."""
    url = client._url("/containers/{0}/update", victim.id)
    answer = client._result(client._post(url, json=dict(values)), json=True)
    if warnings := answer.get("Warnings"):
        raise RefusedError(" ".join(warnings))
    if not _are(victims.look(client, victim.id), values):
        raise RefusedError(f"the engine did not take {', '.join(values)}")
