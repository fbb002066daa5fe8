"""What the workloads teach, at length: twenty kills at moments that a seed picks, and nothing is lost or half done."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from random import Random
from time import monotonic
from typing import Any

import docker
import pytest

from tests.builders import eventually
from tests.contract.workloads import Running
from tests.e2e.conftest import Room
from tests.e2e.workloads import PATIENCE_SECONDS, Task, Workshop, asked

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.usefixtures("workload_images")]

SEED = 7
KILLS = 20
KILLED = 137


@pytest.fixture
def workshop(room: Room) -> Workshop:
    return Workshop(room)


def tell(words: str) -> None:
    """What is luck and no promise; pytest shows it with -rP."""
    sys.stdout.write(f"{words}\n")


# --- the queue ---

WORKERS = 2
AT_THE_END = 6  # to be done sooner
MESSAGES = 60  # enough that there is always one in hand
JOBS = {"SECONDS_PER_MESSAGE": "2.5", "VISIBILITY_SECONDS": "5"}
SETTINGS = [word for name, value in JOBS.items() for word in ("--env", f"{name}={value}")]


def test_no_message_is_lost_over_twenty_kills_in_the_middle_of_one(workshop: Workshop) -> None:
    workshop.needs("queue")
    up = ("service", "up", "worker", "--task-definition", "queue-worker", "--desired", str(WORKERS), "--no-lb")
    workshop.room.ok(*up, *SETTINGS)
    workshop.room.ok("run-task", "queue-worker", "--command", f"feed {MESSAGES}", *SETTINGS)
    random, broken_off = Random(SEED), 0
    for _ in range(KILLS):
        victim = random.choice(eventually(lambda: two_workers(workshop), PATIENCE_SECONDS))
        broken_off += killed_at_work(workshop, victim["taskArn"])
    eventually(lambda: two_workers(workshop), PATIENCE_SECONDS)
    workshop.room.ok("service", "scale", "worker", str(AT_THE_END))
    eventually(lambda: tally(workshop)["left"] == 0, within=60, every=0.5)
    told = tally(workshop)
    tell(f"{told}, {broken_off} of {KILLS} kills in the middle of a message")
    assert (told["sent"], told["distinct"]) == (MESSAGES, MESSAGES), told
    assert broken_off >= KILLS * 3 // 4, "a kill between two messages proves little"
    killed = [task for task in workshop.tasks_of("worker") if task["containers"][0].get("exitCode") == KILLED]
    assert len(killed) == KILLS


def two_workers(workshop: Workshop) -> list[Task]:
    found = workshop.running("worker")
    return found if len(found) == WORKERS else []


def killed_at_work(workshop: Workshop, worker: str) -> bool:
    """Whether it had a message in its hands when it died."""
    container = workshop.container(worker)
    eventually(lambda: last_line(container.output).startswith("received"), PATIENCE_SECONDS)
    workshop.room.ok("kill", worker.rpartition("/")[2])
    return last_line(container.output).startswith("received")


def tally(workshop: Workshop) -> dict[str, int]:
    told: dict[str, int] = json.loads(last_line(workshop.run("queue-worker", "count")))
    return told


def last_line(output: str) -> str:
    return (output.splitlines() or [""])[-1]


# --- the migration ---

PAUSE_SECONDS = 0.2  # between two of its ten parts
NOTHING = ("", "")
RELATIONS = """
    SELECT string_agg(relname || coalesce('.' || attname, ''), ' ' ORDER BY relname, attnum)
    FROM pg_class LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    WHERE relnamespace = 'public'::regnamespace
"""
ROWS = (
    "SELECT version_num, count(*), count(last_name), count(DISTINCT email) FROM alembic_version, customers GROUP BY 1"
)
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE client_addr <> '127.0.0.1'"


def test_a_migration_that_is_killed_at_any_of_twenty_moments_was_never_there_or_is_done(workshop: Workshop) -> None:
    database = workshop.needs("database")
    workshop.run("migrate", SECONDS=0)
    done = schema(database)
    assert done[1] == "0003|1000|1000|1000"
    kills: list[tuple[str, bool]] = []
    for words, seconds in islice(moments(Random(SEED)), 2 * KILLS):
        set_back(database)
        said = killed_migration(workshop, words, seconds)
        eventually(lambda: database.sql(OTHERS) == "0", PATIENCE_SECONDS)
        found = schema(database)
        assert found in {NOTHING, done}, (words, seconds, said)
        kills += [(said, found == done)] if said is not None else []
        if len(kills) == KILLS:
            break
    tell("\n".join(f"killed after {said!r}: {'all' if is_done else 'nothing'} is there" for said, is_done in kills))
    assert len(kills) == KILLS
    assert any(said == "" for said, _ in kills), f"none before it began to work: {kills}"
    assert sum(said.startswith("step 2") for said, _ in kills) >= KILLS // 4, f"too few at work: {kills}"
    assert any(is_done or "90 %" in said for said, is_done in kills), f"none near its end: {kills}"
    set_back(database)
    workshop.run("migrate", SECONDS=0)
    assert schema(database) == done
    assert [task["containers"][0]["exitCode"] for task in workshop.tasks_from("migrate")].count(KILLED) == KILLS


def moments(random: Random) -> Iterator[tuple[str, float]]:
    """When to kill: so many seconds after it was asked for, or after it said these words; the last ones lie about its
    commit, and more of them make good for those that came too late."""
    yield from (("", (quarter + random.random()) / 4) for quarter in range(4))
    steps = ["in one transaction", "step 1 of 3", "step 2 of 3", *(f": {percent} %" for percent in range(10, 90, 10))]
    yield from ((words, random.random() * PAUSE_SECONDS) for words in steps)
    while True:
        yield ": 90 %", (0.25 + random.random()) * PAUSE_SECONDS


def killed_migration(workshop: Workshop, words: str, seconds: float) -> str | None:
    """What it said last; None if it had ended before."""
    began_at = monotonic()
    task = workshop.start("migrate", SECONDS=10 * PAUSE_SECONDS)
    container = workshop.container(task)
    if words:
        eventually(lambda: words in container.output, PATIENCE_SECONDS, every=0.01)
        began_at = monotonic()
    eventually(lambda: monotonic() - began_at >= seconds, PATIENCE_SECONDS, every=0.01)
    with suppress(docker.errors.APIError):  # it has ended
        container.kill()
    return last_line(container.output) if workshop.exit_code(task) == KILLED else None


def schema(database: Running) -> tuple[str, str]:
    """What is in the database, down to the last column and index; its revision and how many rows are whole."""
    relations = database.sql(RELATIONS)
    return relations, database.sql(ROWS) if "customers.last_name" in relations else ""


def set_back(database: Running) -> None:
    database.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


# --- the API ---

OUTAGE_SECONDS = 10.0
BACK_SECONDS = 5.0


def test_an_api_outlives_an_outage_of_its_database_and_no_task_is_replaced(workshop: Workshop) -> None:
    database = workshop.needs("database")
    wished = ("--task-definition", "api", "--desired", "2", "--health-check-path", "/live")
    url = workshop.room.ok("service", "up", "api", *wished).out.split()[-1]
    assert asked(f"{url}/items", {"name": "tea"})[0] == 201
    tasks = sorted(task["taskArn"] for task in workshop.running("api"))
    workshop.room.ok("service", "scale", "database", "0")
    assert database.exit_code == 0
    answers = asked_for(OUTAGE_SECONDS, url)
    assert {(ready, live) for ready, _, live, _ in answers} == {(503, 200)}, answers
    assert all(told["reason"].startswith("database: ") for _, told, _, _ in answers), answers
    assert {told["task"] for _, told, _, _ in answers} == {arn.rpartition("/")[2] for arn in tasks}, "both were asked"
    workshop.room.ok("service", "scale", "database", "1")
    for _ in tasks:
        eventually(lambda: asked(f"{url}/ready")[0] == 200, within=BACK_SECONDS)
    assert [item["name"] for item in asked(f"{url}/items")[1]["items"]] == ["tea"]
    assert sorted(task["taskArn"] for task in workshop.tasks_of("api")) == tasks, "replaced in vain"


def asked_for(seconds: float, url: str) -> list[tuple[int, dict[str, Any], int, dict[str, Any]]]:
    """What `/ready` and `/live` answered all that time."""
    answers: list[tuple[int, dict[str, Any], int, dict[str, Any]]] = []
    ends_at = monotonic() + seconds

    def is_over() -> bool:
        answers.append((*asked(f"{url}/ready"), *asked(f"{url}/live")))
        return monotonic() >= ends_at

    eventually(is_over, within=2 * seconds, every=0.25)
    return answers


# --- the training ---


def test_a_training_killed_at_70_percent_stays_gone_and_run_again_it_ends_as_if_nothing_had_happened(
    workshop: Workshop,
) -> None:
    killed = workshop.start("train", SECONDS=16)
    workshop.container(killed).says("(70 %)")
    ran = workshop.room.ok("kill", killed.rpartition("/")[2], "--watch-gap", "10")
    assert "10s later, replacements: 0" in ran.out + ran.err
    assert [task["taskArn"] for task in workshop.tasks_from("train")] == [killed]
    assert workshop.exit_code(killed) == KILLED
    resumed, model = trained(workshop)
    assert re.search(r"^train: resumes at [789]\d %", resumed, re.MULTILINE), resumed
    whole, as_if = trained(workshop)
    assert whole.startswith("train: begins")
    assert last_line(losses(resumed)).endswith("(100 %)")
    assert losses(whole).endswith(losses(resumed))
    assert model == as_if, "the same to the last bit"


def trained(workshop: Workshop) -> tuple[str, bytes]:
    """What it printed, and the model that it left."""
    arn = workshop.start("train", SECONDS=1)
    assert workshop.exit_code(arn) == 0
    container = workshop.container(arn)
    return container.output, container.files("/data")["model.npz"]


def losses(output: str) -> str:
    return "\n".join(re.findall(r"^epoch .*", output, re.MULTILINE))
