"""What HAProxy's counters mean for a target's health, told once each time that changes. Pure, with a memory.

Sources: Application Load Balancers' guide, "Health checks for your target groups": a new target is healthy with its
first good check; after that the thresholds count. See `haproxy.py` for where a target's servers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chaos_ecs.core.balancing import GroupRoute, RouteMode, Routing, TargetHealthCheck, TargetRoute
from chaos_ecs.core.balancing_messages import TargetChecked
from chaos_ecs.live.haproxy import Key, Stat, backend_of, keys_of

_Subject = tuple[str, str, str, int]  # group, target, address, port
_PASSED = ("", "")


@dataclass(slots=True)
class _Memory:
    """`since` when, in seconds of a clock that only moves on, all `first` checks have passed or failed alike."""

    told: bool | None = None
    passing: bool | None = None
    since: float = 0.0


@dataclass(slots=True)
class _Count:
    before: int = 0  # of processes that are no more
    now: int = 0


class Verdicts:
    def __init__(self) -> None:
        self._memories: dict[_Subject, _Memory] = {}
        self._counts: dict[tuple[str, str], dict[Key, _Count]] = {}

    def unhealthy(self, routing: Routing) -> dict[Key, None]:
        """The servers of targets that were told as unhealthy last."""
        return {
            (backend_of(group.arn), target.id): None
            for group in routing.groups
            for target in group.targets
            if (memory := self._memories.get(_subject(group, target))) and memory.told is False
        }

    def facts(self, routing: Routing, stats: Mapping[Key, Stat], now: float) -> list[TargetChecked]:
        """What is new in an answer to `show stat`, asked at `now`."""
        told = []
        memories: dict[_Subject, _Memory] = {}
        for group in routing.groups:
            for target in group.targets:
                if target.mode is RouteMode.DRAINING:
                    continue
                subject = _subject(group, target)
                memory = memories[subject] = self._memories.get(subject) or _Memory()
                if fact := _news(group, target, memory, stats, now):
                    told.append(fact)
        self._memories = memories
        self._count(routing, stats)
        return told

    def requests(self) -> dict[str, dict[str, int]]:
        """Group -> target -> requests so far, of the targets there are."""
        totals: dict[str, dict[str, int]] = {}
        for (group, target), counts in self._counts.items():
            totals.setdefault(group, {})[target] = sum(count.before + count.now for count in counts.values())
        return totals

    def _count(self, routing: Routing, stats: Mapping[Key, Stat]) -> None:
        counts: dict[tuple[str, str], dict[Key, _Count]] = {}
        for group in routing.groups:
            for target in group.targets:
                kept = counts[group.arn, target.id] = self._counts.get((group.arn, target.id), {})
                for key in keys_of(group.arn, target):
                    count = kept.setdefault(key, _Count())
                    seen = stats[key].requests if key in stats else 0
                    if seen < count.now:  # another process counts from nothing
                        count.before += count.now
                    count.now = seen
        self._counts = counts


def _subject(group: GroupRoute, target: TargetRoute) -> _Subject:
    return (group.arn, target.id, target.address, target.port)


def _news(
    group: GroupRoute, target: TargetRoute, memory: _Memory, stats: Mapping[Key, Stat], now: float
) -> TargetChecked | None:
    backend = backend_of(group.arn)
    new = target.mode is RouteMode.CHECKED
    stat = stats.get((f"{backend}-new" if new else backend, target.id))
    if stat is None or not stat.check.startswith("L"):
        return None  # INI, UNK: no check is over yet
    if stat.check == "L7STS" and stat.code in ("", "0"):
        return None  # the next check is under way, and has wiped out what the one before was answered
    if new:
        passed = _first_verdict(stat, memory, group.health_check, now)
    else:
        passed = _verdict(stat)
    if passed is None or passed is memory.told:
        return None
    memory.told = passed
    reason, description = _PASSED if passed else _reason(stat)
    return TargetChecked(group.arn, target.id, target.address, passed, reason, description)


def _verdict(stat: Stat) -> bool | None:
    """HAProxy's own, by the group's thresholds."""
    if stat.status.startswith("DOWN"):
        return False
    return True if stat.status.startswith("UP") and _is_good(stat) else None


def _first_verdict(stat: Stat, memory: _Memory, check: TargetHealthCheck, now: float) -> bool | None:
    """A new target is checked far more often than its group asks, so that it need not wait; but it fails no sooner
    than it would at the group's pace. Worked example: every 30 s, threshold 2: after failing for 30 s."""
    passing = _is_good(stat)
    if passing is not memory.passing:
        memory.passing, memory.since = passing, now
    lasted = now - memory.since
    if passing:
        waited = memory.told is None or lasted >= (check.healthy_threshold - 1) * check.interval
    else:
        waited = lasted >= (check.unhealthy_threshold - 1) * check.interval
    return passing if waited else None


def _is_good(stat: Stat) -> bool:
    return stat.check in ("L7OK", "L7OKC")


def _reason(stat: Stat) -> tuple[str, str]:
    """API_TargetHealth's words for a failed check."""
    if stat.check == "L7STS":
        return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{stat.code}]"
    if stat.check.endswith("TOUT"):
        return "Target.Timeout", "Request timed out"
    return "Target.FailedHealthChecks", "Health checks failed"
