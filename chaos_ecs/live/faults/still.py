"""FREEZE and STALL: the container's processes stand still, by the freezer or by SIGSTOP, and go on."""

from __future__ import annotations

from docker import APIClient

from chaos_ecs.core.recipe import Joins
from chaos_ecs.live.faults import victim as victims
from chaos_ecs.live.faults.helpers import Toolbox
from chaos_ecs.live.faults.outcomes import Hit, RefusedError, StuckError
from chaos_ecs.live.faults.victim import Victim

_STATE_SECONDS = 2.0  # for a signal to arrive
_STOPPED = "T"


class Freeze:
    """docker pause: the kernel gives it no processor time; what was on its way to it waits."""

    def inject(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        before = None
        if not victim.paused:
            before = victims.answers(victim)
            client.pause(victim.id)
        if not victims.look(client, victim.id).paused:
            raise RefusedError("the engine says that it is not paused")
        return f"paused{victims.silence(victim, before, hit.recipe.probe_seconds)}"

    def undo(self, client: APIClient, victim: Victim, hit: Hit) -> str:
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

    def inject(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        self._toolbox.end_errand(client, hit)
        states = _states(client, victim)
        before = None if _is_stopped(states, victim.pid) else victims.answers(victim)
        client.kill(victim.id, "SIGSTOP")
        trouble = "" if len(states) == 1 else self._signal_others(client, hit, "STOP")
        states = victims.eventually(
            lambda: _states(client, victim), lambda found: _is_stopped(found, victim.pid), _STATE_SECONDS
        )
        if not _is_stopped(states, victim.pid):
            raise RefusedError(f"its main process is in state {states.get(victim.pid, 'unknown')}, not stopped")
        stopped = sum(state.startswith(_STOPPED) for state in states.values())
        try:
            silence = victims.silence(victim, before, hit.recipe.probe_seconds)
        except RefusedError as refused:
            raise RefusedError(f"{refused}{trouble}") from refused
        return f"{stopped} of {len(states)} processes are stopped (state T){silence}"

    def undo(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        self._toolbox.end_errand(client, hit)
        states = _states(client, victim)
        if _is_stopped(states, victim.pid):
            client.kill(victim.id, "SIGCONT")
        if any(_is_stopped(states, pid) for pid in states if pid != victim.pid):
            self._signal_others(client, hit, "CONT")
        states = victims.eventually(
            lambda: _states(client, victim), lambda found: not _any_stopped(found), _STATE_SECONDS
        )
        if _any_stopped(states):
            raise StuckError("some of its processes are stopped still (state T)")
        return f"no process is stopped any more{victims.voice(victim, hit.recipe.probe_seconds)}"

    def _signal_others(self, client: APIClient, hit: Hit, signal: str) -> str:
        """Why it could not be done, if so, as the end of a sentence. `kill -1` spares the first process and its own."""
        ran = self._toolbox.run(client, hit, f"kill -s {signal} -- -1", (Joins.PROCESSES,), ("KILL",))
        return "" if ran.code == 0 else f" (its other processes could not be stopped: {ran.says})"


def _states(client: APIClient, victim: Victim) -> dict[int, str]:
    """The state of each process, by the engine's number for it, as ps writes it."""
    listed = client.top(victim.id, "-o pid,stat")
    return {int(row[0]): row[1] for row in listed.get("Processes") or ()}


def _is_stopped(states: dict[int, str], pid: int) -> bool:
    return states.get(pid, "").startswith(_STOPPED)


def _any_stopped(states: dict[int, str]) -> bool:
    return any(_is_stopped(states, pid) for pid in states)
