"""Whose targets are where: what `State` needs so that nobody has to search all targets. Kept by `State` alone."""

from __future__ import annotations

from chaos_ecs.core.balancing import Target

_Index = dict[str, dict[str, None]]


class TargetIndex:
    """Keys of targets by task, by group and by service, each in the order of registration; and services by group."""

    def __init__(self) -> None:
        self.of_task: _Index = {}
        self.in_group: _Index = {}
        self.of_service: _Index = {}
        self.services_of_group: _Index = {}
        self._groups_of_service: dict[str, tuple[str, ...]] = {}

    def add(self, target: Target) -> None:
        for index, key in self._places(target):
            index.setdefault(key, {})[target.key] = None

    def remove(self, target: Target) -> None:
        for index, key in self._places(target):
            index.get(key, {}).pop(target.key, None)
            if not index.get(key, True):
                del index[key]

    def put_service(self, arn: str, groups: tuple[str, ...]) -> None:
        """Which target groups the service registers its tasks in; none for one that is gone."""
        known = self._groups_of_service.get(arn, ())
        if groups == known:
            return
        for group in known:
            self.services_of_group[group].pop(arn, None)
        for group in groups:
            self.services_of_group.setdefault(group, {})[arn] = None
        if groups:
            self._groups_of_service[arn] = groups
        else:
            del self._groups_of_service[arn]

    def _places(self, target: Target) -> tuple[tuple[_Index, str], ...]:
        return (
            (self.of_task, target.task_arn),
            (self.in_group, target.target_group_arn),
            (self.of_service, target.service_arn),
        )
