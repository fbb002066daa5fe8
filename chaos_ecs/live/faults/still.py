"""FREEZE and STALL: the container's processes stand still, by the freezer or by SIGSTOP, and go on."""

from __future__ import annotations

from docker import APIClient

from chaos_ecs.core.recipe import Joins
from chaos_ecs.live.faults import victim as victims
from chaos_ecs.live.faults.helpers import Toolbox
from chaos_ecs.live.faults.outcomes import NOTHING_DONE, Hit, RefusedError, StuckError, harmed_before
from chaos_ecs.live.faults.victim import Victim

_STATE_SECONDS = 2.0  # for a signal to arrive
_STOPPED = "T"


class Freeze:
    """docker pause: the kernel gives it no processor time; what was on its way to it waits."""

    def prior(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        _must_not_be_paused(victim)
        return victims.noted(victims.answers(victim))

    def inject(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        if not victim.paused:
            client.pause(victim.id)
        if not victims.look(client, victim.id).paused:
            raise RefusedError("the engine says that it is not paused")
        return f"paused{victims.silence(victim, victims.recalled(hit.prior), hit.recipe.probe_seconds)}"

    def undo(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        if not hit.prior:
            return NOTHING_DONE
        if victim.paused:
            client.unpause(victim.id)
        if victims.look(client, victim.id).paused:
            raise StuckError("the engine says that it is paused still")
        return f"not paused any more{victims.voice(victim, hit.recipe.probe_seconds)}"


class Stall:
    """SIGSTOP: to the main process through the engine, since nobody else can stop it; where it has others, to those
    from a helper among them. A server's listening process is often a child of the main one."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    def prior(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        _must_not_be_paused(victim)
        states = _states(client, victim)
        if stopped := _stopped(states):
            raise harmed_before(f"{stopped} of {len(states)} processes are stopped (state T)")
        return victims.noted(victims.answers(victim))

    def inject(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        self._toolbox.end_errand(client, hit)
        states = _states(client, victim)
        client.kill(victim.id, "SIGSTOP")
        trouble = "" if len(states) == 1 else self._signal_others(client, hit, "STOP")
        states = victims.eventually(
            lambda: _states(client, victim), lambda found: _is_stopped(found, victim.pid), _STATE_SECONDS
        )
        if not _is_stopped(states, victim.pid):
            raise RefusedError(f"its main process is in state {states.get(victim.pid, 'unknown')}, not stopped")
        try:
            silence = victims.silence(victim, victims.recalled(hit.prior), hit.recipe.probe_seconds)
        except RefusedError as refused:
            raise RefusedError(f"{refused}{trouble}") from refused
        return f"{_stopped(states)} of {len(states)} processes are stopped (state T){silence}"

    def undo(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        self._toolbox.end_errand(client, hit)
        if not hit.prior:
            return NOTHING_DONE
        states = _states(client, victim)
        if _is_stopped(states, victim.pid):
            client.kill(victim.id, "SIGCONT")
        if any(_is_stopped(states, pid) for pid in states if pid != victim.pid):
            self._signal_others(client, hit, "CONT")
        states = victims.eventually(lambda: _states(client, victim), lambda found: not _stopped(found), _STATE_SECONDS)
        if _stopped(states):
            raise StuckError("some of its processes are stopped still (state T)")
        return f"no process is stopped any more{victims.voice(victim, hit.recipe.probe_seconds)}"

    def _signal_others(self, client: APIClient, hit: Hit, signal: str) -> str:
        """Why it could not be done, if so, as the end of a sentence. `kill -1` spares the first process and its own."""
        ran = self._toolbox.run(client, hit, f"kill -s {signal} -- -1", (Joins.PROCESSES,), ("KILL",))
        return "" if ran.code == 0 else f" (its other processes could not be stopped: {ran.says})"


def _must_not_be_paused(victim: Victim) -> None:
    """By somebody else, that is: undoing would let it go on."""
    if victim.paused:
        raise harmed_before("it is paused")


def _states(client: APIClient, victim: Victim) -> dict[int, str]:
    """The state of each process, by the engine's number for it, as ps writes it."""
    listed = client.top(victim.id, "-o pid,stat")
    return {int(row[0]): row[1] for row in listed.get("Processes") or ()}


def _is_stopped(states: dict[int, str], pid: int) -> bool:
    return states.get(pid, "").startswith(_STOPPED)


def _stopped(states: dict[int, str]) -> int:
    """How many of them are."""
    return sum(_is_stopped(states, pid) for pid in states)
