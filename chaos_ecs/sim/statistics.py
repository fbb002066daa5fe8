"""What the simulated world measures of services that are scaled: as `live/statistics.py` does on Docker and HAProxy.

How much CPU a program uses says its Behaviour, asked anew each time: a test may let it change its mind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from chaos_ecs.core.scaling import (
    MeasuredTask,
    Metric,
    Subject,
    average_cpu,
    requests_a_minute,
)
from chaos_ecs.core.scaling_messages import MetricSeen
from chaos_ecs.core.scaling_plan import is_measured, subjects
from chaos_ecs.core.state import State
from chaos_ecs.sim.engine import SimEngine

Requests = Callable[[], Mapping[str, Mapping[str, int]]]


class SimStatistics:
    def __init__(
        self,
        engine: SimEngine,
        requests: Requests,
        state: State,
        further: Mapping[str, SimEngine] = MappingProxyType({}),
    ) -> None:
        self._engine = engine
        self._further = further
        self._requests = requests
        self._state = state
        self._due: float | None = None  # None: nothing was to be measured when this was last asked
        self._before: Mapping[str, Mapping[str, int]] = {}
        self._asked_at = engine.clock.now()

    def next_at(self) -> float | None:
        """When there is something to measure; None while nothing is scaled."""
        return self._due if is_measured(self._state) else None

    def facts(self) -> Sequence[MetricSeen]:
        now = self._engine.clock.now()
        due, wanted = self._due, is_measured(self._state)
        if wanted and due is not None and now < due:
            return ()
        self._due = now + self._state.pace.metric_period if wanted else None
        if not wanted or due is None:  # an average takes two looks
            return ()
        found = subjects(self._state)
        if not any(measure.metric is Metric.REQUESTS for subject in found for measure in subject.measures):
            return [fact for subject in found for fact in self._of(subject, {}, 0.0)]
        after, seconds = self._requests(), now - self._asked_at
        told = [fact for subject in found for fact in self._of(subject, after, seconds)]
        self._before, self._asked_at = after, now
        return told

    def _of(self, subject: Subject, after: Mapping[str, Mapping[str, int]], seconds: float) -> Sequence[MetricSeen]:
        told = []
        for measure in subject.measures:
            if measure.metric is Metric.CPU:
                average = average_cpu(subject.tasks, self._used_cores(subject.tasks))
            else:
                group = measure.target_group_arn
                average = requests_a_minute(self._before.get(group, {}), after.get(group, {}), seconds)
            if average is not None:
                told.append(MetricSeen(subject.service_arn, measure, *average))
        return told

    def _used_cores(self, tasks: Sequence[MeasuredTask]) -> Mapping[str, float]:
        """A load that is shared falls on each with the number of those that share it."""
        used = {}
        for task in tasks:
            percent = 0.0
            for runtime_id in task.runtime_ids:
                for engine in (self._engine, *self._further.values()):
                    if (container := engine.containers.get(runtime_id)) is None:
                        continue
                    behaviour = engine.behaviour(container.definition)
                    percent += behaviour.cpu_percent + behaviour.shared_cpu_percent / len(tasks)
            used[task.id] = task.cores * percent / 100
        return used
