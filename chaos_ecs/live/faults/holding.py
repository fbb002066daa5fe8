"""HOLD: a helper container does the harm, holds on, and undoes it; here it is made, listened to, and seen off.

Whatever happens to the helper, the hit ends undone: by the helper itself, or, when it was killed, by an errand that
does nothing but undo. Nothing of ours is left when that is told. All but the listening happens in the hit's own lane.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from docker import APIClient
from docker.types import CancellableStream

from chaos_ecs.core.fault_messages import FaultFact, HitActive, HitRefused, HitStuck, HitUndone, InjectHit
from chaos_ecs.core.recipe import Joins
from chaos_ecs.live import engine, labels
from chaos_ecs.live.faults import helpers
from chaos_ecs.live.faults import victim as victims
from chaos_ecs.live.faults.helpers import Helper, Toolbox, Word
from chaos_ecs.live.faults.outcomes import Hit, Key, RefusedError, StuckError, VictimGoneError, gone, key_of

SLACK_SECONDS = 10.0  # what undoing takes beside its probe, on a busy machine
END_SECONDS = 1.0  # between its last word and its end

Act = Callable[[APIClient], None]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    """A helper that is listened to. Guarded by the lock of Holding."""

    hit: Hit
    helper_id: str
    active_told: bool = False
    stream: CancellableStream | None = None
    listener: threading.Thread | None = field(default=None, repr=False)

    @property
    def is_heard(self) -> bool:
        return self.listener is not None and self.listener.is_alive()


class Holding:
    """`tell` takes facts; `later` runs something in the hit's lane, with the connection of that time."""

    def __init__(
        self,
        toolbox: Toolbox,
        tell: Callable[[FaultFact], None],
        later: Callable[[Hit, Act], None],
        on_bug: Callable[[Exception], None],
    ) -> None:
        self._toolbox = toolbox
        self._tell = tell
        self._later = later
        self._on_bug = on_bug
        self._lock = threading.Lock()
        self._held: dict[Key, _Held] = {}
        self._were_active: dict[Key, None] = {}

    def inject(self, client: APIClient, hit: InjectHit) -> None:
        """Makes the helper unless it is there, and listens. A helper that is gone although its effect was told is not
        made again: what it left is undone."""
        name = labels.helper_name(hit.fault_id, hit.index)
        helper = helpers.find(client, self._toolbox.home, name)
        if helper is None and key_of(hit) in self._were_active:
            self._heal(client, hit, "its helper is gone")
            return
        try:
            victim = victims.look(client, hit.runtime_id)
        except VictimGoneError:
            self._see_off(client, hit, helper)
            return
        if helper is None:
            order = helpers.order_of(hit, "hold", hit.seconds)
            helper = helpers.look_at(client, self._toolbox.make(client, victim, hit, name, order))
        if helper is not None and not helper.started:
            self._start(client, helper)
        if helper is not None:
            self._listen(client, hit, helper.id)

    def undo(self, client: APIClient, hit: Hit) -> None:
        helper = helpers.find(client, self._toolbox.home, labels.helper_name(hit.fault_id, hit.index))
        try:
            victim = victims.look(client, hit.runtime_id)
        except VictimGoneError:
            self._see_off(client, hit, helper)
            return
        if Joins.CGROUP in hit.recipe.joins:
            helpers.must_not_be_paused(victim)
        if helper is not None and helper.started:
            if helper.exit_code is None:
                helpers.stop(client, helper.id, hit.recipe.probe_seconds + SLACK_SECONDS)
            was_refused = self._conclude(client, hit, helper.id)
            if not was_refused:
                return
        self._heal(client, hit, "")

    def victim_ended(self, runtime_id: str) -> None:
        """Its helpers have nothing to hold any more. From any thread."""
        with self._lock:
            orphaned = [held for held in self._held.values() if held.hit.runtime_id == runtime_id]
        for held in orphaned:
            self._later(held.hit, partial(self._orphaned, held))

    def close(self) -> None:
        """Stops listening. Helpers hold on."""
        with self._lock:
            streams = [held.stream for held in self._held.values() if held.stream is not None]
            self._held.clear()
        for stream in streams:
            helpers.hang_up(stream)

    # --- its lane ---

    def _start(self, client: APIClient, helper: Helper) -> None:
        try:
            client.start(helper.id)
        except engine.UNREACHABLE as error:
            if engine.has_answered(error):
                helpers.remove(client, helper.id)
            raise

    def _listen(self, client: APIClient, hit: Hit, helper_id: str) -> None:
        """Tells what it has said, and what it will say."""
        with self._lock:
            held = self._held.get(key_of(hit))
            listens = held is not None and held.helper_id == helper_id and held.is_heard
            if held is not None and listens:
                held.active_told = False
            else:
                held = self._held[key_of(hit)] = _Held(hit, helper_id)
        if listens:
            self._tell_active(held, helpers.words(client, helper_id))
            return
        held.listener = threading.Thread(
            target=self._hear_out, args=(client, held), name=f"fault {hit.fault_id}-{hit.index}", daemon=True
        )
        held.listener.start()

    def _ended(self, held: _Held, client: APIClient) -> None:
        """Its output has ended: so has the helper, or only the connection."""
        if not self._is_listened_to(held):
            return  # it was seen off meanwhile
        if helpers.await_end(client, held.helper_id, END_SECONDS) is None:
            with self._lock:
                held.listener = None
            self._listen(client, held.hit, held.helper_id)
        else:
            self._conclude(client, held.hit, held.helper_id)

    def _orphaned(self, held: _Held, client: APIClient) -> None:
        if self._is_listened_to(held):
            self._see_off(client, held.hit, helpers.look_at(client, held.helper_id))

    def _conclude(self, client: APIClient, hit: Hit, helper_id: str) -> bool:
        """Tells what became of a helper that has ended, once nothing is left of it; whether it had refused."""
        said = helpers.words(client, helper_id)
        last = said[-1] if said and said[-1].is_last else None
        try:
            victims.look(client, hit.runtime_id)
        except VictimGoneError:
            self._see_off(client, hit, helpers.look_at(client, helper_id))
            return False
        key = key_of(hit)
        with self._lock:
            held = self._held.setdefault(key, _Held(hit, helper_id))
        self._tell_active(held, said)
        if last is None:
            self._heal(client, hit, "its helper was killed")
            return False
        self._forget(client, hit, helper_id)
        match last.told:
            case "undone":
                self._tell(HitUndone(*key, last.says))
            case "stuck":
                self._tell(HitStuck(*key, last.says))
            case _:
                self._tell(HitRefused(*key, last.says))
        return last.told == "refused"

    def _heal(self, client: APIClient, hit: Hit, why: str) -> None:
        """Undoes by an errand what no helper will undo, and tells. What a dead helper was is removed last: it says that
        there is something to heal."""
        dead = helpers.find(client, self._toolbox.home, labels.helper_name(hit.fault_id, hit.index))
        try:
            last = self._toolbox.undo(client, hit, hit.recipe.probe_seconds + SLACK_SECONDS)
        except VictimGoneError:
            self._see_off(client, hit, dead)
            return
        except RefusedError as refused:
            raise StuckError(str(refused)) from refused
        if last is None or last.told != "undone":
            raise StuckError(last.says if last else "what was to undo it ended without a word")
        self._forget(client, hit, dead.id if dead else "")
        self._tell(HitUndone(*key_of(hit), f"{last.says} ({why}: undone by another)" if why else last.says))

    def _see_off(self, client: APIClient, hit: Hit, helper: Helper | None) -> None:
        """There is no victim any more."""
        self._forget(client, hit, helper.id if helper else "")
        if fact := gone(hit):
            self._tell(fact)

    def _forget(self, client: APIClient, hit: Hit, helper_id: str) -> None:
        with self._lock:
            self._held.pop(key_of(hit), None)
            self._were_active.pop(key_of(hit), None)
        if helper_id:
            helpers.remove(client, helper_id)
        self._toolbox.end_errand(client, hit)

    # --- its listener ---

    def _hear_out(self, client: APIClient, held: _Held) -> None:
        try:
            stream = helpers.follow(client, held.helper_id)
            with self._lock:
                held.stream = stream
            for word in helpers.read(stream):
                self._tell_active(held, [word])
        except engine.UNREACHABLE as error:
            _log.info("a helper is not heard any more: %s", engine.why(error))
        except Exception as error:  # noqa: BLE001 - handed on: a bug must stop the controller, not just this thread
            self._on_bug(error)
        self._later(held.hit, partial(self._ended, held))

    def _tell_active(self, held: _Held, said: list[Word]) -> None:
        """Once, and not after its end was told."""
        active = next((word for word in said if word.told == "active"), None)
        with self._lock:
            if active is None or held.active_told or self._held.get(key_of(held.hit)) is not held:
                return
            held.active_told = True
            self._were_active[key_of(held.hit)] = None
            self._tell(HitActive(*key_of(held.hit), active.says))

    def _is_listened_to(self, held: _Held) -> bool:
        with self._lock:
            return self._held.get(key_of(held.hit)) is held
