"""The LoadBalancer on a SimEngine: what `live/balancer.py` is to HAProxy. Checks whoever has a target's address.

No request is carried here; what a balancer decides about targets is. It belongs to the world: it goes on when a
controller crashes, and the next one opens it again. `kill` is what somebody at a terminal beside the controller could
do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from chaos_ecs.core.balancing import GroupRoute, RouteMode, Routing, TargetHealthCheck, TargetRoute
from chaos_ecs.core.balancing_messages import BalancerLost, BalancerUp, HostPortTaken, TargetChecked
from chaos_ecs.core.messages import Fact
from chaos_ecs.core.recipe import Symptom
from chaos_ecs.sim.engine import SimContainer, SimEngine

FIRST_CHECKS_SECONDS = 0.5  # between the checks of a target that has not passed yet

_Subject = tuple[str, str, str, int]  # group, target, address, port
_Failure = tuple[str, str]  # reason and description of API_TargetHealth


@dataclass(slots=True)
class _Checked:
    """A target under checks; `row` how many have passed or failed in a row, `since` when that began."""

    group: GroupRoute
    target: TargetRoute
    verdict: TargetChecked | None = None
    passing: bool | None = None
    row: int = 0
    since: float = 0.0

    @property
    def pace(self) -> float:
        proven = self.target.mode is RouteMode.SERVING or self.verdict is not None
        return float(self.group.health_check.interval) if proven else FIRST_CHECKS_SECONDS


class SimBalancer:
    """`further` are the engines beside the one it runs on, by name: their containers have ports of their hosts."""

    def __init__(self, engine: SimEngine, further: Mapping[str, SimEngine] = MappingProxyType({})) -> None:
        self.engine = engine
        self._further = further
        self.runs = False
        self._is_open = False
        self._returns = False  # a start is under way
        self._routing = Routing()
        self._facts: list[Fact] = []
        self._told: Fact | None = None  # the last BalancerUp or BalancerLost
        self._checked: dict[_Subject, _Checked] = {}
        self._ports: dict[int, None] = {}
        self._refused: dict[tuple[str, int], None] = {}
        self._offered: dict[str, float] = {}  # requests a second, by the ARN of a listener or of a target group
        self._requests: dict[str, dict[str, float]] = {}
        self._counted_at = engine.clock.now()

    # --- the port ---

    def open(self, wake: Callable[[], None]) -> None:
        self._is_open = True
        self._facts, self._told = [], None
        self._refused = {}
        self._tell_verdicts()

    def poll(self) -> Sequence[Fact]:
        self.engine.run_due()
        self._look_at_engine()
        facts, self._facts = self._facts, []
        return facts

    def route(self, routing: Routing) -> None:
        self.requests()  # until now they were shared out as before
        self._routing = routing
        if self.engine.up:
            self._carry_out()

    def next_fact_at(self) -> float | None:
        if self._facts or self._has_news_of_engine():
            return self.engine.clock.now()
        return self.engine.next_at()

    def requests(self) -> Mapping[str, Mapping[str, int]]:
        """As `HaproxyBalancer.requests`: what was offered went in equal parts to the targets that serve."""
        now = self.engine.clock.now()
        seconds, self._counted_at = now - self._counted_at, now
        before, self._requests = self._requests, {}
        for group in self._routing.groups:
            serving = [target.id for target in group.targets if target.mode is RouteMode.SERVING]
            each = self._offered_to(group.arn) * seconds / len(serving) if serving else 0.0
            known = before.get(group.arn, {})
            self._requests[group.arn] = {name: known.get(name, 0.0) + each for name in serving}
        return {group: {name: int(count) for name, count in each.items()} for group, each in self._requests.items()}

    def close(self) -> None:
        self._is_open = False

    # --- what anybody can do ---

    def offer(self, arn: str, requests_a_second: float) -> None:
        """From now on clients send so many to this target group, or to this listener, which shares them out by the
        weights of its default action."""
        self.requests()
        self._offered[arn] = requests_a_second

    def kill(self) -> None:
        """As `docker kill` of its container."""
        if not self.runs:
            return
        self._stop()
        self._after(0.005, 0.05, lambda: self._tell_state(BalancerLost("its container ended with exit code 137")))
        self._start()

    # --- inside ---

    def _offered_to(self, group_arn: str) -> float:
        """Requests a second."""
        offered = self._offered.get(group_arn, 0.0)
        for listener in self._routing.listeners:
            weights = dict(listener.default.groups)
            share = weights.get(group_arn, 0) / (sum(weights.values()) or 1)
            offered += self._offered.get(listener.arn, 0.0) * share
        return offered

    def _after(self, least: float, most: float, do: Callable[[], None]) -> None:
        self.engine.after(self.engine.rng.uniform(least, most), do)

    def _tell(self, fact: Fact) -> None:
        if self._is_open and self.engine.up:
            self._facts.append(fact)

    def _tell_verdicts(self) -> None:
        """Levels, for a controller that may not know them: it has just begun, or could not be told."""
        for checked in self._checked.values():
            if checked.verdict is not None:
                self._tell(checked.verdict)

    def _tell_state(self, fact: BalancerUp | BalancerLost) -> None:
        if self._is_open and fact != self._told:
            self._told = fact
            self._facts.append(fact)

    def _has_news_of_engine(self) -> bool:
        lost = isinstance(self._told, BalancerLost)
        if not self._routing.listeners or self._returns:
            return False
        return lost is self.engine.up or (self.engine.up and not self.runs)

    def _look_at_engine(self) -> None:
        if not self._has_news_of_engine():
            return
        if self.engine.up:
            self._carry_out()
        else:
            self._tell_state(BalancerLost("the simulated engine is stopped"))

    def _stop(self) -> None:
        self.runs = False
        for port in self._ports:
            self.engine.release_port(port)
        self._ports = {}

    def _start(self) -> None:
        if self._returns:
            return
        self._returns = True

        def run() -> None:
            self._returns = False
            if self.engine.up and self._routing.listeners:
                self.runs = True
                self._carry_out()

        self._after(0.4, 0.8, run)

    def _carry_out(self) -> None:
        if not self._routing.listeners:
            self._stop()
            self._checked, self._told = {}, None
            return
        if not self.runs:
            self._start()
            return
        self._listen()
        self._check_targets()
        if not isinstance(self._told, BalancerUp):
            self._tell_verdicts()
        self._tell_state(BalancerUp())

    def _listen(self) -> None:
        wanted = {listener.host_port: listener.arn for listener in self._routing.listeners}
        for port in [port for port in self._ports if port not in wanted]:
            self.engine.release_port(port)
            del self._ports[port]
        for port, listener_arn in wanted.items():
            if port in self._ports:
                continue
            if self.engine.take_port(port):
                self._ports[port] = None
            elif (listener_arn, port) not in self._refused:
                self._refused[listener_arn, port] = None
                self._tell(HostPortTaken(listener_arn, port))

    def _check_targets(self) -> None:
        before, self._checked = self._checked, {}
        for group in self._routing.groups:
            for target in group.targets:
                if target.mode is RouteMode.DRAINING:
                    continue
                subject = (group.arn, target.id, target.address, target.port)
                if known := before.get(subject):
                    known.group, known.target = group, target
                    self._checked[subject] = known
                else:
                    self._begin(subject, _Checked(group, target))

    def _begin(self, subject: _Subject, checked: _Checked) -> None:
        self._checked[subject] = checked

        def check() -> None:
            if self._checked.get(subject) is not checked:
                return
            if self.runs:
                self._check(checked)
            self.engine.after(checked.pace, check)

        self._after(0.1, 0.2, check)

    def _check(self, checked: _Checked) -> None:
        now = self.engine.clock.now()
        failure = _failure(*self._behind(checked.target.address, checked.target.port), checked.group.health_check)
        passing = failure is None
        if passing is not checked.passing:
            checked.passing, checked.row, checked.since = passing, 0, now
        checked.row += 1
        if not _is_enough(checked, now) or (checked.verdict is not None and checked.verdict.passed is passing):
            return
        reason, description = failure or ("", "")
        target = checked.target
        checked.verdict = TargetChecked(checked.group.arn, target.id, target.address, passing, reason, description)
        self._tell(checked.verdict)

    def _behind(self, address: str, port: int) -> tuple[SimContainer | None, Sequence[Symptom], int]:
        """Who is there, how it is, and which of its ports is asked."""
        if found := self.engine.at(address):
            return found, self.engine.symptoms_of(found.seen.runtime_id), port
        for engine in self._further.values():
            if published := engine.published_at(address, port):
                container, port = published
                return container, engine.symptoms_of(container.seen.runtime_id), port
        return None, (), port


def _is_enough(checked: _Checked, now: float) -> bool:
    """A new target passes with its first good check. It fails no sooner than it would at its group's pace."""
    check = checked.group.health_check
    if checked.passing:
        return checked.verdict is None or checked.row >= check.healthy_threshold
    if checked.target.mode is RouteMode.CHECKED:
        return now - checked.since >= (check.unhealthy_threshold - 1) * check.interval
    return checked.row >= check.unhealthy_threshold


def _failure(
    container: SimContainer | None, symptoms: Sequence[Symptom], port: int, check: TargetHealthCheck
) -> _Failure | None:
    """What a check finds wrong at an address; None when all is well."""
    is_silent = Symptom.SILENT in symptoms
    if container is None or container.seen.paused or is_silent or container.behaviour.serves == "silence":
        return "Target.Timeout", "Request timed out"
    behaviour = container.behaviour
    if Symptom.REFUSES in symptoms or not behaviour.serves or behaviour.port not in (None, port):
        return "Target.FailedHealthChecks", "Health checks failed"
    if _matches(check.matcher, int(behaviour.serves)):
        return None
    return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{behaviour.serves}]"


def _matches(matcher: str, code: int) -> bool:
    for part in matcher.split(","):
        least, _, most = part.partition("-")
        if int(least) <= code <= int(most or least):
            return True
    return False
