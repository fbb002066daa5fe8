"""The scoreboard of a chaos run while it goes on: takes in hits, events, states and answers, and tells the score. Pure.

When something happened is what the events say; what is true is what the state says, as soon as all events up to it have
been heard. Never here: hitting and asking (see `run_course.py`), and how a score looks (see `scoreview.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli.chaos.score import Asked, Control, Plan, Score, Skip, Strike, Victim
from chaos_ecs.cli.health import healthy_tasks
from chaos_ecs.cli.snapshot import Event, Service, Snapshot, short
from chaos_ecs.probe.tally import Result, Tally

_LONGEST_REQUEST_SECONDS = 5.0  # and more than any is waited for
_SECONDS_KEPT = 24 * 3600
_FAILURES_KEPT = 100_000
_BY_THE_SCHEDULER = "ServiceSchedulerInitiated"
_WHOLE = ("SERVICE_RECOVERED", "SERVICE_STEADY")


@dataclass
class _Open:
    """A strike as it goes; ARNs."""

    number: int
    tick: int
    due: float
    at: float
    fault: str
    victims: tuple[Victim, ...]
    overlaps: tuple[int, ...]
    alive: dict[str, None]  # victims that have not stopped
    lasts: bool  # whether it goes on until it is undone, or its time is over
    in_force: bool = True
    replacements: list[str] = field(default_factory=list)
    whole_at: float | None = None
    unproven: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether it hurts nobody any more: what follows is recovery."""
        return not self.alive or not self.in_force


class Scoreboard:
    """`service` is an ARN; `began_at` the controller's clock at the beginning of the run; `heard` the number of the
    newest event of before it. Without a `url` there is no client, for the reason `no_client`."""

    def __init__(
        self,
        plan: Plan,
        *,
        run: int,
        service: Service,
        began_at: float,
        heard: int,
        url: str = "",
        no_client: str = "",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self._plan = plan
        self._run = run
        self._service = service
        self._began_at = began_at
        self._heard = heard
        self._url = url
        self._no_client = no_client
        self._about = about or {}
        self._desired = service.desired_count
        self._strikes: list[_Open] = []
        self._skips: list[Skip] = []
        self._healthy: list[tuple[float, int]] = []
        self._control: Control | None = None
        self._control_group = ""
        self._tally = Tally()
        self._seconds: list[list[int]] = []
        self._failures: list[tuple[float, float]] = []  # (ended, sent)
        self._killed_by_others: dict[str, None] = {}  # ARNs
        self._other_deaths: dict[str, None] = {}  # ARNs

    # --- taking in ---

    def keep_control(self, task: str, group: str) -> None:
        """A standalone task (its ARN) runs; `group` is nobody else's."""
        self._control, self._control_group = Control(task), group

    def control_killed(self, at: float) -> None:
        if self._control is not None:
            self._control = Control(self._control.task, at)

    def drop_control(self) -> None:
        """There is none any more: it ended before it could be killed."""
        self._control = None

    def hit(
        self, tick: int, due: float, at: float, *, fault: str, victims: Sequence[Victim], lasts: bool = False
    ) -> None:
        """A tick has hit these; `at` and `due` in seconds since the beginning. `lasts`: the fault has an end."""
        overlaps = tuple(strike.number for strike in self._strikes if strike.whole_at is None)
        alive = dict.fromkeys(victim.task for victim in victims)
        number = len(self._strikes) + 1
        self._strikes.append(_Open(number, tick, due, at, fault, tuple(victims), overlaps, alive, lasts))

    def skip(self, tick: int, due: float, reason: str) -> None:
        self._skips.append(Skip(tick, due, reason))

    def take(self, events: Sequence[Event]) -> None:
        """Every event of the stream, in order."""
        for event in events:
            self._heard = max(self._heard, event.number)
            if event.type in _WHOLE and event.service == self._service.arn:
                self._made_good(event.at - self._began_at)
            elif event.type == "TASK_STOPPED":
                self._died(event)
            elif event.type == "TASK_KILLED" and not self.is_mine(event):
                self._killed_by_others[event.task] = None
            elif event.type == "TASK_CREATED" and event.get("fills"):
                self._replaced(event.task, str(event.get("fills")))
            elif event.type == "FAULT_ENDED":
                self._ended(event)

    def _made_good(self, at: float) -> None:
        for strike in self._strikes:
            if strike.whole_at is None and strike.is_settled:
                strike.whole_at = max(at, strike.at)

    def _died(self, event: Event) -> None:
        """What the scheduler stops by itself (scaling in, a deployment) is no death."""
        mine = event.task not in self._killed_by_others and any(
            victim.task == event.task for strike in self._strikes for victim in strike.victims
        )
        if event.service == self._service.arn and not mine and event.get("stopCode") != _BY_THE_SCHEDULER:
            self._other_deaths[event.task] = None
        for strike in self._strikes:
            strike.alive.pop(event.task, None)

    def _replaced(self, task: str, fills: str) -> None:
        for strike in self._strikes:
            if any(victim.task == fills for victim in strike.victims):
                strike.replacements.append(task)

    def _ended(self, event: Event) -> None:
        for strike in self._strikes:
            if strike.fault == event.get("fault"):
                strike.in_force = False
                if event.get("status") == "INCONCLUSIVE":
                    strike.unproven = "; ".join(event.get("reasons") or ()) or "no effect was measured"

    def see(self, snapshot: Snapshot) -> None:
        """The state at a moment: how many are healthy, and whether all is whole."""
        at = max(0.0, snapshot.at - self._began_at)
        service = snapshot.service(self._service.arn)
        if service is None or not service.is_active:
            self._counted(at, 0)
            return
        self._desired = service.desired_count
        healthy = len(healthy_tasks(snapshot, service))
        self._counted(at, healthy)
        self._look_for_copies(snapshot)
        if snapshot.number > self._heard:
            return  # the events that led to it tell the moment, and they are on their way
        there = {fault.id for fault in snapshot.faults}
        for strike in self._strikes:
            strike.in_force = strike.in_force and strike.fault in there
            for arn in [arn for arn in strike.alive if not _lives(snapshot, arn)]:
                del strike.alive[arn]
        if service.steady and healthy >= service.desired_count:
            self._made_good(at)

    def _counted(self, at: float, healthy: int) -> None:
        if not self._healthy or (self._healthy[-1][1] != healthy and at >= self._healthy[-1][0]):
            self._healthy.append((at, healthy))

    def _look_for_copies(self, snapshot: Snapshot) -> None:
        control = self._control
        if control is None or control.killed_at is None:
            return
        copies = [
            task
            for task in snapshot.tasks
            if task.arn != control.task
            and (task.fills == control.task or (task.raw.get("group") or "") == self._control_group)
        ]
        self._control = Control(control.task, control.killed_at, max(control.replacements, len(copies)))

    def ask(self, answers: Iterable[Result]) -> None:
        """Requests that have ended; `at` in seconds since the beginning."""
        for answer in answers:
            self._tally.record(answer)
            second = int(max(0.0, answer.at))
            if second < _SECONDS_KEPT:
                self._seconds += [[0, 0] for _ in range(second + 1 - len(self._seconds))]
                self._seconds[second][bool(answer.cause)] += 1
            if answer.cause and len(self._failures) < _FAILURES_KEPT:
                self._failures.append((answer.at, answer.at - answer.seconds))

    # --- telling ---

    @property
    def desired(self) -> int:
        return self._desired

    @property
    def control(self) -> Control | None:
        return self._control

    def is_mine(self, event: Event) -> bool:
        """Whether a kill is the run's own: of one of its faults, or of the control."""
        control = self._control.task if self._control else ""
        return event.task == control or any(strike.fault == event.get("fault") for strike in self._strikes)

    @property
    def is_whole(self) -> bool:
        """Whether every strike is made good."""
        return all(strike.whole_at is not None for strike in self._strikes)

    @property
    def in_force(self) -> tuple[str, ...]:
        """The ids of faults that go on, and can be ended."""
        return tuple(strike.fault for strike in self._strikes if strike.in_force and strike.lasts)

    def strike_on(self, id_: str) -> Strike | None:
        """The newest that hit the task of this short id."""
        found = (strike for strike in reversed(self._strikes) if any(short(one.task) == id_ for one in strike.victims))
        strike = next(found, None)
        return None if strike is None else self._told(strike)

    def score(self, lasted: float, *, over: bool = False, interrupted: bool = False) -> Score:
        return Score(
            plan=self._plan,
            run=self._run,
            desired=self._desired,
            lasted=lasted,
            strikes=tuple(self._told(strike) for strike in self._strikes),
            skips=tuple(self._skips),
            healthy=tuple(self._healthy),
            client=self._asked() if self._url else None,
            no_client="" if self._url else self._no_client,
            control=self._control,
            balanced=bool(self._service.target_groups),
            over=over,
            interrupted=interrupted,
            others=len(self._other_deaths),
            about=dict(self._about),
        )

    def _told(self, strike: _Open) -> Strike:
        return Strike(
            number=strike.number,
            tick=strike.tick,
            due=strike.due,
            at=strike.at,
            fault=strike.fault,
            victims=strike.victims,
            overlaps=strike.overlaps,
            replacements=tuple(strike.replacements),
            whole_at=strike.whole_at,
            failed=self._failed_during(strike) if self._url else None,
            unproven=strike.unproven,
        )

    def _failed_during(self, strike: _Open) -> int:
        """Requests that failed, and were under way at some moment between the strike and its end."""
        first = bisect_left(self._failures, (strike.at, 0.0))
        until = float("inf") if strike.whole_at is None else strike.whole_at
        last = bisect_left(self._failures, (until + _LONGEST_REQUEST_SECONDS, 0.0))
        return sum(sent <= until for _, sent in self._failures[first:last])

    def _asked(self) -> Asked:
        tally = self._tally
        return Asked(
            url=self._url,
            requests=tally.requests,
            failed=tally.failed,
            causes=dict(tally.causes),
            p50=tally.percentile(50),
            p99=tally.percentile(99),
            seconds=tuple((ok, failed) for ok, failed in self._seconds),
        )


def _lives(snapshot: Snapshot, arn: str) -> bool:
    task = snapshot.task(arn)
    return task is not None and not task.is_stopped


def struck(
    before: Snapshot, told: Sequence[Event], *, service: str, fault: str, name: str, victims: Sequence[str]
) -> tuple[float, tuple[Victim, ...]] | None:
    """When a fault (its id and name) struck, by the controller's clock, and its victims with their places among the
    running tasks of the service at that moment, in order of creation: the state `before`, and what was told from there
    to the strike. None where it was not told. A task under such a fault already could not have been hit."""
    order = {task.arn: task.number for task in before.tasks}
    running = {task.arn for task in before.live_tasks_of(service) if task.is_running}
    under = {item.id: {victim.task for victim in item.victims} for item in before.faults if item.name == name}
    for event in told:
        if event.type == "FAULT_INJECTED" and event.get("fault") == fault:
            taken = {task for tasks in under.values() for task in tasks}
            candidates = sorted(running - taken, key=lambda task: order[task])
            place = {task: position for position, task in enumerate(candidates, 1)}
            return event.at, tuple(Victim(task, place.get(task, 0), len(candidates)) for task in victims)
        if event.type == "FAULT_ENDED":
            under.pop(str(event.get("fault")), None)
        elif event.task and event.type == "TASK_CREATED":
            order.setdefault(event.task, max(order.values(), default=0) + 1)
        elif event.task and event.service == service:
            if event.type == "TASK_RUNNING":
                running.add(event.task)
                order.setdefault(event.task, max(order.values(), default=0) + 1)
            elif event.type in ("TASK_STOPPING", "TASK_STOPPED"):
                running.discard(event.task)
    return None
