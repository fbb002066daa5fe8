"""Rolling limits and what follows from them for one service: how many tasks to start, which to stop. And the circuit
breaker's threshold. Pure arithmetic on what `health.py` says.

Source: API_DeploymentConfiguration; Developer Guide, "Amazon ECS services" and "deployment circuit breaker". Worked
numbers: desired 4 at 100/200 % gives limits 4 and 8: four new ones start, then four old ones stop. Desired 4 at 50/100
% gives 2 and 4: two old ones stop, two new ones start, twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from chaos_ecs.core.deploying import Deployment, DeploymentConfiguration, LifecycleStage, RolloutState, TrafficShift
from chaos_ecs.core.health import TaskHealth
from chaos_ecs.core.model import Service, Task, TaskStatus
from chaos_ecs.core.service_checks import is_protected

BATCH = 10
"""Tasks started in one go, as many as one RunTask call can; the next batch follows in the next step."""

PENDING_LIMIT = 20
"""Tasks of one service that wait for their start: more are made as these come to run. Eight start at once, so it is
enough to keep every slot busy, and a desired count of 5,000 neither fills the record nor keeps others waiting."""


FirstToGo = Callable[[Sequence[Task], int, Callable[[Task], tuple[bool, ...]]], list[Task]]
"""So many of these tasks, those with the smallest rank first."""


@dataclass(frozen=True, slots=True)
class Moves:
    starts: tuple[tuple[str, int], ...] = ()  # (deployment id, how many)
    surplus: tuple[Task, ...] = ()  # above the desired count
    unhealthy: tuple[Task, ...] = ()  # replaced, or to make room for their replacement
    replaced: tuple[Task, ...] = ()  # of older deployments
    protected_until: float | None = None  # when the first of those goes that stay only because they are protected
    stuck: bool = False  # the limits leave no move, and nothing is under way that could change that

    @property
    def stops(self) -> tuple[Task, ...]:
        return (*self.surplus, *self.unhealthy, *self.replaced)

    def start(self, deployment_id: str) -> int:
        return dict(self.starts).get(deployment_id, 0)


def lower_limit(service: Service) -> int:
    """Healthy tasks a deployment must leave: rounded up. Desired 2 at 75 % is 2."""
    return math.ceil(service.desired_count * service.deployment_configuration.minimum_healthy_percent / 100)


def upper_limit(service: Service) -> int:
    """Tasks a deployment may have in all: rounded down. Desired 3 at 125 % is 3."""
    return math.floor(service.desired_count * service.deployment_configuration.maximum_percent / 100)


def breaker_threshold(configuration: DeploymentConfiguration, desired_count: int) -> int:
    """How many failed tasks trip the circuit breaker. Desired 1 gives 3, 25 gives 13, 400 and more 200."""
    value = configuration.circuit_breaker_value
    if configuration.circuit_breaker_type == "COUNT":
        return value
    share = math.ceil(desired_count * value / 100)
    return share if configuration.circuit_breaker_type == "UNBOUNDED_PERCENT" else min(200, max(3, share))


def fallback(service: Service) -> Deployment | None:
    """The deployment to roll back to: the newest that was completed, if the newest of all was not.

    One that failed when it was rolled back to is none any more.
    """
    if service.primary.was_completed:
        return None
    older = service.deployments[1:]
    good = (item for item in older if item.was_completed and item.rollout_state is not RolloutState.FAILED)
    return next(good, None)


def shift_under_way(service: Service) -> TrafficShift | None:
    """That of the newest deployment while the tasks it moves traffic from are all to stay: until its CLEAN_UP."""
    shift = service.primary.shift
    is_going_on = service.primary.rollout_state is RolloutState.IN_PROGRESS
    return shift if shift and is_going_on and shift.stage is not LifecycleStage.CLEAN_UP else None


class Rollout:
    """The tasks of one service, sorted by deployment and health; and what to do about them."""

    def __init__(
        self,
        service: Service,
        live_tasks: Sequence[Task],
        health: Callable[[Task], TaskHealth],
        now: float,
        *,
        unasked: Collection[str] = (),
        is_throttled: bool = False,
        leaving: Collection[str] = (),
        first_to_go: FirstToGo | None = None,
        extra: str = "",
    ):
        """`unasked`: ARNs of tasks that nobody is sent to, because traffic has moved away from them or not to them.
        `is_throttled`: the newest deployment starts none now, so it needs no room for them. `leaving`: those whose
        container instance is DRAINING; they are replaced as those of an older deployment are. `first_to_go`: whom
        scaling in takes where tasks are spread; without it the youngest. `extra`: one that is started to take
        another's place in another zone: until it is healthy it is nobody's replacement, and not too many."""
        self.service = service
        self.unasked = unasked
        self.is_throttled = is_throttled
        self.now = now
        self.shift = shift_under_way(service)
        self.live = live_tasks
        self.wanted = [task for task in live_tasks if task.is_wanted]
        self.health = {task.arn: health(task) for task in self.wanted}
        self.leaving = leaving
        self.first_to_go = first_to_go
        self.extra = extra
        self.counted = [task for task in self.wanted if task.arn != extra]
        self.newest = [t for t in self.counted if self._is_newest(t) and t.arn not in leaving]
        self.older = [t for t in self.counted if not self._is_newest(t) or t.arn in leaving]

    def moves(self) -> Moves:
        """The next moves. Every stop leaves the limits whole, and nobody who is to stop is counted on."""
        surplus = self._surplus()
        replaced = self._replaced(surplus)
        unhealthy = self._unhealthy_to_stop(dict.fromkeys(task.arn for task in (*surplus, *replaced)))
        stops = (*surplus, *replaced, *unhealthy)
        free = dict.fromkeys(task.arn for task in stops if not self.is_protected(task))
        moves = Moves(
            starts=self._starts(self._most - len(self.wanted), free),
            surplus=tuple(task for task in surplus if task.arn in free),
            unhealthy=tuple(task for task in unhealthy if task.arn in free),
            replaced=tuple(task for task in replaced if task.arn in free),
            protected_until=min((task.protected_until or 0.0 for task in stops if task.arn not in free), default=None),
        )
        is_held = bool(moves.starts or moves.stops) or moves.protected_until is not None or self.is_throttled
        return replace(moves, stuck=not is_held and self._is_stuck())

    def staying(self, moves: Moves) -> list[Task]:
        """Those that are to go on: what is to stop, to leave its container instance, or unhealthy is replaced."""
        stopping = dict.fromkeys(task.arn for task in moves.stops)
        return [task for task in self._good(self.wanted) if task.arn not in stopping and task.arn not in self.leaving]

    @property
    def is_steady(self) -> bool:
        """The desired number of tasks of the newest deployment is healthy, no more are wanted, no older one is left.

        A task of the newest deployment that is still stopping (scaled in, stopped by a user) does not count either way.
        """
        return (
            self.shift is None
            and not any(task.arn in self.leaving for task in self.wanted)
            and len(self.counted) == self.service.desired_count
            and all(
                self._is_newest(task) and (not task.is_wanted or self._is(task, TaskHealth.HEALTHY))
                for task in self.live
                if task.arn != self.extra
            )
        )

    @property
    def is_recovered(self) -> bool:
        """What died is made good: something was started for each, and as many as desired are healthy, on both sides
        while traffic moves."""
        enough = self.service.desired_count * (2 if self._both_sides_run else 1)
        return not self.service.gaps and len(self._those(self.wanted, TaskHealth.HEALTHY)) >= enough

    @property
    def _both_sides_run(self) -> bool:
        return self.shift is not None and self.shift.stage.rank > LifecycleStage.SCALE_UP.rank

    @property
    def is_newest_whole(self) -> bool:
        """As many tasks of the newest deployment are healthy as are desired."""
        return self._healthy_newest >= self.service.desired_count

    @property
    def is_reconciled(self) -> bool:
        """Nothing is left in the target groups that the newest deployment is to use."""
        return all(self._is_of_source(task) or self._is_newest(task) for task in self.live)

    # --- inside ---

    @property
    def _most(self) -> int:
        """The upper limit; twice the desired count stays while traffic moves. Desired 4 at 150 %: 6, meanwhile 10."""
        return upper_limit(self.service) + (self.service.desired_count if self.shift else 0)

    def _is_newest(self, task: Task) -> bool:
        return task.deployment_id == self.service.primary.id

    def _is(self, task: Task, health: TaskHealth) -> bool:
        return self.health[task.arn] is health

    def _those(self, tasks: Sequence[Task], health: TaskHealth) -> list[Task]:
        return [task for task in tasks if self._is(task, health)]

    def is_protected(self, task: Task) -> bool:
        return is_protected(task, self.now)

    def _good(self, tasks: Sequence[Task]) -> list[Task]:
        return [task for task in tasks if not self._is(task, TaskHealth.UNHEALTHY)]

    def _surplus(self) -> list[Task]:
        """Tasks of the newest deployment above the desired count, and of the one that serves while traffic moves;
        unhealthy ones are not counted: they go anyway."""
        sides = [self._good(self.newest), self._good([task for task in self.older if self._is_source(task)])]
        desired = self.service.desired_count
        return [task for side in sides for task in self._first_to_go(side, len(side) - desired)]

    def _unhealthy_to_stop(self, going: dict[str, None]) -> list[Task]:
        """Start first: one goes for every task there is above the desired count, once no replacement is under way.
        Where there is no room for a replacement, by the limits or on the container instances, one at a time goes
        first."""
        stops = []
        for deployment in self.service.deployments:
            staying = [task for task in self.counted if task.arn not in going and task.arn not in self.leaving]
            mine = [task for task in staying if task.deployment_id == deployment.id]
            pending = len(self._those(mine, TaskHealth.PENDING))
            extra = len(mine) - pending - self._desired(deployment)
            stops += self._those(mine, TaskHealth.UNHEALTHY)[: max(0, extra)]
        has_room = len(self.wanted) < self._most and not self.service.unplaced
        if stops or going or has_room or self._those(self.wanted, TaskHealth.PENDING):
            return stops
        return self._those(self.wanted, TaskHealth.UNHEALTHY)[:1]

    def _replaced(self, surplus: Sequence[Task]) -> list[Task]:
        """Tasks of older deployments, and those on container instances to be left. While traffic moves each side
        keeps its own lower limit: the other's healthy tasks do not serve its share."""
        older = [task for task in self.older if not self._is_source(task)]
        if self.service.primary.rollout_state is RolloutState.FAILED:
            older = [task for task in older if task.arn in self.leaving]
        if self.shift is None:
            return self._replaced_among(self.wanted, older, surplus)
        newest = [task for task in self.wanted if self._is_newest(task)]
        source = [task for task in self.wanted if self._is_of_source(task)]
        rest = [task for task in older if task not in newest and task not in source]
        return [
            *self._replaced_among(self.wanted, rest, surplus),
            *self._replaced_among(source, [task for task in older if task in source], surplus),
            *self._replaced_among(newest, [task for task in older if task in newest], surplus),
        ]

    def _replaced_among(self, among: Sequence[Task], older: Sequence[Task], surplus: Sequence[Task]) -> list[Task]:
        """Healthy ones go as far as the lower limit allows; the others as soon as they are not needed for it; and
        those that nobody is sent to at once."""
        free = [task for task in older if task.arn in self.unasked]
        older = [task for task in older if task.arn not in self.unasked]
        asked = [task for task in among if task.arn not in self.unasked and task not in surplus]
        healthy = self._those(asked, TaskHealth.HEALTHY)
        spare = len(healthy) - lower_limit(self.service)
        serving = self._those(older, TaskHealth.HEALTHY)
        serving.sort(key=lambda task: (self.is_protected(task), task.arn not in self.leaving))
        idle = [task for task in older if not self._is(task, TaskHealth.HEALTHY)]
        going = sum(task.arn in self.leaving for task in healthy)  # they are to be replaced, so others are on their way
        kept = [*self._kept(idle, going - spare, leaving=False), *self._kept(idle, -spare, leaving=True)]
        return [*free, *(task for task in idle if task not in kept), *serving[: max(0, spare)]]

    def _kept(self, idle: Sequence[Task], count: int, *, leaving: bool) -> list[Task]:
        """So many of these, the unhealthy ones last: they are the first to be dropped."""
        useful = [task for task in idle if (task.arn in self.leaving) == leaving and self._may_serve_soon(task)]
        return sorted(useful, key=lambda task: self._is(task, TaskHealth.UNHEALTHY))[: max(0, count)]

    def _is_of_source(self, task: Task) -> bool:
        """Whether its deployment serves while traffic moves."""
        shift = self.shift
        return shift is not None and task.deployment_id in (shift.source_id, *shift.also_serving)

    def _is_source(self, task: Task) -> bool:
        """Whether it serves while traffic moves, and is to go on doing so."""
        return self._is_of_source(task) and task.arn not in self.leaving

    def _may_serve_soon(self, task: Task) -> bool:
        """Whether it is of the version that is known to work: what died of that is replaced until the newest serves.
        On a container instance to be left that is only what runs already; what is PENDING there goes at once."""
        known = fallback(self.service)
        if task.arn in self.leaving:
            return task.is_running and (self._is_newest(task) or (known is not None and task.deployment_id == known.id))
        return known is not None and task.deployment_id == known.id

    def _starts(self, room: int, stopping: dict[str, None]) -> tuple[tuple[str, int], ...]:
        """Of the free room; an older deployment gets back what died of it, while it is still to be kept."""
        waiting = sum(1 for task in self.wanted if not task.is_running)
        room = min(room, BATCH, PENDING_LIMIT - waiting)
        starts = []
        for deployment in sorted(self.service.deployments, key=lambda item: item is not self._comes_first):
            if self.is_throttled and deployment is self.service.primary:
                continue
            staying = [t for t in self.counted if t.arn not in stopping and t.arn not in self.leaving]
            mine = [t for t in staying if t.deployment_id == deployment.id]
            count = min(self._desired(deployment) - len(self._good(mine)), room)
            if count > 0:
                starts.append((deployment.id, count))
                room -= count
        return tuple(starts)

    @property
    def _comes_first(self) -> Deployment:
        """The newest, so that a version which is bad keeps no better one out; but what serves comes before one that has
        failed already, where the limits leave room for both, and while traffic moves."""
        known = fallback(self.service)
        has_failed = self.service.primary.failed_tasks > 0 and upper_limit(self.service) > self.service.desired_count
        return known if known is not None and (has_failed or self.shift is not None) else self.service.primary

    def _desired(self, deployment: Deployment) -> int:
        """How many tasks it is to have now. A failed one gets no more; one that was overtaken before it was completed
        neither. A completed one that is being replaced keeps what the newest has not made up for."""
        if deployment.rollout_state is RolloutState.FAILED:
            return 0
        if deployment.id == self.service.primary.id:
            waits = self.shift is not None and self.shift.stage.rank < LifecycleStage.SCALE_UP.rank
            return 0 if waits else self.service.desired_count
        if self.shift is not None:
            return self._desired_of_source if deployment.id == self.shift.source_id else 0
        if deployment is not fallback(self.service):
            return 0
        return max(0, min(deployment.desired_count, self.service.desired_count - self._healthy_newest))

    @property
    def _desired_of_source(self) -> int:
        """What others do not serve in its place already."""
        source = self.shift.source_id if self.shift else ""
        others = [task for task in self._good(self.older) if self._is_source(task) and task.deployment_id != source]
        return max(0, self.service.desired_count - len(others))

    @property
    def _healthy_newest(self) -> int:
        return len(self._those(self.newest, TaskHealth.HEALTHY))

    def _first_to_go(self, tasks: Sequence[Task], count: int) -> list[Task]:
        """Whom scaling in takes: those that serve nobody yet, then the youngest; protected ones last."""

        def rank(task: Task) -> tuple[bool, ...]:
            serves = self._is(task, TaskHealth.HEALTHY)
            return (self.is_protected(task), serves, task.last_status is TaskStatus.RUNNING)

        if count <= 0:
            return []
        if self.first_to_go is not None:
            return self.first_to_go(tasks, count, rank)
        return sorted(tasks, key=lambda task: (*rank(task), -task.number))[:count]

    def _is_stuck(self) -> bool:
        all_settled = all(health is TaskHealth.HEALTHY for health in self.health.values())
        is_failed = self.service.primary.rollout_state is RolloutState.FAILED
        is_free = not is_failed and self.shift is None
        return bool(self.older) and is_free and all_settled and len(self.wanted) == len(self.live)
