"""The monkey's schedules: made, changed and deleted from a seed of their own, and what must hold of them.

What is held against the record of events is told here again from nothing but expressions and times: which due times
there were while a schedule was there and ENABLED. Each of them must have been run once, or told as missed, given up or
cancelled, or be open still.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from chaos_ecs.core import arns
from chaos_ecs.core.messages import Command, Event, EventType
from chaos_ecs.core.schedule import coming, parse
from chaos_ecs.core.schedule_messages import (
    CreateSchedule,
    CreateScheduleGroup,
    DeleteSchedule,
    DeleteScheduleGroup,
    UpdateSchedule,
)
from chaos_ecs.core.schedules import RunTarget, ScheduleDesign, utc
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, REGION

GROUPS = ("default", "jobs")
EXPRESSIONS = ("rate(1 minute)", "rate(1 minute)", "rate(2 minutes)", "cron(* * * * ? *)", "cron(0/2 * * * ? *)", "at")
FAMILIES = ("batch-job", "batch-job", "flaky", "missing", "unknown", "batch-job:1")
MARKED = (
    '{"containerOverrides": [{"name": "%s", "environment": [{"name": "ARN", "value": "<aws.scheduler.schedule-arn>"},'
    '{"name": "AT", "value": "<aws.scheduler.scheduled-time>"}]}]}'
)


@dataclass
class _Life:
    """What the events told of one schedule."""

    expected: set[float] = field(default_factory=set)
    ran: Counter[float] = field(default_factory=Counter)
    others: set[float] = field(default_factory=set)  # missed, or given up
    cancelled: int = 0
    doubtful: int = 0  # due in the very moment of a deletion: opened and cancelled, or not
    created_at: float = 0.0
    design: Event | None = None  # the last that says how it is now
    last_dealt: float = 0.0
    is_gone: bool = False
    wrong: str = ""


class ScheduleTrouble:
    def __init__(self, seed: int, simulation: Simulation) -> None:
        self._rng = Random(f"schedules {seed}")
        self._simulation = simulation
        self._made = 0
        self._known: list[str] = []
        self._tasks: dict[str, tuple[str, str]] = {}  # what schedules have started: which of them, and for when

    def act(self) -> None:
        """Somebody makes, changes or deletes a schedule, perhaps while the controller dies; one that is down may stay
        down for minutes."""
        if self._simulation.controller is None:
            self._simulation.advance(self._rng.choice((0.0,) * 9 + (150.0,)))
            return
        if self._rng.random() < 0.5:
            return
        if self._rng.random() < 0.03:
            self._simulation.crash_after(self._rng.randrange(30))
        self._simulation.submit(self._draw())

    def _draw(self) -> Command:
        rng = self._rng
        group = arns.schedule_group_arn(REGION, "jobs")
        if rng.random() < 0.1:
            return rng.choice((CreateScheduleGroup(group), CreateScheduleGroup(group), DeleteScheduleGroup(group)))
        there = list(self._simulation.state.schedules)
        chosen = rng.choice(there if there and rng.random() < 0.9 else self._known or [""])
        if not chosen or rng.random() < 0.4:
            self._made += 1
            home = rng.choice(GROUPS)
            arn = arns.schedule_arn(REGION, home, f"s{self._made}")
            self._known.append(arn)
            return CreateSchedule(arn, arns.schedule_group_arn(REGION, home), self._design())
        update = UpdateSchedule(chosen, self._design())
        return rng.choice((update, update, DeleteSchedule(chosen)))

    def _design(self) -> ScheduleDesign:
        rng, now = self._rng, self._simulation.clock.now()
        expression = rng.choice(EXPRESSIONS)
        if expression == "at":
            expression = f"at({utc(now + rng.choice((-60, 5, 30, 90))).removesuffix('Z')})"
        family = rng.choice(FAMILIES)
        target = RunTarget(
            CLUSTER,
            family,
            count=rng.choice((1, 1, 2)),
            input=MARKED % family.partition(":")[0],
            maximum_retry_attempts=rng.choice((0, 2, 185)),
            maximum_event_age_seconds=rng.choice((60, 86400)),
            dead_letter_arn=rng.choice(("", "arn:aws:sqs:us-east-1:123456789012:letters")),
        )
        return ScheduleDesign(
            expression,
            target,
            start_date=rng.choice((None, None, now + 20)),
            end_date=rng.choice((None, None, now + 100)),
            window_minutes=rng.choice((0, 1)),
            enabled=rng.random() < 0.75,
            deletes_itself=rng.random() < 0.2,
        )

    def end(self) -> None:
        """They would go on for ever."""
        for arn in list(self._simulation.state.schedules):
            self._simulation.submit(DeleteSchedule(arn)).result(0)

    # --- what must hold ---

    def wrong(self) -> str:
        """After every step: no due time has more tasks than one RunTask asks for; "" when all is well."""
        state = self._simulation.state
        for arn, task in state.tasks.items():
            if task.started_by.startswith("chronos-schedule/") and arn not in self._tasks:
                said = dict(task.overrides[0].environment)
                self._tasks[arn] = (said["ARN"], said["AT"])
                own = [other for other in self._tasks.values() if other == self._tasks[arn]]
                if len(own) > task.run_count:
                    return f"{len(own)} tasks of {own[0]}, {task.run_count} asked for"
        for invocation in state.invocations.values():
            if invocation.schedule_arn not in state.schedules:
                return f"open, and its schedule is gone: {invocation}"
        return ""

    def unaccounted(self) -> str:
        """Once all is settled: a due time that nobody knows of, or that there never was; "" when all is well."""
        lives: dict[str, _Life] = {}
        for event in self._simulation.store.load()[1]:
            if "schedule" in event.data:
                _take(lives.setdefault(event.data["schedule"], _Life()), event)
        now = self._simulation.clock.now()
        for arn, life in lives.items():
            _let_pass(life, now)
            open_ones = {invocation.due for invocation in self._simulation.state.invocations_of(arn)}
            if wrong := life.wrong or _missing(life, open_ones):
                return f"{arn}: {wrong}"
            if life.is_gone == (arn in self._simulation.state.schedules):
                return f"{arn} is {'gone and there' if life.is_gone else 'not there and not gone'}"
        return ""


def _take(life: _Life, event: Event) -> None:
    match event.type:
        case EventType.SCHEDULE_CREATED:
            life.created_at, life.last_dealt, life.design = event.at, -1.0, event
        case EventType.SCHEDULE_UPDATED | EventType.SCHEDULE_DELETED:
            _let_pass(life, event.at, is_deleted=event.type is EventType.SCHEDULE_DELETED)
            life.design = event
            life.cancelled += event.data.get("cancelled", 0)
            life.is_gone = event.type is EventType.SCHEDULE_DELETED
        case EventType.SCHEDULE_RAN:
            due = event.data["scheduledTime"]
            life.ran[due] += 1
            is_on = life.design is not None and life.design.data["state"] == "ENABLED" and not life.is_gone
            if not is_on:
                life.wrong = f"ran at {event.at} though it is off or gone"
            if event.at < due:
                life.wrong = f"ran at {event.at}, before it was due at {due}"
        case EventType.SCHEDULE_DROPPED:
            life.others.add(event.data["scheduledTime"])
        case EventType.SCHEDULE_MISSED:
            first, last = event.data["first"], event.data["last"]
            times = {due for due in _due(life, event.at) if first <= due <= last}
            if len(times) != event.data["missed"]:
                life.wrong = f"{event.data['missed']} missed, {sorted(times)} there were"
            life.others |= times


def _due(life: _Life, until: float) -> list[float]:
    """All due times of how it is now, up to a moment, also those from before it was so."""
    assert life.design is not None
    said = life.design.data
    times = []
    for due in coming(
        parse(said["expression"]),
        created_at=life.created_at,
        timezone=said["timezone"],
        start_date=said.get("startDate"),
        end_date=said.get("endDate"),
    ):
        if due > until:
            break
        times.append(due)
    return times


def _let_pass(life: _Life, until: float, *, is_deleted: bool = False) -> None:
    """What comes due in the very moment of its deletion may have been dealt with, and need not."""
    if life.design is not None and not life.is_gone and life.design.data["state"] == "ENABLED":
        passed = {due for due in _due(life, until) if due > life.last_dealt}
        if is_deleted and until not in life.ran and until not in life.others:
            life.doubtful += until in passed
            passed.discard(until)
        life.expected |= passed
    life.last_dealt = until


def _missing(life: _Life, open_ones: set[float]) -> str:
    twice = [due for due, count in life.ran.items() if count > 1]
    if twice:
        return f"ran twice: {twice}"
    known = set(life.ran) | life.others | open_ones
    if len(known) != len(life.ran) + len(life.others) + len(open_ones):
        return f"counted twice: ran {sorted(life.ran)}, missed or given up {sorted(life.others)}, open {open_ones}"
    if unasked := known - life.expected:
        return f"never due: {sorted(unasked)}"
    lost = life.expected - known
    fits = life.cancelled - life.doubtful <= len(lost) <= life.cancelled
    return "" if fits else f"lost: {sorted(lost)}, {life.cancelled} cancelled"
