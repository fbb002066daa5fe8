"""Many clients at once on one controller. Each keeps its own account of what it was answered, and holds the answers
against it: at once for what nobody else touches, at the end for everything.

Never here: where the controller runs (see `test_crowd.py`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from tests.builders import eventually
from tests.e2e.simulated import CLUSTER

CLIENTS = 16
FAMILY = "crowd"
SHARED = ("shared-0", "shared-1", "shared-2", "shared-3")

Allowed = Mapping[str, Sequence[tuple[str, str]]]
"""The refusals, code and sentence, that an operation may meet."""

_DRAINING = ("InvalidParameterException", "Unable to Start a service that is still Draining.")
_OTHER = ("InvalidParameterException", "Creation of service was not idempotent.")
_MISSING = ("ServiceNotFoundException", "Service not found.")
_GONE = ("ServiceNotActiveException", "Service was not ACTIVE.")
_OF_OWN: Allowed = {"create_service": (_DRAINING,)}
_OF_SHARED: Allowed = {
    "create_service": (_DRAINING, _OTHER),
    "update_service": (_MISSING, _GONE),
    "delete_service": (_MISSING, _GONE),
}


@dataclass(frozen=True)
class Size:
    """How much a client has at a time."""

    services: int
    desired_count: int
    tasks: int


@dataclass(frozen=True)
class Wanted:
    desired_count: int
    task_definition: str


@dataclass
class Account:
    """What one client was answered: its services (None: deleted), its tasks (True: it stopped them), how long calls
    took, what it was refused, and what cannot be explained."""

    services: dict[str, Wanted | None] = field(default_factory=dict)
    tasks: dict[str, bool] = field(default_factory=dict)
    seconds: list[tuple[str, float]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    shared: dict[str, None] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)


class Client:
    def __init__(self, ecs: Any, name: str, size: Size, definitions: Sequence[str]) -> None:
        self.name = name
        self.account = Account()
        self._ecs = ecs
        self._size = size
        self._definitions = definitions
        self._random = Random(name)
        self._steps: tuple[Callable[[], None], ...] = (
            self._create,
            self._update,
            self._update,
            self._describe,
            self._delete,
            self._run,
            self._stop,
            self._list,
            self._share,
        )

    def work(self, until: float) -> None:
        while time.monotonic() < until:
            self._random.choice(self._steps)()

    def leave(self) -> None:
        """Its kept connection is a handle of the controller's too."""
        self._ecs.close()

    # --- its own services ---

    def _create(self) -> None:
        name = f"{self.name}-{self._random.randrange(self._size.services)}"
        if self.account.services.get(name):
            return
        wanted = self._wish()
        if self._call(_OF_OWN, "create_service", serviceName=name, **_said(wanted)):
            self.account.services[name] = wanted

    def _update(self) -> None:
        if (name := self._one_of_own()) is None:
            return
        wanted = self._wish()
        if told := self._call({}, "update_service", service=name, **_said(wanted)):
            self.account.services[name] = wanted
            self._compare(name, wanted, told["service"])

    def _describe(self) -> None:
        if name := self._one_of_own():
            told = self._call({}, "describe_services", services=[name])
            wanted = self.account.services[name]
            if told and wanted:
                self._compare(name, wanted, told["services"][0])

    def _delete(self) -> None:
        name = self._one_of_own()
        if name and self._call({}, "delete_service", service=name, force=True):
            self.account.services[name] = None

    def _compare(self, name: str, wanted: Wanted, told: Any) -> None:
        if (told["status"], told["desiredCount"], told["taskDefinition"]) != (
            "ACTIVE",
            wanted.desired_count,
            wanted.task_definition,
        ):
            self.account.troubles.append(f"{name} is to be {wanted}, and is told as {told}")

    def _one_of_own(self) -> str | None:
        mine = [name for name, wanted in self.account.services.items() if wanted]
        return self._random.choice(mine) if mine else None

    def _wish(self) -> Wanted:
        return Wanted(self._random.randint(0, self._size.desired_count), self._random.choice(self._definitions))

    # --- its own tasks ---

    def _run(self) -> None:
        if len(self._running()) >= self._size.tasks:
            return
        definition = self._random.choice(self._definitions)
        if told := self._call({}, "run_task", taskDefinition=definition, startedBy=self.name):
            self.account.tasks |= {task["taskArn"]: False for task in told["tasks"]}
            self.account.troubles += [str(failure) for failure in told["failures"]]

    def _stop(self) -> None:
        if mine := self._running():
            arn = self._random.choice(mine)
            if self._call({}, "stop_task", task=arn, reason=self.name):
                self.account.tasks[arn] = True

    def _list(self) -> None:
        """All that it runs are there, and by its name nobody else's."""
        told = self._call({}, "list_tasks", startedBy=self.name)
        if told and sorted(told["taskArns"]) != sorted(self._running()):
            self.account.troubles.append(f"{self.name} runs {self._running()}, and is told {told['taskArns']}")

    def _running(self) -> list[str]:
        return [arn for arn, is_stopped in self.account.tasks.items() if not is_stopped]

    # --- what all do to the same names ---

    def _share(self) -> None:
        name = self._random.choice(SHARED)
        match self._random.randrange(3):
            case 0:
                if self._call(_OF_SHARED, "create_service", serviceName=name, **_said(self._wish())):
                    self.account.shared[name] = None
            case 1:
                self._call(_OF_SHARED, "update_service", service=name, **_said(self._wish()))
            case _:
                self._call(_OF_SHARED, "delete_service", service=name, force=True)

    def _call(self, allowed: Allowed, operation: str, **members: Any) -> Any:
        """The answer; None for a refusal, which is a trouble unless it is one of those."""
        began = time.monotonic()
        try:
            return getattr(self._ecs, operation)(cluster=CLUSTER, **members)
        except ClientError as refusal:
            told = refusal.response["Error"]["Code"], refusal.response["Error"]["Message"]
            self.account.refused[f"{operation}: {told[0]}"] += 1
            if told not in allowed.get(operation, ()):
                self.account.troubles.append(f"{operation} {members}: {told}")
            return None
        finally:
            self.account.seconds.append((operation, time.monotonic() - began))


def _said(wanted: Wanted) -> dict[str, Any]:
    return {"desiredCount": wanted.desired_count, "taskDefinition": wanted.task_definition}


# --- all of them ---


def definitions(ecs: Any) -> list[str]:
    """Two revisions to choose from."""
    container = {"name": "app", "image": "chaos-ecs/demo:1", "command": ["worker"], "memory": 32}
    told = [ecs.register_task_definition(family=FAMILY, containerDefinitions=[container]) for _ in range(2)]
    return [one["taskDefinition"]["taskDefinitionArn"] for one in told]


def work(connect: Callable[[], Any], size: Size, *, seconds: float) -> list[Account]:
    """All at once for so long; none of what they were told is without explanation."""
    known = definitions(connect())
    clients = [Client(connect(), f"client-{number}", size, known) for number in range(CLIENTS)]
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(lambda client: client.work(until), clients))
    for client in clients:
        client.leave()
    accounts = [client.account for client in clients]
    troubles = [trouble for account in accounts for trouble in account.troubles]
    assert troubles == [], troubles[:10]
    return accounts


def assert_nothing_lost(
    ecs: Any, accounts: Sequence[Account], *, within: float, forgotten: Callable[[], Collection[str]] = tuple
) -> None:
    """Each service is as it was last asked for, or INACTIVE; each task runs, or says how it ended, but for those
    `forgotten` by now, because the record of stopped tasks is full."""
    services = {name: wanted for account in accounts for name, wanted in account.services.items()}
    eventually(lambda: _services_are(ecs, services), within=within, every=0.5)
    shared = sorted({name for account in accounts for name in account.shared})
    there = _described(ecs, shared)
    assert sorted(one["serviceName"] for one in there) == shared
    active = {name for name, wanted in services.items() if wanted}
    active |= {one["serviceName"] for one in there if one["status"] == "ACTIVE"}
    listed = [
        arn for page in ecs.get_paginator("list_services").paginate(cluster=CLUSTER) for arn in page["serviceArns"]
    ]
    assert {arn.rsplit("/", 1)[1] for arn in listed} == active
    for account in accounts:
        eventually(partial(_tasks_are, ecs, account, forgotten), within=within, every=0.5)


def _services_are(ecs: Any, services: dict[str, Wanted | None]) -> bool:
    told = {one["serviceName"]: one for one in _described(ecs, list(services))}
    assert sorted(told) == sorted(services)
    for name, wanted in services.items():
        one = told[name]
        seen = one["status"], one["desiredCount"], one["runningCount"]
        if wanted is None:
            assert seen == ("INACTIVE", 0, 0), (name, seen)
        else:
            assert seen == ("ACTIVE", wanted.desired_count, wanted.desired_count), (name, wanted, seen)
            assert one["taskDefinition"] == wanted.task_definition, (name, wanted, one)
    return True


def _tasks_are(ecs: Any, account: Account, forgotten: Callable[[], Collection[str]]) -> bool:
    told: dict[str, Any] = {}
    missing: list[str] = []
    arns = list(account.tasks)
    for first in range(0, len(arns), 100):
        answer = ecs.describe_tasks(cluster=CLUSTER, tasks=arns[first : first + 100])
        told |= {task["taskArn"]: task for task in answer["tasks"]}
        missing += [failure["arn"] for failure in answer["failures"]]
    assert set(missing) <= set(forgotten()), missing
    for arn, task in told.items():
        seen = task["lastStatus"], task.get("stopCode")
        assert seen == (("STOPPED", "UserInitiated") if account.tasks[arn] else ("RUNNING", None)), (arn, seen)
    return True


def _described(ecs: Any, names: Sequence[str]) -> list[Any]:
    found: list[Any] = []
    for first in range(0, len(names), 10):
        found += ecs.describe_services(cluster=CLUSTER, services=names[first : first + 10])["services"]
    return found


def delete_everything(ecs: Any, *, within: float) -> None:
    """Deletes the services and stops the tasks, and waits until all of them have ended."""
    for page in ecs.get_paginator("list_services").paginate(cluster=CLUSTER):
        for arn in page["serviceArns"]:
            ecs.delete_service(cluster=CLUSTER, service=arn, force=True)
    for arn in listed_tasks(ecs, "RUNNING"):
        ecs.stop_task(cluster=CLUSTER, task=arn)
    eventually(lambda: all_have_ended(ecs), within=within, every=0.5)


def all_have_ended(ecs: Any) -> bool:
    stopped = listed_tasks(ecs, "STOPPED")
    ending = [
        task["lastStatus"]
        for first in range(0, len(stopped), 100)
        for task in ecs.describe_tasks(cluster=CLUSTER, tasks=stopped[first : first + 100])["tasks"]
        if task["lastStatus"] != "STOPPED"
    ]
    services = ecs.list_services(cluster=CLUSTER)["serviceArns"]
    assert (listed_tasks(ecs, "RUNNING"), ending, services) == ([], [], [])
    return True


def listed_tasks(ecs: Any, desired_status: str) -> list[str]:
    pages = ecs.get_paginator("list_tasks").paginate(cluster=CLUSTER, desiredStatus=desired_status)
    return [arn for page in pages for arn in page["taskArns"]]


def summary(accounts: Sequence[Account]) -> str:
    """How many calls there were, how long they took, what was refused."""
    seconds: dict[str, list[float]] = {"all": []}
    for account in accounts:
        for operation, took in account.seconds:
            seconds.setdefault(operation, []).append(took)
            seconds["all"].append(took)
    lines = [
        f"{operation}: {len(taken)} calls, p50 {_at(taken, 0.5):.0f} ms, p99 {_at(taken, 0.99):.0f} ms"
        for operation, taken in sorted(seconds.items())
    ]
    refused: Counter[str] = sum((account.refused for account in accounts), Counter())
    lines += [f"refused {number} x {what}" for what, number in sorted(refused.items())]
    lines.append(f"{sum(len(account.tasks) for account in accounts)} tasks run")
    return "\n".join(lines) + "\n"


def _at(taken: list[float], part: float) -> float:
    return sorted(taken)[int(part * (len(taken) - 1))] * 1000
