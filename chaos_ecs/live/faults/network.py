"""DETACH: the container is taken out of its network, and put back with the address and the names it had."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from docker import APIClient
from docker.errors import APIError

from chaos_ecs.live import engine
from chaos_ecs.live.faults import victim as victims
from chaos_ecs.live.faults.outcomes import NOTHING_DONE, Hit, RefusedError, StuckError
from chaos_ecs.live.faults.victim import Victim

_log = logging.getLogger(__name__)


class Detach:
    """From the network that `do` names, else from the one it was made in, its cluster's. `look_at` is told, since the
    engine's events about containers say nothing of it."""

    def __init__(self, look_at: Callable[[str], None]) -> None:
        self._look_at = look_at

    def prior(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        name = hit.recipe.do[0] if hit.recipe.do else str(victim.settings.get("NetworkMode", ""))
        endpoint = victim.networks.get(name)
        if endpoint is None or not _address(victim, name):
            raise RefusedError(f"it has no address in the network {name or 'of its cluster'}")
        found = {"network": name, "address": endpoint["IPAddress"], "aliases": endpoint.get("Aliases") or []}
        return json.dumps(found)

    def inject(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        had = json.loads(hit.prior)
        before = None
        if _address(victim, had["network"]):
            before = victims.answers(victim)
            client.disconnect_container_from_network(victim.id, had["network"])
            self._look_at(victim.id)
        now = victims.look(client, victim.id)
        if address := _address(now, had["network"]):
            raise RefusedError(f"it has the address {address} still")
        return f"it has lost its address {had['address']}{_silence(victim, before, hit)}"

    def undo(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        if not hit.prior:
            return NOTHING_DONE
        had = json.loads(hit.prior)
        if not _address(victim, had["network"]):
            _connect(client, victim, had)
            self._look_at(victim.id)
        now = victims.look(client, victim.id)
        address = _address(now, had["network"])
        if not address:
            raise StuckError(f"it has no address in the network {had['network']}")
        another = "" if address == had["address"] else f": {had['address']} was not to be had"
        again = "again" if not another else "now"
        return f"it has the address {address} {again}{another}{victims.voice(now, hit.recipe.probe_seconds)}"


def _address(victim: Victim, network: str) -> str:
    return str((victim.networks.get(network) or {}).get("IPAddress") or "")


def _silence(victim: Victim, before: victims.Answer | None, hit: Hit) -> str:
    """A container that was found detached publishes no port that could be asked."""
    return victims.silence(victim, before, hit.recipe.probe_seconds) if before else ""


def _connect(client: APIClient, victim: Victim, had: dict[str, Any]) -> None:
    """With the same address where the engine lets us choose, which it does only in networks whose range somebody chose.
    In others it gives the lowest that is free: the same one, unless another container took it meanwhile."""
    try:
        client.connect_container_to_network(
            victim.id, had["network"], ipv4_address=had["address"], aliases=had["aliases"]
        )
    except APIError as error:
        if not engine.has_answered(error):
            raise
        _log.info("the address %s is not ours to choose: %s", had["address"], engine.why(error))
        client.connect_container_to_network(victim.id, had["network"], aliases=had["aliases"])
