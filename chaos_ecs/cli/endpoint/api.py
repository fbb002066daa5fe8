"""The commands' controller where there is none of ours: one cluster behind an ECS API, looked at again and again.

Here live the look, the memory of what was told, and the gate before every change. Never here: botocore (`calls.py`),
and what an answer means (`seen.py`, `moments.py`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chaos_ecs.cli import refusals
from chaos_ecs.cli.endpoint import place as places
from chaos_ecs.cli.endpoint.calls import Answer, Call
from chaos_ecs.cli.endpoint.moments import Key, moments
from chaos_ecs.cli.endpoint.place import Place
from chaos_ecs.cli.endpoint.seen import Seen, containers, state_of
from chaos_ecs.cli.snapshot import Event
from chaos_ecs.errors import ChaosEcsError

LOOK_EVERY_SECONDS = 2.0
"""While something is awaited: seven calls at most, of which AWS refills 20 a second for an account."""
_READS = ("Describe", "List")
_BEGINS = ("RunTask", "CreateService", "RegisterTaskDefinition")
"""What changes nothing that is there; all that is neither a read nor one of these is asked about first."""
_SERVICES_AT_ONCE, _TASKS_AT_ONCE = 10, 100  # API_DescribeServices, API_DescribeTasks


class EcsApi:
    """One cluster behind an ECS API, as `Controller` wants it. Any thread may call."""

    def __init__(
        self, place: Place, cluster: str, call: Call, agree: Callable[[str], None], *, url: str = "", patience: float
    ) -> None:
        self._place = place
        self._cluster = cluster
        self._call = call
        self.agree = agree
        self._patience = patience
        self.url = url
        self._changed = threading.Condition()
        self._told: list[Event] = []
        self._names: dict[Key, None] = {}
        self._first_seen: dict[str, float] = {}
        self._services: dict[str, None] = {}  # ARNs: one that is deleted is listed no more, and still described
        self._essentials: dict[str, tuple[str, ...]] = {}

    def ecs(self, operation: str, **members: Any) -> Answer:
        """Raises E-NOT-CONFIRMED (exit 5) before a change that nobody agreed to; then nothing was called."""
        if not operation.startswith(_READS) and operation not in _BEGINS:
            self.agree(f"{operation} {refusals.about(members)}".strip())
        return self._call(operation, members)

    def scaling(self, operation: str, **members: Any) -> Answer:
        raise self._only_here(operation, "it is an operation of Application Auto Scaling", "application-autoscaling")

    def fis(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = "") -> Answer:
        raise self._only_here("An experiment", "it is an operation of AWS FIS, which makes real faults", "fis")

    def scheduler(
        self, operation: str, method: str, path: str, body: Mapping[str, Any] | None = None, *, query: str = ""
    ) -> Answer:
        raise self._only_here(operation, "it is an operation of EventBridge Scheduler", "scheduler")

    def own(self, operation: str, **members: Any) -> Answer:
        raise places.only_here(self._place, operation, "it is no operation of the ECS API")

    def raw_state(self) -> Answer:
        """A new look at the cluster. Raises ClusterNotFoundException with the names that there are."""
        seen = self._look()
        with self._changed:
            self._remember(seen)
            return state_of(seen, len(self._told))

    def events(self, after: int, *, follow: bool) -> Iterator[Event]:
        """Numbered as they were noticed; with `follow` the cluster is looked at again and again, without end."""
        if not self._told:
            self.raw_state()
        while True:
            with self._changed:
                new = self._told[after:]
            yield from new
            after += len(new)
            if not follow:
                return
            with self._changed:
                came = self._changed.wait_for(lambda: len(self._told) > after, timeout=self._patience)  # noqa: B023
            if not came:
                self.raw_state()

    def bridged(self, *, follow: bool) -> Iterator[Answer]:
        raise places.only_here(self._place, "The stream of EventBridge's events", "it is no operation of the ECS API")

    def _only_here(self, what: str, why: str, service: str) -> ChaosEcsError:
        return places.only_here(self._place, what, why, f"aws {service} help; or without --endpoint")

    def _remember(self, seen: Seen) -> None:
        for key, event in moments(seen):
            if key not in self._names:
                self._names[key] = None
                self._told.append(replace(event, number=len(self._told) + 1))
        self._changed.notify_all()

    # --- one look ---

    def _look(self) -> Seen:
        cluster = self._described_cluster()
        arns = self._pages("ListServices", "serviceArns")
        with self._changed:
            self._services |= dict.fromkeys(arns)
            known = list(self._services)
        services = self._described("DescribeServices", "services", known, _SERVICES_AT_ONCE)
        arns = [
            arn
            for status in ("RUNNING", "STOPPED")
            for arn in self._pages("ListTasks", "taskArns", desiredStatus=status)
        ]
        tasks = self._described("DescribeTasks", "tasks", list(dict.fromkeys(arns)), _TASKS_AT_ONCE)
        now = time.time()
        dated = [{"createdAt": self._first_seen.setdefault(task["taskArn"], now), **task} for task in tasks]
        self._learn_essentials(dated)
        return Seen(now, cluster, services, dated, self._essentials)

    def _described_cluster(self) -> Answer:
        found = self._call("DescribeClusters", {"clusters": [self._cluster]})["clusters"]
        if not found or found[0]["status"] == "INACTIVE":
            arns = self._call("ListClusters", {})["clusterArns"]
            known = ", ".join(arn.rsplit("/", 1)[-1] for arn in arns) or "none"
            why = f"{self._place.name} has no cluster {self._cluster} in this region and account, only: {known}"
            hint = "Another --cluster, --region or --profile"
            raise ChaosEcsError("ClusterNotFoundException", "Cluster not found", why, hint)
        cluster: Answer = found[0]
        return cluster

    def _pages(self, operation: str, member: str, **members: Any) -> list[str]:
        arns: list[str] = []
        token: str | None = None
        while True:
            answer = self._call(operation, {"cluster": self._cluster, "nextToken": token, **members})
            arns += answer[member]
            token = answer.get("nextToken")
            if not token:
                return arns

    def _described(self, operation: str, member: str, arns: Sequence[str], at_once: int) -> list[Answer]:
        found: list[Answer] = []
        for first in range(0, len(arns), at_once):
            asked = {"cluster": self._cluster, member: list(arns[first : first + at_once])}
            found += self._call(operation, asked)[member]
        return found

    def _learn_essentials(self, tasks: Sequence[Answer]) -> None:
        """Asks for the definitions of tasks of which several containers have ended: which of them speaks for it?"""
        for task in tasks:
            definition = str(task["taskDefinitionArn"])
            ended = [item for item in containers(task) if item.get("exitCode") is not None]
            if len(ended) > 1 and definition not in self._essentials:
                told = self._call("DescribeTaskDefinition", {"taskDefinition": definition})["taskDefinition"]
                named = (item["name"] for item in told["containerDefinitions"] if item.get("essential", True))
                self._essentials[definition] = tuple(named)
