"""EXEC: lines of sh that are run in the victim itself; and the probe of a recipe, where that is run in the victim."""

from __future__ import annotations

import time

from docker import APIClient

from chaos_ecs.live.faults import victim as victims
from chaos_ecs.live.faults.outcomes import (
    NOTHING_DONE,
    Hit,
    RefusedError,
    StuckError,
    VictimGoneError,
    harmed_before,
    tag_of,
)
from chaos_ecs.live.faults.victim import Ran, Victim

UNHARMED, SHOWS = 0, 1
_PROBE_SECONDS = 10.0  # a victim short of processor time takes long for one line
_LINES_SECONDS = 45.0
_END_SECONDS = 1.0


class Exec:
    def prior(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        """What the probe says of the victim unharmed. The end that a deadly one brings nobody puts back."""
        return "" if hit.recipe.is_deadly else baseline(client, hit)

    def inject(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        """Empty when the victim has ended of it, which is not for us to tell."""
        if hit.recipe.is_deadly:
            return _kill(client, victim, hit)
        found = _probe(client, hit)
        if found.code == SHOWS:  # asked for again
            return f"{found.says} (before: {hit.prior})"
        ran = victims.run(client, victim.id, _script(hit.recipe.do, "set -e"), within=_LINES_SECONDS, tag=tag_of(hit))
        if ran.code != 0:
            raise RefusedError(ran.says)
        return effect(client, hit, hit.prior)

    def undo(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        if not hit.prior and not hit.recipe.is_deadly:
            return NOTHING_DONE
        if not hit.recipe.undo:
            return "there is nothing to undo"
        ran = victims.run(client, victim.id, _script(hit.recipe.undo), within=_LINES_SECONDS, tag=tag_of(hit))
        if ran.code is None:
            raise StuckError(ran.says)
        return f"undone{recovery(client, hit)}"


def baseline(client: APIClient, hit: Hit) -> str:
    """What the probe says of the victim unharmed. Raises RefusedError when it is not, or cannot be told."""
    found = _probe(client, hit)
    if found.code != UNHARMED:
        raise harmed_before(found.says)
    return found.says


def effect(client: APIClient, hit: Hit, before: str) -> str:
    """What the probe says once the effect shows. Raises RefusedError when it never does."""
    found = victims.eventually(lambda: _probe(client, hit), lambda ran: ran.code == SHOWS, hit.recipe.probe_seconds)
    if found.code != SHOWS:
        raise RefusedError(f"no effect could be measured: {found.says}")
    return f"{found.says} (before: {before})" if before else found.says


def recovery(client: APIClient, hit: Hit) -> str:
    """What the probe says once the effect is gone, as the end of a sentence. Raises StuckError when it still shows."""
    if not hit.recipe.probe:
        return ""
    found = victims.eventually(lambda: _probe(client, hit), lambda ran: ran.code == UNHARMED, hit.recipe.probe_seconds)
    if found.code == SHOWS:
        raise StuckError(f"its effect still shows: {found.says}")
    return f", and {found.says}" if found.code == UNHARMED else f" ({found.says}: not measured)"


def _kill(client: APIClient, victim: Victim, hit: Hit) -> str:
    """Where the lines failed it is not waited for longer than an end needs that is under way."""
    begun = time.monotonic()
    within = hit.recipe.probe_seconds
    try:
        ran = victims.run(client, victim.id, _script(hit.recipe.do), within=within, tag=tag_of(hit))
        left = max(_END_SECONDS, within - (time.monotonic() - begun)) if ran.code == 0 else _END_SECONDS
        victims.eventually(lambda: victims.look(client, victim.id), lambda _: False, left)
    except VictimGoneError:
        return ""
    raise RefusedError(f"it still runs after {time.monotonic() - begun:.0f} s: {ran.says}")


def _probe(client: APIClient, hit: Hit) -> Ran:
    if not hit.recipe.probe:
        return Ran(None, "there is nothing that could measure it")
    return victims.run(client, hit.runtime_id, hit.recipe.probe, within=_PROBE_SECONDS, tag=tag_of(hit))


def _script(lines: tuple[str, ...], first: str = "") -> str:
    return "\n".join((first, *lines))
