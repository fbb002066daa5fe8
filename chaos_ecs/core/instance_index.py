"""Which container instances a cluster has and which tasks are on them; a part of State's indexes."""

from __future__ import annotations

from chaos_ecs.core.container_instances import ContainerInstance
from chaos_ecs.core.model import Task


class InstanceIndex:
    def __init__(self) -> None:
        self.in_cluster: dict[str, dict[str, None]] = {}
        self.tasks_on: dict[str, dict[str, None]] = {}  # stopped ones and standbys too

    def put(self, instance: ContainerInstance) -> None:
        self.in_cluster.setdefault(instance.cluster_arn, {})[instance.arn] = None

    def remove(self, instance: ContainerInstance) -> None:
        self.in_cluster.get(instance.cluster_arn, {}).pop(instance.arn, None)
        self.tasks_on.pop(instance.arn, None)

    def put_task(self, task: Task) -> None:
        if task.container_instance_arn:
            self.tasks_on.setdefault(task.container_instance_arn, {})[task.arn] = None

    def remove_task(self, task: Task) -> None:
        self.tasks_on.get(task.container_instance_arn, {}).pop(task.arn, None)
