"""`chaos-ecs try NAME`: one of the six workloads, really run, really killed, and what that teaches.

Each step is a command that a learner could type, and is shown as one. Never here: what the workloads are
registered as (`core/opening.py`), and what they do (`task_images/`).
"""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, TextIO

import typer

from chaos_ecs.cli import find
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Task
from chaos_ecs.errors import ChaosEcsError

PATIENCE_SECONDS = 60.0
LINES_SHOWN = 6
UNTIL_STEADY = ("--detach", "--wait")  # and no longer: in a terminal a service would be followed on
AWAY_SECONDS = 5.0  # long enough to be seen, and for health checks to fail if they asked the wrong question
COUNT_SECONDS = 2.0  # each look is a task
_LOOK_SECONDS = 0.2


class Name(StrEnum):
    WEB = "web"
    API = "api"
    WORKER = "worker"
    MIGRATE = "migrate"
    BATCH = "batch"
    TRAIN = "train"


def try_(
    ctx: typer.Context,
    name: Annotated[Name, typer.Argument(metavar="NAME", help="web, api, worker, migrate, batch or train.")],
) -> None:
    """A real workload, run and killed, and what that teaches: web, api, worker, migrate, batch, train.

    \b
    chaos-ecs try web
    chaos-ecs try train
    """
    shell = shell_of(ctx)
    if shell.controller().own("GetController").get("simulated"):
        why = "this controller simulates: its tasks run no program"
        raise ChaosEcsError("E-SIMULATED", "There is nothing to try", why, "chaos-ecs controller stop", 2)
    trial = Trial(shell)
    plan = _PLANS[name]
    trial.check_free(plan.services)
    trial.bring(plan.images)
    began_at = shell.monotonic()
    plan.carry_out(trial)
    if shell.json:
        shell.tell(as_json({"workload": name, "seconds": shell.monotonic() - began_at, "lesson": trial.learnt}))
    trial.end(plan.services)


@dataclass
class Trial:
    shell: Shell
    heard: dict[str, int] = field(default_factory=dict)
    learnt: tuple[str, ...] = ()

    # --- before it ---

    def check_free(self, services: Mapping[str, str]) -> None:
        """`services`: the family of each that the trial is about to make, or goes on with. Raises E-NAME-TAKEN."""
        _, snapshot, cluster = self.shell.look()
        for name, family in services.items():
            found = snapshot.service_named(cluster, name)
            if found is not None and found.task_definition.partition(":")[0] != family:
                what = f"There is a service {name} already"
                why = f"it runs {found.task_definition}, and the trial would make it run {family}"
                raise ChaosEcsError("E-NAME-TAKEN", what, why, f"chaos-ecs service down {name}", 5)

    def bring(self, images: Sequence[str]) -> None:
        """Builds what is not here yet, which takes as long as it takes: no step of the trial waits for it."""
        from chaos_ecs import wiring

        known = wiring.images()
        for image in images:
            known.build(image, self.shell.say)

    # --- steps ---

    def say(self, sentence: str) -> None:
        self.shell.say("")
        self.shell.say(sentence)

    def needs(self, family: str) -> None:
        """A service of one task that others lean on, found by them under its name."""
        controller, snapshot, cluster = self.shell.look()
        if snapshot.service_named(cluster, family) is None:
            wished = {"minimumHealthyPercent": 0, "maximumPercent": 100}
            self.say(f"It needs a {family}: a service of one task, which tasks of this cluster find by its name.")
            named = f"--cluster {self.shell.cluster_name} --service-name {family} --task-definition {family}"
            self.shell.say(f"$ aws ecs create-service {named} --desired-count 1 \\")
            self.shell.say("      --deployment-configuration minimumHealthyPercent=0,maximumPercent=100")
            controller.ecs(
                "CreateService",
                cluster=cluster,
                serviceName=family,
                taskDefinition=family,
                desiredCount=1,
                deploymentConfiguration=wished,
            )
        self.until(f"the {family} to be healthy", lambda: self.is_steady(family))

    def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> int:
        """A command of ours, shown and run. Raises what it did wrong as its own."""
        from chaos_ecs.cli.app import run

        code = run(self._shown(*words), self._inner(self.out))
        if code not in codes:
            what, why = "The trial ends here", f"its command exited with {code}; what it said is above"
            raise ChaosEcsError("E-TRIAL", what, why, "chaos-ecs events", 1)
        return code

    def start(self, family: str, *options: str) -> str:
        """A standalone task that runs on; the first digits of its id."""
        from chaos_ecs.cli.app import run

        out = io.StringIO()
        words = self._shown("run-task", family, *options, "--no-wait")
        code = run((*words, "-q"), self._inner(out))
        if code:
            raise ChaosEcsError("E-TRIAL", "The trial ends here", "the task did not start", "chaos-ecs ps --all", 1)
        return out.getvalue().split()[0]

    @property
    def out(self) -> TextIO:
        """With --json there is one answer, at the end: all else is for the eyes of a person."""
        return self.shell.err if self.shell.json else self.shell.out

    def _inner(self, out: TextIO) -> Shell:
        return replace(self.shell, out=out, json=False)

    def _shown(self, *words: str) -> Sequence[str]:
        """The words with the cluster, where one was named: what is run, and what is said to be."""
        named = ("--cluster", self.shell.cluster) if self.shell.cluster else ()
        self.shell.say(f"$ chaos-ecs {shlex.join((*named, *words))}")
        return (*named, *words)

    def task(self, digits: str) -> Task:
        _, snapshot, cluster = self.shell.look()
        return find.task(snapshot, cluster, digits)

    def says(self, task: str) -> str:
        """What a task has printed so far."""
        controller, snapshot, cluster = self.shell.look()
        arn = find.task(snapshot, cluster, task).arn
        lines = controller.own("GetTaskLogs", cluster=cluster, task=arn, tail=200)["lines"]
        return "\n".join(line["message"] for line in lines)

    def ends(self, task: str) -> str:
        """Waits for a task's end, shows what it printed last, and answers all of it."""
        self.until(f"{task} to end", lambda: self.task(task).is_stopped)
        told = self.says(task)
        lines = told.splitlines()
        for line in (*lines[:2], "...", *lines[-4:]) if len(lines) > LINES_SHOWN else lines:
            self.shell.say(f"   {task}  {line}")
        return told

    def until(self, what: str, check: Callable[[], bool], every: float = _LOOK_SECONDS) -> None:
        self.shell.say(f"waiting for {what}, at most {PATIENCE_SECONDS:.0f} s")
        ends_at = self.shell.monotonic() + PATIENCE_SECONDS
        while not check():
            if self.shell.monotonic() > ends_at:
                raise ChaosEcsError("E-TIMEOUT", f"Waited in vain for {what}", "", "chaos-ecs events", 124)
            self.shell.sleep(every)

    def after(self, seconds: float, check: Callable[[], bool]) -> Callable[[], bool]:
        """Whether something has been so for a while."""
        since: list[float] = []

        def held() -> bool:
            if not since and check():
                since.append(self.shell.monotonic())
            return bool(since) and self.shell.monotonic() - since[0] >= seconds

        return held

    def is_steady(self, name: str) -> bool:
        _, snapshot, cluster = self.shell.look()
        service = snapshot.service_named(cluster, name)
        return service is not None and service.steady and service.running_count >= service.desired_count > 0

    def url_of(self, service: str) -> str:
        """Where the load balancer answers for it."""
        _, snapshot, cluster = self.shell.look()
        found = snapshot.service_named(cluster, service)
        return snapshot.url_of(found) if found else ""

    def asks(self, url: str) -> int:
        """The status of its answer, which is shown where it is another one than before; 0 where nobody answers."""
        status, reason = _answer(url)
        if self.heard.get(url) != status:
            self.shell.say(f"   GET {url}  {status}  {reason}".rstrip())
            self.heard[url] = status
        return status

    def stopped(self, service: str) -> int:
        """How many tasks of the service, and of those before it that had its name, have stopped so far."""
        _, snapshot, cluster = self.shell.look()
        found = snapshot.service_named(cluster, service)
        return sum(item.is_stopped for item in snapshot.tasks_in(cluster) if found and item.service == found.arn)

    def lesson(self, *sentences: str) -> None:
        self.shell.say("")
        self.learnt = sentences
        for sentence in sentences:
            self._inner(self.out).tell(sentence, fold=True)

    def end(self, services: Mapping[str, str]) -> None:
        self.shell.say("next: chaos-ecs ps   |   chaos-ecs events")
        if services:
            put_away = "   |   ".join(f"chaos-ecs service down {name}" for name in services)
            self.shell.say(f"put it away: {put_away}")


def _answer(url: str) -> tuple[int, str]:
    """Status and reason; 0 where nobody answers. Straight there: a proxy of the environment would answer instead."""
    from http.client import HTTPException
    from urllib import request
    from urllib.error import HTTPError

    try:
        with request.build_opener(request.ProxyHandler({})).open(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, ""
    except HTTPError as refused:
        with refused, suppress(ValueError, AttributeError):
            return refused.code, str(json.loads(refused.read()).get("reason", ""))
        return refused.code, ""
    except (OSError, HTTPException) as error:
        return 0, f"nobody answers: {error}"


# --- the six ---


def _web(trial: Trial) -> None:
    trial.say("A web server must answer at any moment, for ever: nginx, as a service behind the load balancer.")
    trial.run("service", "up", "web", "--task-definition", "web", "--desired", "3", *UNTIL_STEADY)
    trial.say("One of the three is killed. Requests go to the two others until a new one is healthy.")
    trial.run("kill", "web")
    trial.lesson(
        "A web server is a SERVICE. It has no end of its own, any copy is as good as another, and somebody has to"
        " notice a death and start another one. As a standalone task that kill would have been an outage."
    )


def _api(trial: Trial) -> None:
    trial.say("An API back end: Python, with a real PostgreSQL behind it.")
    trial.needs("database")
    wished = ("--task-definition", "api", "--desired", "2", "--health-check-path", "/live")
    trial.run("service", "up", "api", *wished, *UNTIL_STEADY)
    trial.say("Its database is killed: a service, so a new task takes its place, on the same volume.")
    trial.run("kill", "database")
    trial.say("Now it stays away for some seconds. The API lives on (/live), is of no use (/ready), and waits.")
    url = trial.url_of("api")
    trial.run("service", "scale", "database", "0")
    stopped = trial.stopped("api")
    ready, live = _asked_while_away(trial, url)
    trial.run("service", "scale", "database", "1")
    trial.until("the API to be ready by itself", lambda: trial.asks(f"{url}/ready") == 200)
    trial.lesson(
        f"Without its database, {ready.count(503)} of {len(ready)} answers of /ready were 503, and {live.count(200)} of"
        f" {len(live)} of /live were 200. API tasks replaced: {trial.stopped('api') - stopped}.",
        "An API is a SERVICE, and so is its database, with a volume for what must outlive its tasks. Liveness and"
        " readiness are two questions. The load balancer asks /live here, because ECS replaces whoever fails its"
        " health check: with /ready it would have replaced every API task, and each new one would have found the"
        " same database missing.",
    )


def _asked_while_away(trial: Trial, url: str) -> tuple[list[int], list[int]]:
    """What /ready and /live answered for some seconds."""
    ready: list[int] = []
    live: list[int] = []
    ends_at = trial.shell.monotonic() + AWAY_SECONDS
    while trial.shell.monotonic() < ends_at:
        ready.append(trial.asks(f"{url}/ready"))
        live.append(trial.asks(f"{url}/live"))
        trial.shell.sleep(_LOOK_SECONDS)
    return ready, live


def _worker(trial: Trial) -> None:
    trial.say("A queue worker: real boto3 on a real queue that speaks SQS.")
    trial.needs("queue")
    wished = ("--task-definition", "queue-worker", "--desired", "2", "--no-lb", "--env", "SECONDS_PER_MESSAGE=2")
    trial.run("service", "up", "worker", *wished, *UNTIL_STEADY)
    trial.say("Eight messages; and a worker is killed in the middle of one.")
    trial.ends(trial.start("queue-worker", "--command", "feed 8"))
    trial.run("kill", _one_at_work(trial))

    def counted() -> dict[str, Any]:
        told = trial.ends(trial.start("queue-worker", "--command", "count"))
        found: dict[str, Any] = json.loads(told.splitlines()[-1])
        return found

    told: dict[str, Any] = {}

    def is_empty() -> bool:
        told.update(counted())
        return not told["left"]

    trial.until("the queue to be empty", is_empty, every=COUNT_SECONDS)
    lost = told["sent"] - told["distinct"]
    trial.lesson(
        f"Sent {told['sent']}, done {told['distinct']}, twice {told['duplicates']}, lost {lost}.",
        "A worker is a SERVICE: it waits for messages for ever. What was in its hands came back when the visibility"
        " timeout was over, so nothing is lost, and a message may be worked on twice.",
    )


def _one_at_work(trial: Trial) -> str:
    """A worker that has just begun with a message, as its log says, which is shown."""
    found: list[str] = []

    def look() -> bool:
        _, snapshot, cluster = trial.shell.look()
        service = snapshot.service_named(cluster, "worker")
        for item in snapshot.tasks_in(cluster):
            if service and item.service == service.arn and item.is_running:
                last = trial.says(item.short).rpartition("\n")[2]
                if last.startswith("received"):
                    trial.shell.say(f"   {item.short}  {last}")
                    found.append(item.short)
                    return True
        return False

    trial.until("a worker to have a message in its hands", look)
    return found[0]


def _migrate(trial: Trial) -> None:
    trial.say("A database migration: once, before a deployment. It is killed half-way.")
    trial.needs("database")
    if "revision: none" not in trial.ends(trial.start("migrate", "--command", "migrate status")):
        trial.say("It was migrated before: back to an empty schema.")
        trial.ends(trial.start("migrate", "--command", "migrate undo"))
    task = trial.start("migrate", "--env", "SECONDS=8")
    trial.until("it to be in the middle", lambda: "rows" in trial.says(task) or trial.task(task).is_stopped)
    trial.run("kill", task, "--watch-gap", "2", codes=(0, 3, 5))
    trial.say("What it had done is undone: one transaction. Nobody runs it again but you.")
    trial.ends(trial.start("migrate", "--command", "migrate status"))
    trial.run("run-task", "migrate", "--env", "SECONDS=1")
    trial.ends(trial.start("migrate", "--command", "migrate status"))
    trial.lesson(
        "A migration is a STANDALONE TASK: its end is its success. As a service it would be started again and again,"
        " for ever; and two at once wait for each other by a lock."
    )


def _batch(trial: Trial) -> None:
    trial.say("The nightly batch: it reads the database and writes a report into a volume.")
    trial.needs("database")
    trial.ends(trial.start("batch", "--env", "SECONDS=2"))
    trial.say("Killed in the middle, there is no half a report, and nobody starts it again before its time.")
    task = trial.start("batch", "--env", "SECONDS=10")
    trial.until("it to be well under way", trial.after(3.0, lambda: "writes" in trial.says(task)))
    trial.run("kill", task, "--watch-gap", "2")
    trial.ends(trial.start("batch", "--command", "batch reports"))
    trial.lesson(
        "A batch job is a STANDALONE TASK on a SCHEDULE. Yours, every night at two:",
        '  chaos-ecs schedule add nightly --cron "0 2 * * ? *" --task-definition batch',
    )


def _train(trial: Trial) -> None:
    trial.say(
        "Model training: twelve seconds of it, a checkpoint every 5 % in a volume. Killed when it is well under way."
    )
    task = trial.start("train", "--env", "SECONDS=12")
    trial.until("it to be at 70 %", lambda: "70 %" in trial.says(task) or trial.task(task).is_stopped)
    trial.run("kill", task, "--watch-gap", "2", codes=(0, 3, 5))
    trial.say("Nobody restarts it. Run again by hand, it goes on from its checkpoint.")
    trial.ends(trial.start("train", "--env", "SECONDS=12"))
    trial.lesson(
        "Training is a STANDALONE TASK: it has an end. Who restarts it in the ninth hour? Nobody: so it keeps a"
        " checkpoint where its next run finds it."
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """`services`: the family of each service it makes."""

    carry_out: Callable[[Trial], None]
    images: Sequence[str]
    services: Mapping[str, str] = field(default_factory=dict)


_DATABASE = {"database": "database"}
_ON_A_DATABASE = ("balancer", "postgres", "workloads")
_PLANS: Mapping[Name, _Plan] = {
    Name.WEB: _Plan(_web, ("balancer", "web"), {"web": "web"}),
    Name.API: _Plan(_api, _ON_A_DATABASE, {"api": "api", **_DATABASE}),
    Name.WORKER: _Plan(_worker, ("balancer", "queue", "workloads"), {"worker": "queue-worker", "queue": "queue"}),
    Name.MIGRATE: _Plan(_migrate, _ON_A_DATABASE, _DATABASE),
    Name.BATCH: _Plan(_batch, _ON_A_DATABASE, _DATABASE),
    Name.TRAIN: _Plan(_train, ("workloads",)),
}
