"""What carries out InjectHit and UndoHit on Docker, and answers with facts.

The effects of one hit are carried out in the order they were asked for, those of others beside them. Nothing that the
world does is raised: it becomes a fact, or nothing at all when the engine is gone, since after the next EngineConnected
all that is open is asked for again. Docker's exceptions end here.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from docker import APIClient

from chaos_ecs.core.fault_messages import FaultFact, HitActive, HitPrior, HitRefused, HitStuck, HitUndone, InjectHit
from chaos_ecs.core.messages import ContainerGone, ContainerSeen, Fact, RunState
from chaos_ecs.core.recipe import Means
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine
from chaos_ecs.live.faults import helpers
from chaos_ecs.live.faults import victim as victims
from chaos_ecs.live.faults.helpers import Toolbox
from chaos_ecs.live.faults.holding import SLACK_SECONDS, Act, Holding
from chaos_ecs.live.faults.inside import Exec
from chaos_ecs.live.faults.lanes import Lanes
from chaos_ecs.live.faults.network import Detach
from chaos_ecs.live.faults.outcomes import Hit, Key, RefusedError, StuckError, VictimGoneError, gone, key_of
from chaos_ecs.live.faults.settings import Limit
from chaos_ecs.live.faults.still import Freeze, Stall
from chaos_ecs.live.faults.victim import Victim
from chaos_ecs.live.watcher import Watcher
from chaos_ecs.live.workers import Workers

AT_ONCE = 8
"""So many are hurt at once, and so many healed: memory that runs out takes a minute, and no healing waits for that."""

LEFTOVERS_AFTER_SECONDS = 10.0
"""How long after a connection a helper may stay that nobody has asked about: its fault is on no record."""

REMEMBERED = 1024  # hits that are over; what is asked about them late is asked within seconds

_log = logging.getLogger(__name__)


class Direct(Protocol):
    """Means that are the engine's own calls: done when the call is done, and with no helper that holds on."""

    def prior(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        """What has to be on record before anything is changed, and says afterwards that the change is ours; empty when
        there is nothing to put back. Raises RefusedError when what is to be done is so already, by somebody else."""
        ...

    def inject(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        """A sentence that proves the effect; empty when there is nothing to tell. Harmless when it is asked again.
        Raises RefusedError, VictimGoneError and the SDK's exceptions."""
        ...

    def undo(self, client: APIClient, victim: Victim, hit: Hit) -> str:
        """A sentence that proves that nothing is left. Raises StuckError too."""
        ...


class FaultExecutor:
    """`tell` takes the facts; `on_bug` gets what should never be raised."""

    def __init__(
        self,
        toolbox: Toolbox,
        watcher: Watcher,
        tell: Callable[[FaultFact], None],
        on_bug: Callable[[Exception], None],
        *,
        leftovers_after: float = LEFTOVERS_AFTER_SECONDS,
    ) -> None:
        self._toolbox = toolbox
        self._watcher = watcher
        self._tell_fact = tell
        self._on_bug = on_bug
        self._leftovers_after = leftovers_after
        self._hurting = Workers("fault", AT_ONCE, on_bug)
        self._healing = Workers("fault-healing", AT_ONCE, on_bug)
        self._lanes = Lanes()
        self._holding = Holding(toolbox, self._tell, self._later, on_bug)
        self._direct: dict[Means, Direct] = {
            Means.FREEZE: Freeze(),
            Means.STALL: Stall(toolbox),
            Means.LIMIT: Limit(),
            Means.DETACH: Detach(watcher.look_at),
            Means.EXEC: Exec(),
        }
        self._lock = threading.Lock()  # guards the three below
        self._claimed: dict[Key, None] = {}  # since the present connection was made
        self._over: OrderedDict[Key, HitUndone] = OrderedDict()
        self._connection = threading.Event()  # set when another one takes its place, or all is closed

    def open(self) -> None:
        for workers in (self._hurting, self._healing):
            workers.open()

    def close(self) -> None:
        """Waits for nothing. Helpers hold on, and undo by themselves when their time is up."""
        self._connection.set()
        for workers in (self._hurting, self._healing):
            workers.close()
        self._holding.close()

    def execute(self, effect: Hit) -> None:
        """Returns at once."""
        with self._lock:
            self._claimed[key_of(effect)] = None
        if isinstance(effect, InjectHit):
            self._later(effect, partial(self._inject, effect), self._hurting)
        else:
            self._later(effect, partial(self._undo, effect))

    def connected(self) -> None:
        """A connection begins, and whoever has a record of faults will ask about them. Returns at once."""
        with self._lock:
            self._claimed.clear()
            self._connection.set()
            ends = self._connection = threading.Event()
        threading.Thread(target=self._end_leftovers, args=(ends,), name="fault-leftovers", daemon=True).start()

    def noticed(self, facts: Iterable[Fact]) -> None:
        """Of what was seen, the end of victims is to be known here. Returns at once."""
        for fact in facts:
            if isinstance(fact, ContainerGone) or (isinstance(fact, ContainerSeen) and fact.state is RunState.EXITED):
                self._holding.victim_ended(fact.runtime_id)

    # --- in a hit's lane ---

    def _later(self, hit: Hit, act: Act, workers: Workers | None = None) -> None:
        self._lanes.submit(key_of(hit), partial(self._carry_out, hit, act), workers or self._healing)

    def _carry_out(self, hit: Hit, act: Act) -> None:
        client = self._watcher.client
        if client is None:
            return
        try:
            act(client)
        except VictimGoneError:
            self._tell_gone(hit)
        except RefusedError as refused:
            self._tell_trouble(hit, str(refused))
        except StuckError as stuck:
            self._tell(HitStuck(*key_of(hit), str(stuck)))
        except ChaosEcsError as error:
            if error.code == engine.DOWN:
                self._watcher.lose(str(error), client)
            else:
                self._tell_trouble(hit, str(error))
        except engine.UNREACHABLE as error:
            self._look_again(client, hit, error)

    def _inject(self, effect: InjectHit, client: APIClient) -> None:
        if self._is_over(effect):
            return
        if effect.recipe.means is Means.HOLD:
            self._holding.inject(client, effect)
            return
        direct, victim = self._direct[effect.recipe.means], victims.look(client, effect.runtime_id)
        if not effect.prior and (prior := direct.prior(client, victim, effect)):
            self._tell(HitPrior(*key_of(effect), prior))
        elif proof := direct.inject(client, victim, effect):
            self._tell(HitActive(*key_of(effect), proof))

    def _undo(self, effect: Hit, client: APIClient) -> None:
        if self._is_over(effect):
            return
        if effect.recipe.means is Means.HOLD:
            self._holding.undo(client, effect)
            return
        victim = victims.look(client, effect.runtime_id)
        proof = self._direct[effect.recipe.means].undo(client, victim, effect)
        self._tell(HitUndone(*key_of(effect), proof))

    def _is_over(self, effect: Hit) -> bool:
        """Whether its end was told before, and now once more: what is asked late must not begin anew."""
        with self._lock:
            over = self._over.get(key_of(effect))
        if over is not None:
            self._tell(over)
        return over is not None

    # --- telling ---

    def _tell(self, fact: FaultFact) -> None:
        if isinstance(fact, HitUndone):
            with self._lock:
                self._over[fact.fault_id, fact.index] = fact
                if len(self._over) > REMEMBERED:
                    self._over.popitem(last=False)
        self._tell_fact(fact)

    def _tell_trouble(self, hit: Hit, why: str) -> None:
        key = key_of(hit)
        self._tell(HitRefused(*key, why) if isinstance(hit, InjectHit) else HitStuck(*key, why))

    def _tell_gone(self, hit: Hit) -> None:
        if fact := gone(hit):
            self._tell(fact)

    def _look_again(self, client: APIClient, hit: Hit, error: BaseException) -> None:
        """The engine said no, which it also does when the victim has just ended; or it said nothing."""
        _log.info("%s of %s: %s", hit.recipe.means, hit.fault_id, engine.why(error))
        if not engine.has_answered(error):
            self._watcher.lose(engine.why(error), client)
            return
        try:
            victims.look(client, hit.runtime_id)
        except VictimGoneError:
            self._tell_gone(hit)
        except engine.UNREACHABLE as lost:
            self._watcher.lose(engine.why(lost), client)
        else:
            self._tell_trouble(hit, engine.why(error))

    # --- leftovers ---

    def _end_leftovers(self, ends: threading.Event) -> None:
        """Ends the helpers that nobody has asked about: they undo what they did."""
        if ends.wait(self._leftovers_after):
            return
        client = self._watcher.client
        try:
            found = helpers.all_of(client, self._toolbox.home) if client else {}
            for helper_id, key in found.items():
                if client is not None and not self._is_claimed(key):
                    self._end_leftover(client, helper_id, key)
        except engine.UNREACHABLE as error:
            _log.info("helpers that are left over stay: %s", engine.why(error))
        except Exception as error:  # noqa: BLE001 - handed on: a bug must stop the controller, not just this thread
            self._on_bug(error)

    def _is_claimed(self, key: Key) -> bool:
        with self._lock:
            return key in self._claimed

    def _end_leftover(self, client: APIClient, helper_id: str, key: Key) -> None:
        helpers.stop(client, helper_id, SLACK_SECONDS)
        said = helpers.words(client, helper_id)
        helpers.remove(client, helper_id)
        _log.warning(
            "a helper of fault %s was left over, and is ended: %s", key[0], said[-1].says if said else "it said nothing"
        )
